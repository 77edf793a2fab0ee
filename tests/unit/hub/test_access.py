"""Roles: every cell of the table."""

import pytest

from scoringhost.errors import SettingsError
from scoringhost.hub.access import TABLE, Action, Caller, Reach, Role, Roles, require
from scoringhost.hub.errors import NotAllowed

MAY = {
    Role.OWNER: set(Action),
    Role.CONTRIBUTOR: {Action.READ, Action.CALL},
    Role.READER: {Action.READ, Action.CALL},
}
MAY_WITH_OWN = {Action.LOGS, Action.DEPLOY, Action.CHANGE, Action.REGISTER, Action.CHANGE_MODEL}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_each_role_may_do_what_the_table_says(action: Action, role: Role) -> None:
    caller = Caller("ann", role)
    for owner in (None, "ann", "bob"):
        is_own = role is Role.CONTRIBUTOR and action in MAY_WITH_OWN and owner != "bob"
        if action in MAY[role] or is_own:
            require(caller, action, owner)
        else:
            with pytest.raises(NotAllowed):
                require(caller, action, owner)


def test_the_table_has_a_word_for_every_cell() -> None:
    assert set(TABLE) == set(Action)
    assert all(set(row) == set(Role) for row in TABLE.values())
    assert all(reach in Reach for row in TABLE.values() for reach in row.values())


def test_who_is_not_listed_is_a_reader() -> None:
    roles = Roles("ann=owner, bob@example.com=contributor")
    assert roles.of("ann") == ("ann", Role.OWNER)
    assert roles.of("bob@example.com").role is Role.CONTRIBUTOR
    assert roles.of("eve").role is Role.READER
    assert Roles(None).of("ann").role is Role.READER


@pytest.mark.parametrize("text", ["ann", "ann=", "=owner", "ann=king", "ann:owner"])
def test_what_names_no_role_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="hub_roles"):
        Roles(text)
