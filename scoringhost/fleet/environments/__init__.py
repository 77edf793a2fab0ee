"""The Python environments of services: a file, a folder or an archive becomes an interpreter to run in.

`Environments` is what the supervisor has. What takes time is done by `builder`, in a process of its own for each
environment: `making` decides what has to be done, `requirements`, `conda` and `archive` know what can be asked for,
`pythons` and `own` who is asked and what they must have, `installing` runs pip, uv or conda, and `cache` keeps
the result.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from scoringhost.fleet.environments.cache import Cached as Cached
from scoringhost.fleet.environments.cache import cache_folder as cache_folder
from scoringhost.fleet.environments.cache import cached as cached
from scoringhost.fleet.environments.cache import hold
from scoringhost.fleet.environments.cache import remove_unused as remove_unused
from scoringhost.fleet.environments.errors import EnvironmentFailed as EnvironmentFailed
from scoringhost.fleet.environments.pythons import Interpreter as Interpreter
from scoringhost.telemetry.logs import HOST_LOGGER

STOP_S = 5.0
"""Seconds in which a builder that is not wanted any more may remove what it has made."""
LONGEST_LINE = 1 << 20

log = logging.getLogger(HOST_LOGGER)


class Environments:
    """The environments of a fleet. All of it is used on one event loop.

    `environ`: the variables that pip, uv and conda see. `extras`: optional parts of scoringhost that every environment
    that is made here gets, such as "grpc". `tell`: hears how far the making is, each line with the environment's path;
    else the log does. `at_once`: how many are made at the same time.
    """

    def __init__(
        self,
        cache: Path,
        environ: Mapping[str, str],
        *,
        extras: Sequence[str] = (),
        tell: Callable[[str], None] | None = None,
        at_once: int = 2,
    ) -> None:
        self._cache, self._environ, self._extras = cache, environ, tuple(extras)
        self._tell = tell or log.info
        self._turns = asyncio.Semaphore(at_once)
        self._making: dict[Path, asyncio.Task[Interpreter]] = {}
        self._wanted_by: dict[Path, int] = {}
        self._held: dict[str, IO[bytes]] = {}

    async def interpreter(self, environment: str | None, folder: Path) -> Interpreter:
        """The interpreter for what a service asks for; `folder` is what paths are relative to.

        None is the environment of this process. It is looked at anew each time, as a file may have changed;
        whoever asks while the same one is being made waits for that. It is given up when nobody waits any more.

        Raises:
            EnvironmentFailed: if there is none, with the reason.
        """
        if environment is None:
            return Interpreter(Path(sys.executable), {})
        # normpath and not resolve: bin/python of a virtual environment is a link, and must stay one.
        place = Path(os.path.normpath(folder.absolute() / os.path.expanduser(environment)))
        task = self._making.get(place)
        if task is None:
            task = self._making[place] = asyncio.get_running_loop().create_task(self._make(place))
            task.add_done_callback(lambda _: self._making.pop(place, None))
        self._wanted_by[place] = self._wanted_by.get(place, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self._wanted_by[place] -= 1
            if self._wanted_by[place] == 0 and not task.done():
                task.cancel()

    async def close(self) -> None:
        """Give up what is being made, and let go of all that was: it may be removed from now on."""
        making = list(self._making.values())
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        for mark in self._held.values():
            mark.close()
        self._held.clear()

    async def _make(self, place: Path) -> Interpreter:
        async with self._turns:
            found = await self._build(place)
        if "failed" in found:
            raise EnvironmentFailed(f"environment {place}: {found['failed']}")
        kept = found["folder"]
        if kept is not None and kept not in self._held:
            self._held[kept] = hold(Path(kept))
        return Interpreter(Path(found["python"]), found["environ"])

    async def _build(self, place: Path) -> dict[str, Any]:
        """Have a builder make it; returns the last that it said."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "scoringhost.fleet.environments.builder"),
            env=self._environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LONGEST_LINE,
            start_new_session=True,
        )
        try:
            return await self._listen(process, place)
        finally:
            if process.returncode is None:
                await asyncio.shield(_end(process))

    async def _listen(self, process: asyncio.subprocess.Process, place: Path) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        wanted = {"environment": str(place), "cache": str(self._cache), "extras": self._extras, "parent": os.getpid()}
        with suppress(ConnectionError):  # it has ended already: what it wrote says why
            process.stdin.write(json.dumps(wanted).encode() + b"\n")
            await process.stdin.drain()
        others: deque[str] = deque(maxlen=10)
        async for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:  # what Python itself writes when it fails
                others.append(line.decode(errors="replace").rstrip())
                continue
            if "news" not in said:
                await process.wait()
                return dict(said)
            self._tell(f"environment {place}: {said['news']}")
        code = await process.wait()
        return {"failed": "\n".join([f"the process that makes it ended with {code}", *others])}


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a builder with all that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_S)
            return
