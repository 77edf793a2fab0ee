"""Several workers, workers that die, and a run() that can't be stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Served
    from tests.live.conftest import Later

Life = Callable[..., "Served"]


def inits(served: Served) -> list[int]:
    """The processes in which init() was run."""
    return [int(found[1]) for found in served.log.matches(r"init in (\d+)")]


def test_two_workers_run_side_by_side_each_with_an_init_of_its_own(
    life: Life, later: type[Later], tmp_path: Path
) -> None:
    served = life("--workers", "2", workers=2)
    assert sorted(inits(served)) == sorted(served.workers)
    requests = [later(lambda: served.say(f"meet {tmp_path}"))]
    while not (here := list(tmp_path.iterdir())):
        assert served.ask().status == 200
    for _ in range(3):  # one may be taken by the busy worker, if the idle one is slow to wake
        requests.append(later(lambda: served.say(f"meet {tmp_path}")))
    pids = {request.reply().json() for request in requests}
    assert pids <= set(served.workers)
    assert int(here[0].name) in pids


def test_with_preload_init_is_run_once_in_the_master(life: Life) -> None:
    served = life("--preload", "--workers", "2", workers=2)
    assert inits(served) == [served.process.pid]
    assert served.say("pid").json() in served.workers


def test_a_worker_that_is_killed_is_replaced(life: Life) -> None:
    served = life()
    os.kill(served.workers[0], signal.SIGKILL)
    served.wait_ready(2)
    assert served.say("pid").json() == served.workers[1] != served.workers[0]
    assert served.stop() == 0


def test_a_worker_that_dies_under_a_request_is_replaced(life: Life) -> None:
    served = life()
    with contextlib.suppress(ConnectionError, HTTPException):  # there is nobody left to answer
        assert served.say("die").status >= 500
    served.wait_ready(2)
    assert served.say("echo again").json() == "again"


def test_a_run_that_cannot_be_stopped_is_a_504_and_its_worker_is_replaced(life: Life, later: type[Later]) -> None:
    served = life(SCORING_TIMEOUT_MS="300")
    started_s = time.monotonic()
    reply = served.say("stuck")
    assert (reply.status, reply.message) == (504, "Scoring timeout after 300 ms")
    assert time.monotonic() - started_s < 3
    behind = later(lambda: served.say("echo behind"))
    assert served.ask().status == 200
    refused = behind.reply(15)
    assert (refused.status, refused.header("Retry-After")) == (503, "1")
    assert "try again" in refused.message
    served.log.wait_for("this worker is given up and replaced")
    served.log.wait_for(r"time\.sleep\(60\)")
    served.log.wait_for("is ready for requests", 2, within_s=15)
    assert time.monotonic() - started_s < 15
    assert served.say("pid").json() == served.workers[1] != served.workers[0]


def test_a_run_that_wakes_up_after_its_deadline_keeps_its_worker(life: Life) -> None:
    served = life(SCORING_TIMEOUT_MS="300")
    assert served.say("compute 60").status == 504
    assert served.say("pid").json() == served.workers[0]
    assert served.workers == [int(pid) for pid in dict.fromkeys(served.workers)]


def test_one_more_than_may_wait_is_a_503(life: Life, later: type[Later]) -> None:
    served = life("--max-waiting", "0")
    request = later(lambda: served.say("nap 1.0"))
    served.log.wait_for("napping")
    reply = served.say("echo too many")
    assert (reply.status, reply.header("Retry-After")) == (503, "1")
    assert reply.header("x-ms-run-function-failed") == "False"
    assert request.reply().json() == "slept 1.0"
