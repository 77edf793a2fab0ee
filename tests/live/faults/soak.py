"""Everything at once for minutes: the memory of the workers stays what it was."""

from __future__ import annotations

import statistics

from tests.live.faults.clients import Leavers
from tests.live.faults.load import Load, statuses
from tests.live.faults.table import Drill, open_files, pause, rss_mib

FLAT_MIB = 8.0
"""MiB that a worker may take more in the last third than in the second."""

LOOKS = 60


def soak(drill: Drill) -> None:
    """Good and bad requests, large bodies, lines printed, clients that vanish; metrics, records, the JSON log."""
    minutes = drill.soak_s / 60
    required = f"nothing is lost; from the second third to the last no worker grows by {FLAT_MIB:.0f} MiB"
    with drill.row(f"soak, {minutes:g} min", required) as row:
        flags = ["--metrics", "--log-format", "json", "--record-failures", str(row.folder / "failures")]
        served = row.serve("faulty.py", *flags, "--record-most", "20", workers=2)
        bodies = (b"thread", b"print", b"fail", b"x" * 300_000)
        loads = [Load(served.port, clients=2, body=body, think_s=0.02) for body in bodies]
        loads.append(Load(served.port, clients=2, body=b"thread", kept=False, think_s=0.02))
        gone = Leavers(served)
        memory: list[float] = []
        for load in loads:
            load.__enter__()
        with gone:
            for _ in range(LOOKS):
                pause(drill.soak_s / LOOKS)
                memory.append(max(rss_mib(pid) for pid in served.workers))
        for load in loads:
            load.__exit__(None, None, None)
            row.add(load.counts)
        third = LOOKS // 3
        middle, last = statistics.median(memory[third : 2 * third]), statistics.median(memory[2 * third :])
        files = max(open_files(pid) for pid in served.workers)
        row.note(f"the larger worker: {memory[0]:.0f}, then {middle:.0f}, at last {last:.0f} MiB; {files} files open")
        row.require(last - middle < FLAT_MIB, f"{middle:.1f} MiB have become {last:.1f}")
        row.note(f"{statuses(row.counts)}; {gone.left} clients vanished")
        row.require_none_lost()
        row.require(set(served.workers) == set(served.workers[:2]), "a worker was replaced")
        others = {name for name in row.counts if name.startswith("status ")} - {"status 200", "status 500"}
        row.require(not others, statuses(row.counts))
