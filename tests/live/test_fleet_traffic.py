"""Shares, shadows and pools of a fleet in real processes."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import PROGRAM
from tests.live.fleets import Fleet, load_on

if TYPE_CHECKING:
    from tests.conftest import Served

pytestmark = pytest.mark.slow

SUMS = """import json


def init():
    pass


def run(data):
    values = json.loads(data)["data"]
    return {{"sum": sum(values) {more}}}
"""
SLOW = "import time\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    time.sleep(0.2)\n    return 1\n"


@pytest.fixture
def fleet(start: Callable[..., Served]) -> Iterator[Fleet]:
    one = Fleet(start)
    yield one
    one.remove()


def divide(fleet: Fleet, *words: str) -> str:
    command = [PROGRAM, "traffic", "--run-dir", fleet.run, *words]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answered(fleet: Fleet, number: int = 40, **headers: str) -> Counter[str]:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    counts: Counter[str] = Counter()
    for _ in range(number):
        reply = fleet.served.ask("POST", "/services/wine/score", headers=named, body=b'{"data": 1}')
        counts[reply.json()] += 1
    return counts


def test_requests_are_divided_by_their_shares_and_callers_stay(fleet: Fleet) -> None:
    for version in ("1", "2"):
        fleet.service(f"wine/{version}")
    (fleet.folder / "wine" / "service.json").write_text(json.dumps({"traffic": {"1": 50}, "default": "2"}))
    served = fleet.start()
    assert set(answered(fleet)) == {"wine/1", "wine/2"}
    assert fleet.call("wine/versions/1").json() == "wine/1"
    divide(fleet, "wine", "1=100")
    assert answered(fleet, 20) == {"wine/1": 20}
    assert "the same for the same X-User" in divide(fleet, "wine", "1=50", "2=50", "--sticky", "X-User")
    homes = {user: answered(fleet, 5, x_user=user) for user in ("ada", "bob", "eve", "joe", "kim", "lea", "max")}
    assert all(len(counts) == 1 for counts in homes.values())
    assert len({next(iter(counts)) for counts in homes.values()}) == 2
    # A version that is not there leaves its callers to the other one.
    fleet.ask("unload", name="wine", version="2")
    assert answered(fleet, 20) == {"wine/1": 20}
    assert served.ask("GET", "/v2/models/wine/ready").status == 200


def test_a_shadow_gets_copies_whose_answers_are_counted_and_the_caller_notices_nothing(fleet: Fleet) -> None:
    fleet.service("wine/1", SUMS.format(more=""))
    fleet.service("wine/2", SUMS.format(more="+ (values[0] > 2)"))
    served = fleet.start(SCORINGHOST_METRICS="true")
    divide(fleet, "wine", "--default", "1", "--shadow", "2=100")
    for first in range(6):
        body = json.dumps({"data": [first, 1]}).encode()
        assert served.ask("POST", "/services/wine/score", body=body).json() == {"sum": first + 1}

    def copies() -> Any:
        rows = fleet.ask("traffic", name="wine")["copies"]
        return rows and rows[0]["equal"] + rows[0]["different"] == 6 and rows[0]

    row = fleet.until(copies, "six copies")
    assert (row["version"], row["equal"], row["different"], row["failed"]) == ("2", 3, 3, 0)
    assert row["last"][-1]["differences"] == [{"at": "body.sum", "before": "6", "after": "7"}]
    assert "3 different" in divide(fleet, "wine")
    text = served.ask("GET", "/metrics").body.decode()
    assert 'scoringhost_shadow_requests_total{outcome="different",service="wine",version="2"} 3.0' in text
    # A shadow that fails, or is not there, is nobody's fault.
    fleet.ask("unload", name="wine", version="2")
    assert served.ask("POST", "/services/wine/score", body=b'{"data": [1]}').status == 200


def test_load_brings_replicas_up_and_an_idle_service_has_none_until_it_is_asked(fleet: Fleet) -> None:
    fleet.service("busy", SLOW, replicas={"minimum": 1, "maximum": 3})
    fleet.service("idle", replicas={"minimum": 0, "maximum": 1, "idle_s": 1})
    served = fleet.start("--fleet")
    assert fleet.row("idle")["state"] == "stopped"
    assert fleet.call("idle").json() == "idle"
    with load_on(served.port, "/services/busy/score", clients=6) as load:
        fleet.until(lambda: fleet.row("busy")["ready"] == 3, "three replicas")
        load.wait_for_more()
    assert set(load.end()) == {200}
    fleet.until(lambda: fleet.row("idle")["state"] == "stopped", "the idle one to end")
    assert "no call for 1 s" in fleet.row("idle")["reason"]
    results: list[Any] = []
    asking = [threading.Thread(target=lambda: results.append(fleet.call("idle").json())) for _ in range(5)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert results == ["idle"] * 5
