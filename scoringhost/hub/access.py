"""Who may do what: roles, and a table of role by action."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from scoringhost.errors import SettingsError
from scoringhost.hub.errors import NotAllowed


class Role(StrEnum):
    """What a caller is to a hub."""

    OWNER = "owner"
    CONTRIBUTOR = "contributor"
    READER = "reader"


class Action(StrEnum):
    """What can be asked of a hub, as a message says it."""

    READ = "look at services and models"
    LOGS = "read the log of a service"
    CALL = "try a service"
    DEPLOY = "deploy"
    CHANGE = "change a service"
    REGISTER = "register models"
    CHANGE_MODEL = "change a model"
    PATHS = "name files of the hub's machine"
    ENVIRONMENTS = "have an environment made"
    LINKS = "make links that open the page"
    STOP = "stop the hub"


class Reach(StrEnum):
    """Of what: of everything, of what is the caller's own, or of nothing."""

    ALL = "all"
    OWN = "own"
    NONE = "none"


class Caller(NamedTuple):
    """Who asks, and what he is."""

    name: str
    role: Role


_ALL, _OWN, _NONE = Reach.ALL, Reach.OWN, Reach.NONE
TABLE: dict[Action, dict[Role, Reach]] = {
    action: dict(zip(Role, reaches, strict=True))
    for action, reaches in {
        #                     owner contributor reader
        Action.READ:         (_ALL, _ALL, _ALL),
        Action.LOGS:         (_ALL, _OWN, _NONE),
        Action.CALL:         (_ALL, _ALL, _ALL),
        Action.DEPLOY:       (_ALL, _OWN, _NONE),
        Action.CHANGE:       (_ALL, _OWN, _NONE),
        Action.REGISTER:     (_ALL, _OWN, _NONE),
        Action.CHANGE_MODEL: (_ALL, _OWN, _NONE),
        Action.PATHS:        (_ALL, _NONE, _NONE),
        Action.ENVIRONMENTS: (_ALL, _NONE, _NONE),
        Action.LINKS:        (_ALL, _NONE, _NONE),
        Action.STOP:         (_ALL, _NONE, _NONE),
    }.items()
}  # fmt: skip
"""`own`: of what the caller has deployed or registered himself; a name that nobody has is anybody's."""


def require(caller: Caller, action: Action, owner: str | None = None) -> None:
    """Nothing, if a caller may do something. owner: whose it is that he asks for; None if it is nobody's.

    Raises:
        NotAllowed: if he may not.
    """
    reach = TABLE[action][caller.role]
    if reach is Reach.NONE:
        raise NotAllowed(caller.name, caller.role, action)
    if reach is Reach.OWN and owner not in (None, caller.name):
        raise NotAllowed(caller.name, caller.role, action, f"it is {owner}'s")


def may(caller: Caller, action: Action) -> bool:
    """Whether a caller may do something to everything, whoever is the owner."""
    return TABLE[action][caller.role] is Reach.ALL


class Roles:
    """The roles of callers by their names."""

    def __init__(self, text: str | None) -> None:
        """text: `alice=owner, bob=contributor`; whoever is not named is a reader.

        Raises:
            SettingsError: if it is something else.
        """
        self._roles: dict[str, Role] = {}
        for word in filter(None, (word.strip() for word in (text or "").split(","))):
            name, _, role = word.rpartition("=")
            if not name or role not in list(Role):
                raise SettingsError("hub_roles", word, f"it must be NAME=ROLE, with one of {', '.join(Role)}")
            self._roles[name] = Role(role)

    def of(self, name: str) -> Caller:
        """A caller with his role."""
        return Caller(name, self._roles.get(name, Role.READER))
