"""What the hub cannot do. Each error is the caller's, unless it says that something is broken.

HubError
├── NameRefused          a name, or a version, that cannot be one
├── ValueRefused         another value that cannot be used; names the field
├── ModelNotFound        no model of that name, or no such version of it
├── PropertyFixed        a property that has been set already
├── ModelInUse           what something depends on is not deleted
├── PlaceTaken           there is something where a file or folder is to be put
├── ServiceNotFound      no service of that name, or no such version of it
├── ServiceExists        a name that is taken
├── VersionExists        a version that is there already
├── ChangeUnderWay       another deployment of the same version is on trial
├── DeploymentRefused    a setting, a script or a number of a deployment that cannot be used; names the field
├── DeploymentFailed     it was started, and could not be; the version before, if there is one, serves on
├── NothingToRollBack    nothing was before
├── UploadNotFound       no upload of that id, or another part of it is expected
├── LoginRefused         a name and a password, or a refresh token, that let nobody in
├── LoginUnavailable     a LoginRefused: who it is cannot be found out now
├── TokenRefused         an access token that does not hold
├── SessionNotFound      no session, or snapshot of one, of that id, or it is somebody else's
├── BatchNotFound        no batch of that id, or no such record or file of it
├── NotAllowed           the caller's role does not allow it
├── HubRunning           another process is the hub of this folder
├── HubNotRunning        none is, and none could be started
├── HubAnswered          a hub elsewhere has refused; has its code and status
├── HomeUnusable         the hub's folder cannot be used, or is of a later version
├── DiskFull             there is no room left where something is to be written
└── ContentDamaged       files of the hub are missing, or not what they were
"""

from __future__ import annotations

from collections.abc import Sequence


class HubError(Exception):
    """The hub cannot do it; the message says why."""


class NameRefused(HubError):
    """A name that cannot be one."""

    def __init__(self, what: str, name: str, rule: str) -> None:
        super().__init__(f"{name!r} is no name for a {what}: {rule}")
        self.what, self.name, self.rule = what, name, rule


class ValueRefused(HubError):
    """A value that cannot be used."""

    def __init__(self, field: str, expected: str, given: object) -> None:
        super().__init__(f"{field}: {expected} is expected, and not {given!r}")
        self.field, self.expected, self.given = field, expected, given


class ModelNotFound(HubError):
    """There is no model of that name, or it has no such version."""

    def __init__(self, name: str, version: int | None = None, *, known: Sequence[str] = ()) -> None:
        if version is None:
            text = f"there is no model {name!r}"
            text += f"; is {known[0]!r} meant?" if known else ""
        else:
            text = f"there is no version {version} of the model {name!r}"
            text += f"; there is {', '.join(known)}" if known else ""
        super().__init__(text)
        self.name, self.version, self.known = name, version, known


class PropertyFixed(HubError):
    """A property says what a model is, so that it is set once."""

    def __init__(self, model: str, keys: Sequence[str]) -> None:
        super().__init__(f"{model} has the propert{'y' if len(keys) == 1 else 'ies'} {', '.join(keys)} already")
        self.model, self.keys = model, keys


class ModelInUse(HubError):
    """Something that is deployed depends on the model."""

    def __init__(self, model: str, users: Sequence[str]) -> None:
        super().__init__(f"{model} is in use by {', '.join(users)}")
        self.model, self.users = model, users


class PlaceTaken(HubError):
    """Something is where a file or folder is to be put."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is there already")
        self.path = path


class HomeUnusable(HubError):
    """The folder of a hub cannot be used."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} cannot be the folder of a hub: {why}")
        self.path, self.why = path, why


class DiskFull(HubError):
    """There is no room left where something was to be written; nothing of it is there."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is no room left on the disk of {path}")
        self.path = path


class ContentDamaged(HubError):
    """Files are missing, or not what they were when they were stored."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        super().__init__(f"{what} is damaged: {'; '.join(problems)}")
        self.what, self.problems = what, problems


