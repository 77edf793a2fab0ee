"""The hub's folder for code on an event loop: each piece of work opens it on a thread, and closes it again.

A connection of SQLite belongs to one thread. To open one takes about a millisecond, which is less than the commit that
most of the work is; and what stores a large model keeps nobody else from his.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from scoringhost.hub.content import Files
from scoringhost.hub.desired import Deployments
from scoringhost.hub.errors import HomeUnusable
from scoringhost.hub.home import Home
from scoringhost.hub.registry import Registry
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

    async def do(self, work: Callable[[Books], T]) -> T:
        """Do something on a thread; returns what it returns. It is done to its end, whoever waits for it."""
        return await asyncio.to_thread(self._do, work)

    def _do(self, work: Callable[[Books], T]) -> T:
        try:
            return self._opened(work)
        except sqlite3.Error as problem:  # such as a disk that is full
            raise HomeUnusable(str(self.path), str(problem)) from None

    def _opened(self, work: Callable[[Books], T]) -> T:
        with Home(self.path) as home:
            deployments = Deployments(home, self._settings, self._users)
            return work(Books(home, Files(home), Registry(home), Services(home), deployments))
