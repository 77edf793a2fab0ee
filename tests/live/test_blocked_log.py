"""A log that nobody reads, or that cannot be written at all, holds up no request."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

Life = Callable[..., "Served"]
LIFE = Path(__file__).parent / "scripts" / "life.py"
LARGE = "echo " + "x" * 100_000
"""Printed by the script, this is more than a pipe holds."""


@pytest.mark.parametrize("flags", [[], ["--preload"], ["--workers", "2"], ["--log-format", "json"]], ids=" ".join)
def test_a_log_that_nobody_reads_holds_nobody_up(life: Life, flags: list[str]) -> None:
    served = life(*flags, workers=2 if "2" in flags else 1)
    with served.log.news:  # the lines are not taken any more
        for number in range(60):
            assert served.say(LARGE).status == 200
            assert served.say(f"echo {number}").json() == str(number)
        assert served.ask().body == b"Healthy"
    served.log.wait_for(r"[1-9]\d* lines of the log are missing here")
    assert served.say("echo again").json() == "again"
    served.log.wait_for("scoring again")
    assert served.stop() == 0
    assert len(served.log.matches("shutdown in")) == len(served.workers)


def test_a_log_that_nobody_reads_does_not_hold_up_the_end(life: Life) -> None:
    served = life()
    with served.log.news:
        for _ in range(20):
            assert served.say(LARGE).status == 200
        served.signal()
        assert served.process.wait(20) == 0


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full", "2>&-", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_missing_or_full_standard_stream_is_no_reason_not_to_serve(
    start_program: Callable[..., Served], redirection: str
) -> None:
    program = Path(sys.executable).with_name("scoringhost")
    command = f"exec {program} serve --host 127.0.0.1 --port {{port}} {LIFE} {redirection}"
    served = start_program("sh", "-c", command).wait_answering()
    assert served.say("echo hello").json() == "hello"
    assert json.loads(served.ask("POST", "/score", body=b"environment PATH").body)
    assert served.stop() == 0
    assert not re.search("Traceback|Exception ignored", served.log.text)


def test_lines_are_not_lost_when_the_process_ends_at_once(life: Life) -> None:
    served = life()
    with pytest.raises(Exception, match="closed connection|reset"):
        served.say("die")
    served.log.wait_for("dying")
