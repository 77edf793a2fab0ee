"""What the script prints and logs appears in the server's log with the id of its request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

pytestmark = pytest.mark.slow

ACTS = Path(__file__).parent / "scripts" / "acts.py"
ID = [("x-request-id", "id-of-the-request")]


@pytest.fixture(scope="module")
def served(start: Callable[..., Served]) -> Served:
    return start(ACTS).wait_ready()


@pytest.mark.parametrize(
    "line",
    [
        r"azmlinfsrv\.print - printed by the script",
        r"azmlinfsrv\.print - no newline",
        r"root - logged through the root logger",
        r"entry_module - logged through the module's logger",
        r"azmlinfsrv - POST /score 200 \d+\.\d+ms 8",
    ],
)
def test_each_line_of_a_call_carries_the_id_of_its_request(served: Served, line: str) -> None:
    assert served.ask("POST", "/score", headers=ID, body=b"talk").json() == "talked"
    served.log.wait_for(line + r" \[id-of-the-request\]$")


def test_a_librarys_chatter_is_left_out(served: Served) -> None:
    before = len(served.log.matches("POST /score 200"))
    served.say("talk")
    served.log.wait_for("POST /score 200", before + 1)
    assert served.log.matches("chatter") == []


def test_a_failure_is_logged_with_the_users_traceback_and_the_id(served: Served) -> None:
    served.ask("POST", "/score", headers=ID, body=b"fail")
    served.log.wait_for("POST /score 500")
    found = served.log.text.split("run() failed")[1]
    assert "Traceback (most recent call last):" in found
    assert "ValueError: a secret of the model [id-of-the-request]" in found
    assert "scoringhost/kernel" not in found


def test_a_deadline_is_logged_with_the_place_where_run_was(start: Callable[..., Served]) -> None:
    served = start(ACTS, SCORING_TIMEOUT_MS="200").wait_ready()
    assert served.say("sleep").status == 504
    served.log.wait_for("run.. took too long: Scoring timeout after 200 ms")
    served.log.wait_for(r"time\.sleep\(1\.0\)")


def test_health_probes_are_not_logged(served: Served) -> None:
    served.ask("GET", "/")
    served.say("number")
    served.log.wait_for(r"POST /score 200 \d+\.\d+ms 3")
    assert served.log.matches("GET / ") == []
