"""What one more idle replica set costs: private memory, and time from the request to fork until it is ready.

    python tests/bench/fleet_memory.py [--sets 20] [--service samples/diabetes]

Private memory (USS) is what /proc/PID/smaps_rollup says of a master and its worker: pages that no other process has.
Pages that only these two share are in neither; "one more set" counts them, as what the whole fleet's share of memory
(PSS) grows by with each set after the first. The time has the script's own import and init() in it, which take some
10 ms for the sample; on a machine with other work, look at the processor time.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from scoringhost.fleet.notices import Notices
from scoringhost.fleet.replica_set import ReplicaSet
from scoringhost.fleet.specs import ServiceSpec
from scoringhost.fleet.surroundings import Listeners, Surroundings
from scoringhost.fleet.templates import Templates
from scoringhost.settings import Settings

SETTLE_S = 3.0


def rollup_mib(pid: int, *names: str) -> float:
    found = dict.fromkeys(names, 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name = line.partition(":")[0]
        if name in found:
            found[name] = int(line.split()[1])
    return sum(found.values()) / 1024


def uss_mib(pid: int) -> float:
    return rollup_mib(pid, "Private_Clean", "Private_Dirty")


def processor_s(pid: int) -> tuple[float, float]:
    """Of its main thread: for how long it ran, and for how long it waited for a core, in seconds.

    Read to the nanosecond: the ticks of /proc/PID/stat are as long as a fifth of a start.
    """
    ran_ns, waited_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(ran_ns) / 1e9, int(waited_ns) / 1e9


async def measure(service: Path, number: int, folder: Path) -> None:
    surroundings = Surroundings(Templates(os.environ), Notices(folder / "n"), folder, dict(os.environ))
    listeners = Listeners(lambda data: None, lambda: None, lambda reason: None)
    sets: list[ReplicaSet] = []
    times_s, cpu_s, queued_s = [], [], []

    def pids() -> list[int]:
        return [pid for one in sets for pid in (one.pid, *(worker.pid for worker in one.workers))]

    def whole_mib() -> float:
        return sum(rollup_mib(pid, "Pss") for pid in [*pids(), *surroundings.templates.pids])

    first_mib = 0.0
    for n in range(number):
        spec = ServiceSpec(f"s{n}", "1", service / "score.py", service)
        one = ReplicaSet(str(n), spec, Settings(), surroundings, listeners)
        began_s = time.perf_counter()
        await one.start()
        times_s.append(time.perf_counter() - began_s)
        both = [processor_s(pid) for pid in (one.pid, one.workers[0].pid)]
        cpu_s.append(sum(ran_s for ran_s, _ in both))
        queued_s.append(sum(waited_s for _, waited_s in both))
        sets.append(one)
        if n == 0:
            await asyncio.sleep(SETTLE_S)
            first_mib = whole_mib()
    await asyncio.sleep(SETTLE_S)
    masters = [uss_mib(one.pid) for one in sets]
    workers = [uss_mib(one.workers[0].pid) for one in sets]
    first_s, *rest_s = times_s
    print(f"Python {sys.version.split()[0]}, {number} idle sets of {service.name}")
    print(f"first set, with the start of the template: {first_s:.2f} s")
    print(f"each one more: median {statistics.median(rest_s) * 1000:.0f} ms, at most {max(rest_s) * 1000:.0f} ms")
    print(f"of which processor time of the two processes: {statistics.median(cpu_s) * 1000:.0f} ms")
    print(
        f"and waiting for a core: {statistics.median(queued_s) * 1000:.0f} ms, with a load of {os.getloadavg()[0]:.1f}"
    )
    both = statistics.median(masters) + statistics.median(workers)
    print(
        f"private memory (USS): master {statistics.median(masters):.1f} + worker {statistics.median(workers):.1f}"
        f" = {both:.1f} MiB"
    )
    all_mib = whole_mib()
    one_more_mib = (all_mib - first_mib) / (number - 1)
    print(f"one more set (PSS): {one_more_mib:.1f} MiB; {number} sets and template: {all_mib:.0f} MiB")
    began_s = time.perf_counter()
    await asyncio.gather(*(one.stop() for one in sets))
    print(f"all stopped within {time.perf_counter() - began_s:.1f} s")
    await surroundings.templates.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--service", type=Path, default=Path(__file__).parents[2] / "samples" / "diabetes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet") as folder:
        asyncio.run(measure(given.service.resolve(), given.sets, Path(folder)))


if __name__ == "__main__":
    main()
