"""Instructions of one small request, which do not depend on how busy the machine is.

    python tests/bench/instructions.py          needs valgrind (Debian's package of that name)

Drives the protocol as `hot_path.py` does, twice, with different numbers of requests, under
`valgrind --tool=cachegrind`, and prints the difference for one request: with the log and without.
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


def main() -> None:
    if len(sys.argv) > 1:
        serve(int(sys.argv[1]), with_log=sys.argv[2] == "log")
        return
    for kind in ("log", "silent"):
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


def serve(count: int, *, with_log: bool) -> None:
    """Answer some requests in this process."""
    settings, _ = Settings.load({}, {"script": ("script", str(hot_path.SERVICE))})
    sys.stdout = Path(os.devnull).open("w")
    assemble.prepare_process(settings, os.environ, [])
    site = assemble.build(settings)
    site.init()
    if not with_log:
        site.app._observers = ()
    head = f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(hot_path.BODY)}"
    asyncio.run(hot_path.drive(site, head.encode() + b"\r\n\r\n" + hot_path.BODY, count))


if __name__ == "__main__":
    main()
