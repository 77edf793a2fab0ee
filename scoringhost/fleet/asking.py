"""Asking a running fleet from another process: which one is meant, and a call over its control socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from scoringhost.fleet.channel import LONGEST_LINE, CallFailed, Channel, ChannelClosed
from scoringhost.fleet.run_folder import CONTROL, default_place, is_running, running_fleets

NO_FLEET = "no_fleet"
"""The kind of a failed call where there is nobody to be called."""


def find_fleet(environ: Mapping[str, str], run_dir: str | None, folder: str | None) -> Path:
    """The run folder of the fleet that is meant: the one that is named, or else the only one of this user's.

    Raises:
        CallFailed: if none runs, or several do and none is named.
    """
    uid = os.getuid()
    if run_dir is not None:
        return _required(Path(run_dir), f"in {run_dir}")
    if folder is not None:
        return _required(default_place(Path(folder), environ, uid), f"of the folder {folder}")
    running = running_fleets(environ, uid)
    if not running:
        hint = "start one with scoringhost serve FOLDER, or name its run folder with --run-dir"
        raise CallFailed(NO_FLEET, f"no fleet of yours runs; {hint}")
    if len(running) > 1:
        names = ", ".join(owner or str(run) for run, owner in running)
        raise CallFailed(NO_FLEET, f"{len(running)} fleets of yours run ({names}); name one with --fleet FOLDER")
    return running[0][0]


def _required(run: Path, which: str) -> Path:
    if not is_running(run):
        raise CallFailed(NO_FLEET, f"no fleet {which} runs")
    return run


def ask(run: Path, method: str, **params: Any) -> Any:
    """Have the fleet of a run folder do something; returns what it answers.

    Raises:
        CallFailed: if it could not, or has gone.
    """
    return asyncio.run(_ask(run, Channel(), method, params, None))


def follow(run: Path, write: Callable[[str], None], **params: Any) -> None:
    """Hand on what a service writes from now on, until the fleet ends.

    Raises:
        CallFailed: if there is no such service.
    """
    channel = Channel(events={"lines": lambda message: write(message["text"])})
    asyncio.run(_ask(run, channel, "follow", params, "stay"))


async def _ask(run: Path, channel: Channel, method: str, params: Mapping[str, Any], stay: str | None) -> Any:
    try:
        channel.use(*await asyncio.open_unix_connection(os.fspath(run / CONTROL), limit=LONGEST_LINE))
    except OSError as problem:
        raise CallFailed(NO_FLEET, f"the fleet in {run} does not answer: {problem.strerror}") from None
    taking = asyncio.create_task(channel.run())
    try:
        answer = await channel.ask(method, **params)
        if stay:
            await taking
        return answer
    except ChannelClosed:
        raise CallFailed(NO_FLEET, "the fleet has ended before it answered") from None
    finally:
        channel.close()
        taking.cancel()
        with suppress(asyncio.CancelledError):
            await taking
