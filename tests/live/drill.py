"""Every fault that the service is made for, run for real against `scoringhost serve`, and a table of what became of it.

    python tests/live/drill.py                               # all of it
    python tests/live/drill.py --only sigterm,tokens --seconds 10
    python tests/live/drill.py --only soak --soak-minutes 10 --json table.json
    python tests/live/drill.py --only many --requests 1000000
    python tests/live/drill.py --only fleet --fleet-changes 100

Each row says what it required. `sent` were handed to an established connection, `answered` got a whole
answer, `lost` did not; `refused` were never taken: a connection that nobody accepts, a token that is not good.
`left` are processes of the row that were still there after its end. Exit code 1 if a row failed. A row
that needs what is not installed says so, and fails nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent.parent)  # of the repository, instead of this folder

from tests.live.faults import (  # noqa: E402
    clients,
    documents,
    fleets,
    hubs,
    many,
    outside,
    overload,
    proxy,
    signals,
    soak,
    stuck,
    tls,
    tokens,
)
from tests.live.faults.table import HEAD, Drill, Row, printed  # noqa: E402

FAULTS: dict[str, Callable[[Drill], None]] = {
    "sigterm": signals.sigterm,
    "sigterm-worker": signals.sigterm_worker,
    "sighup": signals.sighup,
    "sigkill": signals.sigkill,
    "recycle": signals.recycle,
    "stuck": stuck.stuck,
    "vanished": clients.vanished,
    "queue": clients.gone_from_the_queue,
    "loris": clients.slow_loris,
    "overload": overload.overloaded,
    "disk": outside.full_disk,
    "stdout": outside.blocked_output,
    "exporter": outside.exporters,
    "tokens": tokens.tokens,
    "doors": tokens.other_doors,
    "tls": tls.tls,
    "schemathesis": documents.documents,
    "nginx": proxy.proxy,
    "hub": hubs.killed,
    **fleets.ROWS,
    "soak": soak.soak,
    "many": many.many,
}
"""What `--only` may name."""


def main() -> int:
    """Print the table; 1 if a row failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(FAULTS),
        help=", ".join(FAULTS) + "; fleet for all of a fleet",
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="of load in each row")
    parser.add_argument("--soak-minutes", type=float, default=0.5, help="of the soak")
    parser.add_argument("--requests", type=int, default=20_000, help="of the row `many`")
    parser.add_argument("--hub-kills", type=int, default=20, help="how often a hub is killed at a random moment")
    parser.add_argument("--fleet-changes", type=int, default=5, help="how often a service is reloaded, and loaded")
    parser.add_argument("--stream-mb", type=int, default=100, help="MiB that are streamed through a front, each way")
    parser.add_argument("--patience", type=float, default=1.0, help="factor for time limits, on a busy machine")
    parser.add_argument("--json", type=Path, help="write the table to that file, too")
    given = parser.parse_args()
    if "fleet" in given.only:
        given.only = [name for name in given.only if name != "fleet"] + list(fleets.ROWS)
    unknown = set(given.only) - set(FAULTS)
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    rows: list[Row] = []

    def emit(row: Row) -> None:
        rows.append(row)
        sys.stdout.write(printed(row) + "\n")
        sys.stdout.flush()

    sys.stdout.write(HEAD + "\n")
    drill = Drill(
        given.seconds,
        given.patience,
        given.soak_minutes * 60,
        emit,
        given.requests,
        given.hub_kills,
        given.fleet_changes,
        given.stream_mb,
    )
    for name in given.only:
        FAULTS[name](drill)
    if given.json is not None:
        given.json.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n")
    failed = [row.name for row in rows if row.wrong]
    left_out = [row.name for row in rows if row.not_run]
    sys.stdout.write(f"{len(rows)} rows, {len(failed)} failed, {len(left_out)} not run\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
