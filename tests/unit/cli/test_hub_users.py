"""scoringhost hub add-user and its like."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scoringhost.cli import main
from scoringhost.hub.accounts import passwords
from scoringhost.hub.accounts.users_file import read_users


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 2**4)


def run(verb: str, path: Path, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["hub", verb, "--users", str(path), *words], input=typed)


def test_a_user_is_added_changed_listed_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "users"
    assert run("add-user", path, "--role", "contributor", "ann", typed="correct horse\n").exit_code == 0
    assert passwords.matches("correct horse", read_users(path)["ann"].kept)
    assert run("set-role", path, "--role", "owner", "ann").exit_code == 0
    assert run("set-password", path, "ann", typed="battery staple").exit_code == 0
    assert passwords.matches("battery staple", read_users(path)["ann"].kept)
    assert run("list-users", path).output == "ann owner\n"
    assert run("remove-user", path, "ann").exit_code == 0
    assert run("list-users", path).output == ""


@pytest.mark.parametrize(
    ("verb", "words", "typed", "why"),
    [
        ("add-user", ["--role", "owner", "ann"], "another one\n", "already"),
        ("add-user", ["--role", "owner", "a b"], "another one\n", "no name"),
        ("add-user", ["--role", "owner", "bob"], "\n", "password is expected"),
        ("remove-user", ["eve"], "", "no user 'eve'"),
        ("set-role", ["--role", "owner", "eve"], "", "no user 'eve'"),
        ("set-password", ["eve"], "another one\n", "no user 'eve'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    tmp_path: Path, verb: str, words: list[str], typed: str, why: str
) -> None:
    path = tmp_path / "users"
    run("add-user", path, "--role", "reader", "ann", typed="correct horse\n")
    before = path.read_bytes()
    done = run(verb, path, *words, typed=typed)
    assert (done.exit_code, path.read_bytes()) == (1, before)
    assert why in done.output


def test_a_short_password_is_warned_of(tmp_path: Path) -> None:
    done = run("add-user", tmp_path / "users", "--role", "reader", "ann", typed="abc\n")
    assert (done.exit_code, "fewer than 8" in done.output) == (0, True)
