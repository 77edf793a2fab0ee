"""How a service of several versions is to run on Kubernetes: the versions, and their shares of the requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from scoringhost.azureml._checks import Problems
from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration
from scoringhost.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from scoringhost.kubernetes.endpoint import EndpointOnKubernetes

FIRST_VERSION = "1"
"""Of an endpoint whose first version was given no name."""
GATEWAY = "scoringhost"
"""The Gateway that shares out the requests, if none is named."""
MOST_VERSIONS = 6
OF_THE_ENDPOINT = (
    "auth_enabled",
    "token_auth_enabled",
    "primary_key",
    "secondary_key",
    "namespace",
    "compute_target_name",
    "host",
    "gateway",
)
"""Parameters that all versions share: no caller knows which one answers."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an endpoint: how it runs, and its part of the requests, in per cent."""

    configuration: AksServiceDeploymentConfiguration
    traffic_percentile: float = 0
    is_control_version_type: bool = False


@dataclass
class AksEndpointDeploymentConfiguration(AksServiceDeploymentConfiguration):
    """What AksEndpoint.deploy_configuration makes: the first of several versions, with its share of the requests.

    The first version is the default until another is made it. The default gets what the percentages of all leave.
    """

    version_name: str | None = None
    traffic_percentile: float | None = None

    compute_type: ClassVar[str] = "AKSENDPOINT"

    def __post_init__(self) -> None:
        super().__post_init__()
        own = {one.name: getattr(self, one.name) for one in fields(AksServiceDeploymentConfiguration)}
        first = Version(_quietly_made(own), self.traffic_percentile or 0)
        self.default_version = self.version_name or FIRST_VERSION
        self.versions: dict[str, Version] = {self.default_version: first}

    def _check(self, problems: Problems) -> None:
        super()._check(problems)
        problems.text("version_name", self.version_name)
        _check_share(problems, self.traffic_percentile)

    # -- versions -----------------------------------------------------------------------------------

    def create_version(
        self,
        version_name: str,
        *,
        traffic_percentile: float = 0,
        is_default: bool = False,
        is_control_version_type: bool = False,
        **parameters: Any,
    ) -> None:
        """Add a version. parameters: those of AksWebservice.deploy_configuration that are not of the whole endpoint, as
        its keys and its namespace are; what is left out has Azure's default.

        is_default: it becomes the default in place of the one that was. is_control_version_type: it becomes the
        control, with which the others, the treatments, are compared.

        Raises:
            WebserviceException: if it cannot be; the endpoint is then as before.
        """
        if version_name in self.versions:
            raise WebserviceException(f"there is a version {version_name!r} already; update_version changes it")
        if len(self.versions) >= MOST_VERSIONS:
            raise WebserviceException(f"an endpoint has {MOST_VERSIONS} versions at most: {', '.join(self.versions)}")
        whole = {name: getattr(self, name) for name in OF_THE_ENDPOINT}
        made = Version(_made(whole | _of_a_version(parameters)), _share(traffic_percentile), is_control_version_type)
        self._take({**self.versions, version_name: made}, version_name, is_default)

    def update_version(
        self,
        version_name: str,
        *,
        traffic_percentile: float | None = None,
        is_default: bool | None = None,
        is_control_version_type: bool | None = None,
        **parameters: Any,
    ) -> None:
        """Change a version; what is left out, or None, stays as it is.

        Raises:
            WebserviceException: if it cannot be, or is none of this endpoint; the endpoint is then as before.
        """
        known = self._known(version_name)
        changed = {name: value for name, value in _of_a_version(parameters).items() if value is not None}
        if is_default is False and version_name == self.default_version:
            raise WebserviceException(f"{version_name} is the default version; make another one the default instead")
        if changed:
            kept = {
                one.name: getattr(known.configuration, one.name) for one in fields(AksServiceDeploymentConfiguration)
            }
            known = replace(known, configuration=_made(kept | changed))
        if traffic_percentile is not None:
            known = replace(known, traffic_percentile=_share(traffic_percentile))
        if is_control_version_type is not None:
            known = replace(known, is_control_version_type=is_control_version_type)
        self._take({**self.versions, version_name: known}, version_name, bool(is_default))

    def delete_version(self, version_name: str) -> None:
        """Remove a version; its share goes to the default.

        Raises:
            WebserviceException: if it is the default, or none of this endpoint.
        """
        self._known(version_name)
        if version_name == self.default_version:
            raise WebserviceException(f"{version_name} is the default version; make another one the default first")
        del self.versions[version_name]

    def _known(self, version_name: str) -> Version:
        if version_name not in self.versions:
            raise WebserviceException(f"there is no version {version_name!r}; there are {', '.join(self.versions)}")
        return self.versions[version_name]

    def _take(self, versions: dict[str, Version], changed: str, is_default: bool) -> None:
        """Have these versions from now on, if they can be. The newest default and the newest control are the ones."""
        total = sum(one.traffic_percentile for one in versions.values())
        if total > 100:
            shares = ", ".join(f"{name} {one.traffic_percentile:g}" for name, one in versions.items())
            raise WebserviceException(f"traffic_percentile: {shares} are {total:g} together, which is more than 100")
        if versions[changed].is_control_version_type:
            for name, one in versions.items():
                versions[name] = replace(one, is_control_version_type=name == changed)
        self.versions = versions
        if is_default:
            self.default_version = changed

    # -- on Kubernetes ------------------------------------------------------------------------------

    def endpoint_on_kubernetes(
        self, name: str, image: str | Mapping[str, str], host: str | None = None, gateway: str = GATEWAY, **more: Any
    ) -> EndpointOnKubernetes:
        """The endpoint `name`. image: of all versions, or of each by its name. more: fields of a ServiceOnKubernetes.

        Raises:
            WebserviceException: if there cannot be such an endpoint; has all that is wrong.
        """
        from scoringhost.azureml.core.webservice._on_kubernetes import service_of, translated
        from scoringhost.kubernetes.endpoint import EndpointOnKubernetes, EndpointVersion
        from scoringhost.kubernetes.service import Route

        images = dict.fromkeys(self.versions, image) if isinstance(image, str) else image
        missing = self.versions.keys() - images.keys()
        if missing:
            raise WebserviceException(f"image: there is none for {', '.join(sorted(missing))}")
        made = []
        access: dict[str, Any] = {}
        for version, one in self.versions.items():
            service = service_of(one.configuration, name, images[version], {"version": version} | access | more)
            # A caller does not know which version answers: all take the keys and tokens of the first.
            access = access or {"keys": service.keys, "tokens": service.tokens}
            made.append(
                EndpointVersion(service=service, percent=one.traffic_percentile, is_control=one.is_control_version_type)
            )
        with translated():
            route = Route(host=host, gateway=gateway)
            return EndpointOnKubernetes(name=name, versions=tuple(made), default=self.default_version, route=route)

    def manifests(
        self,
        name: str,
        *,
        image: str | Mapping[str, str],
        target: str = "kubernetes",
        host: str | None = None,
        gateway: str | None = None,
        models: Sequence[str] = (),
        **more: Any,
    ) -> list[dict[str, Any]]:
        """What has to be in a cluster for the endpoint `name`, with a Deployment for each version and one HTTPRoute.

        image: of all versions, or of each by its name. gateway: "NAME" or "NAMESPACE/NAME" of the Gateway that shares
        out the requests. The rest is as for AksWebservice.

        Raises:
            WebserviceException: if there cannot be such an endpoint; has all that is wrong.
        """
        from scoringhost.azureml.core.webservice._on_kubernetes import require_target, warn_of
        from scoringhost.kubernetes.endpoint import endpoint_manifests_of
        from scoringhost.kubernetes.manifests import warnings_of

        require_target(target)
        if target == "kserve":
            raise WebserviceException(
                "target: versions with shares are for `kubernetes`; KServe has canaryTrafficPercent"
            )
        endpoint = self.endpoint_on_kubernetes(name, image, host, gateway or GATEWAY, models=tuple(models), **more)
        warn_of(sorted({sentence for one in endpoint.versions for sentence in warnings_of(one.service)}))
        return endpoint_manifests_of(endpoint)


def _of_a_version(parameters: dict[str, Any]) -> dict[str, Any]:
    shared = [name for name in OF_THE_ENDPOINT if parameters.get(name) is not None]
    if shared:
        raise WebserviceException(f"{', '.join(shared)}: of the whole endpoint, and not of one version")
    return parameters


def _made(parameters: Mapping[str, Any]) -> AksServiceDeploymentConfiguration:
    try:
        return AksServiceDeploymentConfiguration(**parameters)
    except TypeError as problem:  # a name that is none; values are never the reason
        raise WebserviceException(str(problem).partition("__init__() ")[2] or str(problem), problem) from problem


def _quietly_made(parameters: Mapping[str, Any]) -> AksServiceDeploymentConfiguration:
    """The same, of parameters that have been warned of."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _made(parameters)


def _share(value: Any) -> float:
    problems = Problems()
    _check_share(problems, value)
    problems.raise_any()
    return value or 0


def _check_share(problems: Problems, share: Any) -> None:
    name = "traffic_percentile"
    if problems.is_number(name, share) and share is not None and not 0 <= share <= 100:
        problems.add(f"{name} must be per cent, from 0 to 100, not {share!r}")
