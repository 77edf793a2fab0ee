"""Instructions of one small request, which do not depend on how busy the machine is.

    python tests/bench/instructions.py          needs valgrind (Debian's package of that name)

Drives the protocol as `hot_path.py` does, twice, with different numbers of requests, under
`valgrind --tool=cachegrind`, and prints the difference for one request: with the log, without it, and with the log and
what else may be on.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import hot_path

from scoringhost import assemble
from scoringhost.settings import Settings

FEW, MANY = 500, 2500
KEY = "0123456789abcdef"
KINDS: dict[str, dict[str, str]] = {
    "log": {},
    "silent": {},
    "v2": {},
    "metrics": {"SCORINGHOST_METRICS": "true"},
    "key": {"SCORINGHOST_PRIMARY_KEY": KEY},
    # Spans are made and ended, and go nowhere: whoever sends them does so on a thread of its own.
    "traces": {
        "SCORINGHOST_TRACES": "true",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.01",
    },
    "json": {"SCORINGHOST_LOG_FORMAT": "json"},
    "all": {"SCORINGHOST_METRICS": "true", "SCORINGHOST_PRIMARY_KEY": KEY, "SCORINGHOST_LOG_FORMAT": "json"},
}


def main() -> None:
    if len(sys.argv) > 1:
        serve(int(sys.argv[1]), sys.argv[2])
        return
    for kind in KINDS:
        few, many = (counted(count, kind) for count in (FEW, MANY))
        print(f"{kind:<8}{(many - few) / (MANY - FEW):12,.0f} instructions a request")


def counted(count: int, kind: str) -> int:
    """The instructions of a process that answers `count` requests."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command += [sys.executable, __file__, str(count), kind]
    environ = os.environ | {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1].replace(",", ""))


def serve(count: int, kind: str) -> None:
    """Answer some requests in this process."""
    os.environ.update(KINDS[kind])  # the SDK of OpenTelemetry reads its variables itself
    settings, _ = Settings.load(KINDS[kind], {"script": ("script", str(hot_path.SERVICE))})
    sys.stdout = Path(os.devnull).open("w")
    assemble.prepare_process(settings, os.environ, [])
    site = assemble.build(settings)
    site.init()
    if kind == "silent":
        site.app._observers = ()
    path, body = (hot_path.V2_PATH, hot_path.V2_BODY) if kind == "v2" else ("/score", hot_path.BODY)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    if kind in ("key", "all"):
        head += f"\r\nAuthorization: Bearer {KEY}"
    asyncio.run(hot_path.drive(site, head.encode() + b"\r\n\r\n" + body, count))


if __name__ == "__main__":
    main()
