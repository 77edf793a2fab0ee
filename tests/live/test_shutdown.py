"""SIGTERM: what was taken in is answered, shutdown() is called, and the exit code is 0."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served
    from tests.live.conftest import Later

Life = Callable[..., "Served"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_with_0_and_calls_shutdown(life: Life, number: int) -> None:
    served = life()
    served.signal(number)
    assert served.exit_code(10) == 0
    assert served.log.matches(f"shutdown in {served.workers[0]}")


def test_a_run_in_progress_is_finished(life: Life, later: type[Later]) -> None:
    served = life()
    request = later(lambda: served.say("nap 1.5"))
    served.log.wait_for("napping 1.5")
    served.signal()
    assert request.reply().json() == "slept 1.5"
    assert served.exit_code(10) == 0
    assert served.log.matches("shutdown in")


def test_requests_that_wait_are_answered(life: Life, later: type[Later]) -> None:
    served = life()
    first = later(lambda: served.say("nap 1.0"))
    served.log.wait_for("napping 1.0")
    waiting = [later(lambda act=f"nap 0.{number}": served.say(act)) for number in (1, 2, 3)]
    for _ in range(20):  # each answer shows that the event loop has gone round
        assert served.ask().status == 200
    served.signal()
    assert first.reply().json() == "slept 1.0"
    assert sorted(request.reply().json() for request in waiting) == ["slept 0.1", "slept 0.2", "slept 0.3"]
    assert served.exit_code(10) == 0


def test_every_worker_calls_shutdown(life: Life) -> None:
    served = life("--workers", "2", workers=2)
    assert served.stop() == 0
    assert {int(found[1]) for found in served.log.matches(r"shutdown in (\d+)")} == set(served.workers)


def test_a_run_that_outlasts_the_drain_timeout_does_not_keep_the_server(life: Life, later: type[Later]) -> None:
    served = life("--drain-timeout-s", "1")
    request = later(lambda: served.say("nap 60"))
    served.log.wait_for("napping 60")
    served.signal()
    assert served.exit_code(12) == 0
    with contextlib.suppress(ConnectionError):
        assert request.reply().status >= 500


def test_a_server_that_is_still_in_init_stops_at_once(start: Callable[..., Served], tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    text = "import time\n\n\ndef init():\n    print('loading')\n    time.sleep(60)\n\n\ndef run(data):\n    pass\n"
    script.write_text(text, encoding="utf-8")
    served = start(script)
    served.log.wait_for("loading")
    served.signal()
    assert served.exit_code(10) == 0
