"""CPU time of one request from the socket's bytes to the socket's bytes, without a network in between.

    python tests/bench/hot_path.py [SCRIPT] [--path PATH] [--body FILE] [--content-type TYPE] [--profile]

Drives the protocol with a made-up transport, the event loop on the scoring thread, and prints the
best of several rounds: with the log's observer, without any observer (what they cost), and with an
endpoint that does nothing (what HTTP costs).
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import pstats
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from uvicorn.server import ServerState

from scoringhost import assemble
from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.doors.server.connection_limits import Intake
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.http.routes import Endpoint, Routes
from scoringhost.kernel.call_speed import CallSpeed
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.settings import Settings

SERVICE = Path(__file__).parent / "services" / "numpy_sum.py"
BODY = b'{"data": [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]}'
V2_PATH = "/v2/models/numpy_sum/infer"
V2_BODY = b'{"id":"1","inputs":[{"name":"data","datatype":"FP32","shape":[1,10],"data":[0.5,1,2,3,4,5,6,7,8,9]}]}'


class Steady(CallSpeed):
    """The pace of calls that are always short, however busy the machine is."""

    def __init__(self) -> None:
        super().__init__()
        self.short = True
        self.largest = 1 << 30

    def _slow_down(self, size: int, on_the_spot: bool) -> None:
        """Stay."""


class Transport:
    """Keeps what was written last."""

    written = b""

    def write(self, data: bytes) -> None:
        self.written = data

    def writelines(self, parts: list[bytes]) -> None:
        self.written = b"".join(parts)

    def pause_reading(self) -> None:
        raise SystemExit("a request has to wait: the machine is too busy for this measurement")

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", nargs="?", default=str(SERVICE))
    parser.add_argument("--path", default="/score")
    parser.add_argument("--body", type=Path)
    parser.add_argument("--content-type", default="application/json")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    settings, _ = Settings.load({}, {"script": ("script", os.path.abspath(args.script))})
    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    assemble.prepare_process(settings, os.environ, [])
    site = assemble.build(settings)
    site.init()
    body = args.body.read_bytes() if args.body else BODY
    head = (
        f"POST {args.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {args.content_type}\r\n"
        f"Content-Length: {len(body)}"
    )
    request = head.encode() + b"\r\n\r\n" + body
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    count = max(50, min(4000, 40_000_000 // len(request)))

    def rounds() -> float:
        return min(loop.run_until_complete(drive(site, request, count)) for _ in range(7))

    observed = rounds()
    observers, site.app._observers = site.app._observers, ()
    silent = rounds()
    routes = site.app._routes
    answer_nothing(site, args.path)
    http = rounds()
    site.app._routes, site.app._observers = routes, observers
    print(f"with the log       {observed:8.1f} us a request", file=out)
    print(f"without observers  {silent:8.1f} us; they cost {observed / silent - 1:.1%}", file=out)
    print(f"HTTP alone         {http:8.1f} us", file=out)
    if args.profile:
        profile = cProfile.Profile()
        profile.runcall(loop.run_until_complete, drive(site, request, count))
        pstats.Stats(profile, stream=out).sort_stats("tottime").print_stats(30)


def answer_nothing(site: Any, path: str = "/score") -> None:
    """Have an endpoint that does nothing in place of the one that scores."""
    health = site.app._routes.match("/").endpoint.methods["GET"]
    site.app._routes = Routes([OtherEndpoints({path: Endpoint({"POST": health})})])


async def drive(site: Any, request: bytes, count: int) -> float:
    """Microseconds of CPU time for one of `count` requests."""
    thread = ScoringThread()
    thread.adopt()
    site.open([thread], lambda: None)
    for service in site.host:
        service._thread_runner.call_speed = Steady()
    config = uvicorn.Config(
        Intake(site.app, site.max_body), interface="asgi3", http=HttpProtocol, proxy_headers=False, log_config=None
    )
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"Sat, 21 Nov 2026 00:00:00 GMT")]
    protocol = HttpProtocol(config, state, {}, asyncio.get_running_loop())
    transport: Any = Transport()
    protocol.connection_made(transport)
    started_s = time.thread_time()
    for number in range(count):
        protocol.data_received(request)
        if number % 16 == 15:
            await asyncio.sleep(0)
    spent_s = time.thread_time() - started_s
    assert transport.written.startswith(b"HTTP/1.1 200"), transport.written
    protocol.connection_lost(None)
    return spent_s / count * 1e6


if __name__ == "__main__":
    main()
