"""Plays the supervisor of a fleet: starts replica sets of a script, prints the ids of all processes, and waits."""

import asyncio
import os
import sys
from pathlib import Path

from scoringhost.fleet.notices import Notices
from scoringhost.fleet.replica_set import ReplicaSet
from scoringhost.fleet.specs import ServiceSpec
from scoringhost.fleet.surroundings import Listeners, Surroundings
from scoringhost.fleet.templates import Templates
from scoringhost.settings import Settings


async def main(script: Path, run_folder: Path, number: int) -> None:
    surroundings = Surroundings(Templates(os.environ), Notices(run_folder / "n"), run_folder, os.environ)
    listeners = Listeners(lambda data: None, lambda: None, lambda reason: None)
    sets = [
        ReplicaSet(str(n), ServiceSpec(f"s{n}", "1", script, script.parent), Settings(), surroundings, listeners)
        for n in range(number)
    ]
    await asyncio.gather(*(one.start() for one in sets))
    pids = [*surroundings.templates.pids]
    for one in sets:
        pids += [one.pid, *(worker.pid for worker in one.workers)]
    print("pids", *pids, flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
