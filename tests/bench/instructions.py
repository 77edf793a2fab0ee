"""Instructions of one small request, which do not depend on how busy the machine is.

    python tests/bench/instructions.py          needs valgrind (Debian's package of that name)

Drives the protocol as `hot_path.py` does, twice, with different numbers of requests, under
`valgrind --tool=cachegrind`, and prints the difference for one request: with the log, without it, and with the log and
what else may be on. Then what the parts of a request without a log take.

    python tests/bench/instructions.py log json          only these
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hot_path

from scoringhost import assemble
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.kernel.binding import bind
from scoringhost.kernel.call import Call
from scoringhost.schema.json_text import dumps_numbers
from scoringhost.settings import Settings
from scoringhost.telemetry import drawn_ids, metrics

FEW, MANY = 500, 2500
LOOK_S = 4e-6
"""Seconds between two looks at the clock."""
OK = b"HTTP/1.1 200"
KEY = "0123456789abcdef"
METRICS = {"SCORINGHOST_METRICS": "true"}
PRIMARY_KEY = {"SCORINGHOST_PRIMARY_KEY": KEY}
JSON = {"SCORINGHOST_LOG_FORMAT": "json"}
# Spans are made and ended, and go nowhere: whoever sends them does so on a thread of its own.
TRACES = {
    "SCORINGHOST_TRACES": "true",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.01",
}
KINDS: dict[str, dict[str, str]] = {
    "log": {},
    "silent": {},
    "v2": {},
    "metrics": METRICS,
    "key": PRIMARY_KEY,
    "traces": TRACES,
    "json": JSON,
    "all": METRICS | PRIMARY_KEY | JSON | TRACES,
}


PARTS = ("parse", "http", "decode", "run", "encode")
"""Of a silent request. parse: from bytes to a request; http: all but the endpoint; the others alone."""


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]), sys.argv[3])
        return
    for kind in sys.argv[1:] or [*KINDS, *PARTS]:
        few, many = (counted(count, kind) for count in (FEW, MANY))
        print(f"{kind:<8}{(many - few) / (MANY - FEW):12,.0f} instructions a request", flush=True)


def counted(count: int, kind: str) -> int:
    """The instructions of a process that answers `count` requests."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command += [sys.executable, __file__, "serve", str(count), kind]
    environ = os.environ | {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1].replace(",", ""))


def serve(count: int, kind: str) -> None:
    """Answer some requests in this process, or do a part of that as often."""
    environ = KINDS.get(kind, {})
    os.environ.update(environ)  # the SDK of OpenTelemetry reads its variables itself
    drawn_ids.urandom = seeded  # by chance, twice as many requests would be sampled in one run as in another
    settings, _ = Settings.load(environ, {"script": ("script", str(hot_path.SERVICE))})
    # Under valgrind everything takes fifty times as long, and times of many digits take longer to write.
    time.perf_counter = metrics.perf_counter = itertools.count(0.0, LOOK_S).__next__
    sys.stdout = Path(os.devnull).open("w")
    assemble.prepare_process(settings, os.environ, [])
    site = assemble.build(settings)
    site.init()
    if kind == "silent" or kind in PARTS:
        site.app._observers = ()
    if kind in ("decode", "run", "encode"):
        repeat_part(site, kind, count)
        return
    if kind == "parse":
        HttpProtocol._take = lambda self, request, keep_alive: self._transport.write(OK)  # type: ignore[method-assign]
    if kind == "http":
        hot_path.answer_nothing(site)
    path, body = (hot_path.V2_PATH, hot_path.V2_BODY) if kind == "v2" else ("/score", hot_path.BODY)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    if kind in ("key", "all"):
        head += f"\r\nAuthorization: Bearer {KEY}"
    asyncio.run(hot_path.drive(site, head.encode() + b"\r\n\r\n" + body, count))


SEED = random.Random(2026).randbytes(1 << 20)
_places = itertools.count(0, 8000)


def seeded(size: int) -> bytes:
    """Some bytes of SEED, others each time."""
    at = next(_places) % (len(SEED) - size)
    return SEED[at : at + size]


def repeat_part(site: Any, kind: str, count: int) -> None:
    """Do a part of scoring so often that only it counts."""
    service = site.host.resolve()
    call = Call(hot_path.BODY)
    arguments = bind(service.signature, call)
    result = service.script.run(**arguments)
    for _ in range(count):
        if kind == "decode":
            bind(service.signature, call)
        elif kind == "run":
            service.declarations.call(**arguments)
        else:
            dumps_numbers(result)


if __name__ == "__main__":
    main()
