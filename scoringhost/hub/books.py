"""The hub's folder for code on an event loop: each piece of work opens it on a thread, and closes it again.

A connection of SQLite belongs to one thread. To open one takes about a millisecond, which is less than the commit that
most of the work is; and what stores a large model keeps nobody else from his.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from scoringhost.hub.content import Files
from scoringhost.hub.desired import Deployments
from scoringhost.hub.home import Home
from scoringhost.hub.registry import Registry
from scoringhost.hub.room import of_system
from scoringhost.hub.services import Services
from scoringhost.hub.users import ServiceUsers
from scoringhost.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Books:
    """All that is kept in an opened folder."""

    home: Home
    files: Files
    registry: Registry
    services: Services
    deployments: Deployments


class Desk:
    """Where work on the folder is done."""

    def __init__(self, path: Path, settings: Settings, users: ServiceUsers | None = None) -> None:
        self.path, self._settings, self._users = path, settings, users
        self._held: Home | None = None

    def hold(self) -> None:
        """Keep the folder open, until `let_go` on the same thread.

        Whoever closes a database last has to write its log into it, and whoever opens it first makes the files beside
        it anew, which cannot be where the disk is full: then not even a list could be read.
        """
        self._held = self._held or Home(self.path)
        with self._held.reading() as database:  # only who has read something is counted among those who have it open
            database.execute("SELECT count(*) FROM services").fetchone()

    def let_go(self) -> None:
        """Do so no longer."""
        if self._held is not None:
            self._held.close()
            self._held = None

    async def do(self, work: Callable[[Books], T]) -> T:
        """Do something on a thread; returns what it returns. It is done to its end, whoever waits for it."""
        return await asyncio.to_thread(self._do, work)

    def _do(self, work: Callable[[Books], T]) -> T:
        try:
            return self._opened(work)
        except OSError as problem:
            raise of_system(self.path, problem) from None

    def _opened(self, work: Callable[[Books], T]) -> T:
        with Home(self.path) as home:
            deployments = Deployments(home, self._settings, self._users)
            return work(Books(home, Files(home), Registry(home), Services(home), deployments))