class ServiceNotFound(HubError):
    """There is no service of that name, or it has no such version."""

    def __init__(self, name: str, version: str | None = None, *, known: Sequence[str] = ()) -> None:
        if version is None:
            text = f"there is no service {name!r}"
            text += f"; is {known[0]!r} meant?" if known else ""
        else:
            text = f"the service {name!r} has no version {version!r}"
            text += f"; there is {', '.join(known)}" if known else ""
        super().__init__(text)
        self.name, self.version, self.known = name, version, known


class ServiceExists(HubError):
    """The name is taken."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(f"there is a service {name!r} already, of {owner}")
        self.name, self.owner = name, owner


class VersionExists(HubError):
    """The version is there already."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"{name}:{version} is there already")
        self.name, self.version = name, version


class ChangeUnderWay(HubError):
    """Somebody else is changing it just now."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"{name}:{version} is being deployed just now; try again when that has ended")
        self.name, self.version = name, version


class DeploymentRefused(HubError):
    """A deployment that cannot be tried, as something in it cannot be used."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}" if field else why)
        self.field, self.why = field, why


class DeploymentFailed(HubError):
    """It was tried, and could not be started. `reason`: all that is known; `log`: the last lines that it wrote."""

    def __init__(self, name: str, version: str, reason: str, log: Sequence[str] = ()) -> None:
        super().__init__(f"{name}:{version} could not be started: {reason}")
        self.name, self.version, self.reason, self.log = name, version, reason, tuple(log)


class NothingToRollBack(HubError):
    """There is nothing that a service could go back to."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is nothing before what {name!r} is now, or it is not kept any more")
        self.name = name


class UploadNotFound(HubError):
    """There is no such upload, or the part that was sent does not go on where the one before has ended."""

    def __init__(self, upload: str, expected: int | None = None) -> None:
        text = f"there is no upload {upload!r}" if expected is None else f"the upload goes on at byte {expected}"
        super().__init__(text)
        self.upload, self.expected = upload, expected


class SessionNotFound(HubError):
    """There is no session, or snapshot, of that id; or somebody else has made it; or it has been forgotten."""

    def __init__(self, kind: str, given: str) -> None:
        super().__init__(f"there is no {kind} {given!r} of yours, or not any more: it is forgotten after an hour")
        self.kind, self.given = kind, given


class BatchNotFound(HubError):
    """There is no batch of that id, or it is another's; or it has no such record, or file of one."""

    def __init__(self, what: str) -> None:
        super().__init__(f"there is no {what}")
        self.what_there_is_not = what


class NotAllowed(HubError):
    """The role of a caller does not allow what he asks for."""

    def __init__(self, who: str, role: str, action: str, why: str = "") -> None:
        super().__init__(f"{who} is a {role}, who may not {action}{f': {why}' if why else ''}")
        self.who, self.role, self.action = who, role, action


class LoginRefused(HubError):
    """A name and a password, or a refresh token, that let nobody in."""


class LoginUnavailable(LoginRefused):
    """Nobody can say now whether to let somebody in. `retry_s`: seconds after which it may be tried again."""

    def __init__(self, why: str, retry_s: int) -> None:
        super().__init__(why)
        self.retry_s = retry_s


class TokenRefused(HubError):
    """An access token that does not hold, or none at all."""


class HubRunning(HubError):
    """Another process is the hub of this folder."""

    def __init__(self, home: str, who: str) -> None:
        super().__init__(f"a hub of {home} runs already ({who})")
        self.home, self.who = home, who


class HubNotRunning(HubError):
    """No hub answers, and none could be started."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"no hub answers at {where}: {why}")
        self.where, self.why = where, why


class HubAnswered(HubError):
    """A hub has refused. `code`: the word for programs; `field`: what in the request was wrong, if anything."""

    def __init__(self, status: int, code: str, message: str, field: str = "", log: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status, self.code, self.field, self.log = status, code, field, tuple(log)
