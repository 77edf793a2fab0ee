"""What the hub cannot do. Each error is the caller's, unless it says that something is broken.

HubError
├── NameRefused          a name, or a version, that cannot be one
├── ValueRefused         another value that cannot be used; names the field
├── ModelNotFound        no model of that name, or no such version of it
├── PropertyFixed        a property that has been set already
├── ModelInUse           what something depends on is not deleted
├── PlaceTaken           there is something where a file or folder is to be put
├── HomeUnusable         the hub's folder cannot be used, or is of a later version
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


class ContentDamaged(HubError):
    """Files are missing, or not what they were when they were stored."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        super().__init__(f"{what} is damaged: {'; '.join(problems)}")
        self.what, self.problems = what, problems
