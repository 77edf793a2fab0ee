"""The users file: what is in it, who may read it, and that it changes as a whole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from scoringhost.errors import SettingsError
from scoringhost.hub.access import Role
from scoringhost.hub.accounts import users_file
from scoringhost.hub.accounts.passwords import NOBODYS, hashed, is_hash, matches
from scoringhost.hub.accounts.users_file import User, Users, changing, read_users, require_name
from scoringhost.hub.errors import NameRefused


def test_a_hash_matches_its_password_and_no_other() -> None:
    kept = hashed("pässword")
    assert matches("pässword", kept)
    assert not matches("password", kept)
    assert kept != hashed("pässword")  # salted
    assert "password" not in kept


def test_nothing_matches_the_hash_of_nobody() -> None:
    assert is_hash(NOBODYS)
    assert not matches("", NOBODYS)


@pytest.mark.parametrize(
    "kept",
    ["", "plain", "scrypt$16$8$1$AA==$AA==", "scrypt$15$8$1$" + "A" * 24 + "$" + "A" * 44, "scrypt$1073741824$8$1$x$y"],
)
def test_a_text_that_is_no_hash_or_a_dear_one_is_refused(kept: str) -> None:
    assert not is_hash(kept)


def test_the_file_is_for_its_owner_alone_whatever_the_umask(users_path: Path, add_user) -> None:
    add_user("ann", "secret")
    assert users_path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_can_read_is_refused_by_name(users_path: Path, add_user) -> None:
    add_user("ann", "secret")
    users_path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        Users(users_path)


def test_a_line_that_is_none_is_named_by_its_number_and_its_hash_is_not_shown(users_path: Path) -> None:
    users_path.touch(0o600)
    users_path.write_text("# people\nann king scrypt$hash\n")
    with pytest.raises(SettingsError, match="line 2") as refused:
        Users(users_path)
    assert "scrypt$" not in str(refused.value)


def test_a_change_is_seen_and_a_file_that_is_damaged_leaves_what_was_known(
    users_path: Path, add_user, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users_file, "LOOK_AGAIN_S", 0)
    add_user("ann", "secret")
    users = Users(users_path)
    assert users.find("bob") is None
    add_user("bob", "secret", Role.OWNER)
    bob = users.find("bob")
    assert bob is not None
    assert bob.role is Role.OWNER
    users_path.write_text("nonsense\n")
    assert users.find("bob") == bob


def test_several_that_change_it_at_once_lose_nothing(users_path: Path) -> None:
    kept = hashed("x")

    def add(name: str) -> None:
        with changing(users_path) as found:
            found[name] = User(Role.READER, kept)

    threads = [threading.Thread(target=add, args=(f"user{number}",)) for number in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(read_users(users_path)) == 20


def test_a_change_that_fails_leaves_the_file(users_path: Path, add_user) -> None:
    add_user("ann", "secret")
    before = users_path.read_bytes()

    def change() -> None:
        with changing(users_path) as found:
            found.clear()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert users_path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "a b", "#ann", "a\nb", "x" * 101])
def test_a_name_that_would_break_the_file_is_refused(name: str) -> None:
    with pytest.raises(NameRefused):
        require_name(name)
