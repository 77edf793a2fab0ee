"""What cannot be done on a cluster. Each error names the object, and the field where there is one.

ClusterError
├── ContextNotFound       no kube context of that name, or no kubeconfig at all
├── KubeconfigUnusable    the kubeconfig, or what it says to authenticate with, cannot be used
├── ClusterUnreachable    the API server does not answer
├── LoginRefused          it answers, and does not know who is asking (401)
├── NotPermitted          who is asking may not do it (403)
├── QuotaExceeded         a quota of the namespace does not allow it
├── AdmissionRefused      a policy or a webhook of the cluster does not allow it
├── ManifestRefused       the API server says that a field is wrong (422, 400)
├── KindNotServed         the cluster has no such kind, or not in that version
├── NamespaceNotFound     the namespace is not there; it is not made
├── FieldsTaken           fields that somebody else has set since (server-side apply)
├── ObjectTaken           an object of that name is there, and was not made for this service
├── ServiceNotDeployed    no service of that name was deployed from here
├── ServiceDeployed       a service of that name is there already
├── ChangedMeanwhile      somebody else is deploying the same service
├── RolloutFailed         it was applied, and its pods cannot run; the cause is in it
├── RolloutUnfinished     it has neither become ready nor failed in the time that was given
├── KeysMissing           the service asks for no keys
└── ClusterBroken         the API server failed (5xx), or answered what cannot be understood

Values of Secrets are in none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scoringhost.kubernetes.states import Seen


class ClusterError(Exception):
    """It cannot be done on the cluster; the message says why."""


class ContextNotFound(ClusterError):
    """No kube context of that name."""

    def __init__(self, context: str | None, known: Sequence[str], path: str) -> None:
        names = ", ".join(known) or "none"
        what = f"no kube context {context!r}" if context else "no current kube context"
        super().__init__(f"{what} in {path}; there are: {names}")
        self.context, self.known, self.path = context, tuple(known), path


class KubeconfigUnusable(ClusterError):
    """The kubeconfig cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class ClusterUnreachable(ClusterError):
    """The API server does not answer."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"the cluster does not answer at {server}: {reason}")
        self.server, self.reason = server, reason


class LoginRefused(ClusterError):
    """The API server does not know who is asking."""

    def __init__(self, server: str, context: str) -> None:
        super().__init__(f"{server} does not accept what kube context {context!r} authenticates with; log in again")
        self.server, self.context = server, context


class ObjectError(ClusterError):
    """Something about one object; `what` is its kind and name."""

    def __init__(self, what: str, message: str) -> None:
        super().__init__(f"{what}: {message}")
        self.what = what


class NotPermitted(ObjectError):
    """Who is asking may not do it."""

    def __init__(self, what: str, verb: str, reason: str) -> None:
        super().__init__(what, f"you may not {verb} it: {reason}")
        self.verb, self.reason = verb, reason


class QuotaExceeded(ObjectError):
    """A quota of the namespace does not allow it."""


class AdmissionRefused(ObjectError):
    """A policy or a webhook of the cluster does not allow it."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A field that is wrong, as the API server names it, and why."""

    field: str
    reason: str


class ManifestRefused(ObjectError):
    """The API server says that fields are wrong."""

    def __init__(self, what: str, problems: Sequence[FieldProblem], message: str) -> None:
        said = "; ".join(f"{one.field}: {one.reason}" for one in problems)
        super().__init__(what, said or message)
        self.problems = tuple(problems)


class KindNotServed(ObjectError):
    """The cluster has no such kind, or not in that version."""

    def __init__(self, what: str, api_version: str) -> None:
        super().__init__(what, f"the cluster does not know this kind of {api_version}; install its definitions first")
        self.api_version = api_version


class NamespaceNotFound(ClusterError):
    """The namespace is not there."""

    def __init__(self, namespace: str) -> None:
        super().__init__(f"there is no namespace {namespace!r}; make it first: kubectl create namespace {namespace}")
        self.namespace = namespace


@dataclass(frozen=True, slots=True)
class TakenField:
    """A field that somebody else has set: its path in the object, and the name of who has."""

    field: str
    manager: str


class FieldsTaken(ObjectError):
    """Fields that somebody else has set since to other values."""

    def __init__(self, what: str, fields: Sequence[TakenField]) -> None:
        said = ", ".join(f"{one.field} by {one.manager}" for one in fields)
        super().__init__(what, f"set by somebody else since: {said}; force (--force) takes them over")
        self.fields = tuple(fields)


class ObjectTaken(ObjectError):
    """An object of that name is there already, and is not this service's."""

    def __init__(self, what: str, owner: str) -> None:
        super().__init__(what, f"it is there already, {owner}; choose another name; force (--force) takes it over")
        self.owner = owner


class ServiceNotDeployed(ClusterError):
    """No service of that name was deployed from here."""

    def __init__(self, name: str, namespace: str) -> None:
        super().__init__(f"there is no service {name!r} in namespace {namespace!r} that was deployed from here")
        self.name, self.namespace = name, namespace


class ServiceDeployed(ClusterError):
    """A service of that name is there already."""

    def __init__(self, name: str, namespace: str) -> None:
        super().__init__(f"there is a service {name!r} in namespace {namespace!r} already")
        self.name, self.namespace = name, namespace


class ChangedMeanwhile(ClusterError):
    """Somebody else has changed the same service meanwhile."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: somebody else has changed it just now; look at it, and try again")
        self.name = name


class RolloutFailed(ClusterError):
    """It was applied, and cannot run. `seen`: its state; `log`: the last lines of what has failed."""

    def __init__(self, name: str, seen: Seen, log: Sequence[str]) -> None:
        going_on = "; what ran before goes on" if seen.others_available else ""
        super().__init__(f"{name} is {seen.state}: {seen.cause}: {seen.detail}{going_on}")
        self.name, self.seen, self.log = name, seen, tuple(log)


class RolloutUnfinished(ClusterError):
    """It has neither become ready nor failed in the time that was given, in seconds."""

    def __init__(self, name: str, seen: Seen, timeout_s: float) -> None:
        why = f" ({seen.cause}: {seen.detail})" if seen.cause else ""
        super().__init__(f"{name} is {seen.state} after {timeout_s:g} s{why}")
        self.name, self.seen, self.timeout_s = name, seen, timeout_s


class KeysMissing(ClusterError):
    """The service asks for no keys."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no keys: it was deployed without them")
        self.name = name


class ClusterBroken(ObjectError):
    """The API server failed, or answered what cannot be understood."""
