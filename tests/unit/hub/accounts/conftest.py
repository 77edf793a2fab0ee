"""Users whose hashes are cheap, so that tests do not wait for scrypt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.hub.access import Role
from scoringhost.hub.accounts import passwords
from scoringhost.hub.accounts.users_file import User, changing

AddUser = Callable[..., None]


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 2**4)


@pytest.fixture
def users_path(tmp_path: Path) -> Path:
    return tmp_path / "users"


@pytest.fixture
def add_user(users_path: Path) -> AddUser:
    def add(name: str, password: str, role: Role = Role.READER) -> None:
        with changing(users_path) as found:
            found[name] = User(role, passwords.hashed(password))

    return add
