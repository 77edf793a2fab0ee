"""From the catalogue's rows to what the fleet runs: files on the disk, and the description of each version.

HOME/deployments/ID/ROOT/                           the folder that was deployed, or `app` with the file or nothing
HOME/deployments/ID/ROOT/azureml-models/NAME/VERSION/ its models, where Azure ML's entry scripts look for them

A deployment's folder is made once, beside its place, and renamed; and removed when nothing names it any more.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scoringhost.errors import SettingsError
from scoringhost.fleet.catalogue import CatalogueReading, UnusableService, read_version
from scoringhost.fleet.service_file import ServiceFile, read_service_file, service_file_of
from scoringhost.fleet.specs import NamedService, ServiceSpec
from scoringhost.hub.content import Content, Files
from scoringhost.hub.dividing import traffic_of
from scoringhost.hub.errors import ContentDamaged, DeploymentRefused, HubError
from scoringhost.hub.home import Home
from scoringhost.hub.registry import Registry
from scoringhost.hub.service_values import Deployment, Recipe, Service, Trial, Version, Wanted
from scoringhost.hub.services import Services
from scoringhost.hub.users import ServiceUsers
from scoringhost.settings import Settings
from scoringhost.settings.fleet_folder import served_in
from scoringhost.settings.served import ENTRY_FILE

LAYOUT = "azureml-models"
FOLDER, ALONE = "deployments", "app"
_MAKING = ".making-"


@dataclass(frozen=True, slots=True)
class Desired:
    """What is to run. resting: names and versions that are not to."""

    reading: CatalogueReading
    resting: frozenset[tuple[str, str]]


class Deployments:
    """The folders that deployments run from."""

    def __init__(self, home: Home, settings: Settings, users: ServiceUsers | None = None) -> None:
        """`settings`: of the fleet that runs them. users: that they run as; None for the one that the hub is."""
        self._home, self._settings, self._users = home, settings, users
        self._files, self._registry, self._services = Files(home), Registry(home), Services(home)
        self.folder = (home.path if users is None else users.base) / FOLDER

    # -- files --------------------------------------------------------------------------------------

    def place(self, deployment: Deployment) -> Path:
        """The folder that the script of a deployment, or its model, runs in."""
        root = deployment.root if deployment.is_folder else ALONE
        return self.folder / str(deployment.id) / root

    def put(self, deployment: Deployment) -> Path:
        """Make its folder, if it is not there; whole, or not at all. Returns the folder that it runs in.

        Raises:
            ContentDamaged: if one of its files is not what it was.
        """
        place = self.place(deployment)
        whole = self.folder / str(deployment.id)
        if whole.exists():
            self._hand_over(deployment, whole)
            return place
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self._users is not None:
            os.chmod(self.folder, 0o711)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=_MAKING) as beside:
            made = Path(beside) / "whole"
            (made / place.name).mkdir(parents=True)
            for content, folder in self._parts(deployment):
                target = made / folder
                if folder == "." and content.is_folder:
                    (made / place.name).rmdir()
                self._files.put(content, target)
            self._hand_over(deployment, made)
            os.rename(made, whole)
        return place

    def _hand_over(self, deployment: Deployment, whole: Path) -> None:
        """Have the service's user read a folder, which stays the hub's: what was deployed is what runs."""
        if self._users is None:
            return
        group = self._users.of(self._home, deployment.service)
        if whole.stat().st_gid != group or whole.stat().st_mode & 0o777 != 0o750:
            for folder, _, _ in os.walk(whole):
                os.chmod(folder, 0o755)  # whatever the hub's umask has made of it
            os.chown(whole, os.geteuid(), group)
            os.chmod(whole, 0o750)

    def _parts(self, deployment: Deployment) -> Iterator[tuple[Content, str]]:
        """All that is in its folder, each with the folder below it in which it is."""
        content = self._services.content(deployment)
        if content.files:
            yield content, "." if content.is_folder else ALONE
        inner = self.place(deployment).name
        for name, version in deployment.recipe.models:
            yield self._registry.content(name, version), f"{inner}/{LAYOUT}/{name}/{version}"

    def problems(self, deployment: Deployment) -> list[str]:
        """What in its folder is not what it was when it was deployed."""
        whole, found = self.folder / str(deployment.id), []
        for content, folder in self._parts(deployment):
            base = whole / folder
            for file in content.files:
                path = base / content.root / file.path if content.is_folder else base / content.root
                problem = _difference(path, file.digest)
                if problem is not None:
                    found.append(f"{path.relative_to(whole)}: {problem}")
        return found

    def forget(self, deployment: int) -> None:
        """Remove the folder of a deployment, of which nothing runs any more."""
        shutil.rmtree(self.folder / str(deployment), ignore_errors=True)

    def tidy(self, held: set[int], *, is_alone: bool = False) -> None:
        """Remove the folders that nothing names; `held`: deployments whose folders stay though nothing does.

        is_alone: nobody makes any just now, so that what was left in the middle is removed, too.
        """
        if self._users is not None:
            self._users.tidy(self._home)
        if not self.folder.is_dir():
            return
        # In this order: whoever makes a folder has committed what names it before.
        found = list(self.folder.iterdir())
        kept = {str(number) for number in (*named_by(self._services.all()), *held)}
        for path in found:
            if path.name not in kept and (is_alone or not path.name.startswith(_MAKING)):
                shutil.rmtree(path, ignore_errors=True)

    # -- descriptions -------------------------------------------------------------------------------

    def spec(self, deployment: Deployment) -> tuple[ServiceSpec, tuple[str, ...]]:
        """How the fleet runs a deployment whose folder is there, and what to warn of.

        Raises:
            DeploymentRefused: if it cannot run as it is described; names what.
        """
        place = self.place(deployment)
        try:
            folder, script = self._served(deployment, place)
            below = read_service_file(place)
            file = file_of(deployment.recipe, place, script).over(below)
            user = None if self._users is None else self._users.of(self._home, deployment.service)
            theirs = {} if self._users is None or user is None else self._users.environ_of(user)
            environ = {**theirs, "AML_APP_ROOT": str(folder), **self._model_dir(deployment, place), **file.environ}
            named = ServiceFile(
                deployment.service,
                deployment.version,
                file.script or script,
                file.settings,
                environ,
                file.environment,
                file.replicas,
            )
            spec, warnings = read_version(folder, named, self._settings)
            return dataclasses.replace(spec, user=user), warnings
        except SettingsError as problem:
            raise refused(problem, place) from None

    def _served(self, deployment: Deployment, place: Path) -> tuple[Path, Path | None]:
        """The folder to run in, and what is served; None if the folder says so itself."""
        if deployment.recipe.script is not None:
            return place, _inside(place, deployment.recipe.script)
        if not deployment.is_folder:
            return place, place / deployment.root
        if served_in(place) is not None or not deployment.recipe.models:
            return place, None
        if len(deployment.recipe.models) > 1:
            raise SettingsError("script", None, "several models need a script that says what to do with them")
        name, version = deployment.recipe.models[0]
        (model,) = (place / LAYOUT / name / str(version)).iterdir()
        if (model / ENTRY_FILE).is_file():  # a model that was registered with its code
            return model, model / ENTRY_FILE
        return place, model if model.is_file() else served_in(model) or model

    def _model_dir(self, deployment: Deployment, place: Path) -> dict[str, str]:
        models = deployment.recipe.models
        if not models:
            return {}  # what lies beside the script is found as `serve` finds it
        folder = place / LAYOUT
        if len(models) == 1:
            folder = folder / models[0][0] / str(models[0][1])
        return {"AZUREML_MODEL_DIR": str(folder)}

    # -- all of it ----------------------------------------------------------------------------------

    def read(self, services: Iterable[Service]) -> Desired:
        """What is to run when a hub starts: every file is looked at, and what is damaged does not run."""
        catalogue: dict[str, NamedService] = {}
        unusable: list[UnusableService] = []
        resting: set[tuple[str, str]] = set()
        warnings: list[str] = []
        for service in services:
            specs: dict[str, ServiceSpec] = {}
            for one in service.versions:
                if one.deployment is None:
                    continue
                if one.wanted is Wanted.STOPPED:
                    resting.add((one.service, one.version))
                try:
                    specs[one.version], more = self.restored(one.deployment)
                    warnings += more
                except HubError as problem:
                    place = self.place(one.deployment)
                    unusable.append(UnusableService(one.service, one.version, place, str(problem)))
            if specs:
                catalogue[service.name] = NamedService(service.name, specs, traffic_of(service.division))
        return Desired(CatalogueReading(catalogue, tuple(unusable), tuple(warnings)), frozenset(resting))

    def restored(self, deployment: Deployment) -> tuple[ServiceSpec, tuple[str, ...]]:
        """The description of what ran before, if its files are what they were.

        Raises:
            ContentDamaged: if they are not.
            DeploymentRefused: if it cannot run any more as it is described.
        """
        is_new = not (self.folder / str(deployment.id)).exists()
        self.put(deployment)
        problems = [] if is_new else self.problems(deployment)  # what was just made was looked at on its way
        if problems:
            raise ContentDamaged(f"what {deployment.service}:{deployment.version} runs from", problems)
        return self.spec(deployment)


def named_by(services: Iterable[Service]) -> Iterator[int]:
    """The deployments whose folders are needed."""
    for service in services:
        for one in service.versions:
            yield from (deployment.id for deployment in _of(one))


def _of(version: Version) -> Iterator[Deployment]:
    for one in (version.deployment, version.on_trial):
        if one is not None and one.state is not Trial.REPLACED:
            yield one


def file_of(recipe: Recipe, place: Path, script: Path | None) -> ServiceFile:
    """What a deployment says over the service.json of its folder.

    Raises:
        SettingsError: if a setting is not there, or a value is of another type.
    """
    content: dict[str, object] = {"settings": dict(recipe.settings), "environ": dict(recipe.environ)}
    if script is not None:
        content["script"] = str(script)
    if recipe.environment is not None:
        content["environment"] = recipe.environment
    if recipe.pool:
        content["replicas"] = dict(recipe.pool)
    return service_file_of(content, place, place / "deployment")


def refused(problem: SettingsError, place: Path) -> DeploymentRefused:
    """The error in the hub's words, which do not say where the folder is."""
    reason = problem.reason.replace(f"{place}{os.sep}", "").replace(str(place), "the folder")
    return DeploymentRefused(problem.name.partition(" ")[0], reason)


def _inside(place: Path, script: str) -> Path:
    path = place / script
    if not path.resolve().is_relative_to(place.resolve()):
        raise SettingsError("script", script, "it is not in the folder that was deployed")
    return path


def _difference(path: Path, digest: str) -> str | None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        return problem.strerror or "it cannot be read"
    return None if found == digest else "its content has changed"
