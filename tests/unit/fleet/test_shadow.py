"""Copies of requests, and what is made of their answers."""

import asyncio
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from scoringhost.fleet import shadow
from scoringhost.fleet.routing import ServiceRoute, State, VersionRoute, WorkerRoute
from scoringhost.fleet.shadow import Copying, Shadow, ShadowSums, tolerance_for
from scoringhost.fleet.specs import Traffic
from scoringhost.replaying.comparing import Answer

WORKERS = (WorkerRoute(1, "/run/s/1/w-1.sock"),)
JSON = "application/json"


def service(**shares: float) -> ServiceRoute:
    versions = {name: VersionRoute(name, name, State.READY, workers=WORKERS) for name in ("1", "2", "3")}
    return ServiceRoute("wine", versions, "1", Traffic({}, "1", None, {name[1:]: of for name, of in shares.items()}))


class Other:
    """The other version: what it is sent, and what it answers."""

    def __init__(self, body: bytes = b"[1.0]", status: int = 200, media_type: str = JSON) -> None:
        self.answer = Answer(status, media_type, body, True, 1.0)
        self.seen: list[tuple[str, str, bytes]] = []
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def __call__(self, version: VersionRoute, head: str, body: bytes) -> Answer:
        self.seen.append((version.version, head, body))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.answer


def begin(made: Shadow[str], route: ServiceRoute, path: str = "/score", by: str = "1") -> Copying[str] | None:
    return made.begin(route, by, "head", "id-1", tolerance_for("POST", path, {}), lambda: 0.5)


def pass_through(
    made: Shadow[str], route: ServiceRoute, answer: bytes = b"[1.0]", path: str = "/score", body: bytes = b"{}"
) -> None:
    copying = begin(made, route, path)
    assert copying is not None
    copying.request_part(body)
    copying.answer(200, JSON)
    copying.answer_part(answer)
    copying.end(True)


def played(other: Other, play: Callable[[Shadow[str]], Coroutine[Any, Any, None] | None]) -> dict[str, int]:
    """What is counted of version 2."""

    async def run() -> dict[str, int]:
        made = Shadow[str](other)
        waiting = play(made)
        if waiting is not None:
            await waiting
        await made.idle()
        row = next((one for one in made.take() if (one["service"], one["version"]) == ("wine", "2")), {})
        assert made.take() == []
        return {outcome: row[outcome] for outcome in shadow.OUTCOMES if row.get(outcome)}

    return asyncio.run(run())


# -- which requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "copied"),
    [
        ("POST", "/score", True),
        ("POST", "/services/wine/score", True),
        ("POST", "/v2/models/wine/infer", True),
        ("GET", "/score", False),
        ("POST", "/v2/models/wine/infer_stream", False),
        ("POST", "/v2/models/wine/generate", False),
        ("POST", "/score/", False),
        ("POST", "/jobs", False),
        ("GET", "/swagger.json", False),
    ],
)
def test_only_requests_for_an_answer_of_the_model_are_copied(method: str, path: str, copied: bool) -> None:
    assert (tolerance_for(method, path, {}) is not None) == copied


def test_requests_with_binary_tensors_are_not() -> None:
    assert tolerance_for("POST", "/v2/models/wine/infer", {"inference-header-content-length": "80"}) is None


def test_each_version_gets_its_share_and_none_gets_what_it_has_answered_itself() -> None:
    made = Shadow[str](Other())
    copying = begin(made, service(v1=100, v2=51, v3=49))
    assert copying is not None
    assert [one.version for one in copying.targets] == ["2"]
    assert begin(made, service(v2=100), by="2") is None
    assert begin(made, service()) is None
    assert begin(made, service(v2=100), path="/swagger.json") is None


def test_a_version_that_has_gone_gets_none() -> None:
    route = service(v9=100)
    assert begin(Shadow[str](Other()), route) is None


# -- what comes of them -----------------------------------------------------------------------------


def test_the_copy_has_the_head_and_the_body_and_its_equal_answer_is_counted() -> None:
    other = Other(b"[1.00000000001]")
    assert played(other, lambda made: pass_through(made, service(v2=100), body=b'{"data": 1}')) == {"equal": 1}
    assert other.seen == [("2", "head", b'{"data": 1}')]


def test_nothing_is_sent_before_the_real_answer_is_complete() -> None:
    other = Other()

    async def play(made: Shadow[str]) -> None:
        copying = begin(made, service(v2=100))
        assert copying is not None
        copying.request_part(b"{}")
        copying.answer(200, JSON)
        copying.answer_part(b"[1.0]")
        await asyncio.sleep(0)
        assert other.seen == []
        copying.end(True)

    assert played(other, play) == {"equal": 1}


def test_differences_are_counted_and_the_last_ones_kept() -> None:
    async def play() -> list[dict[str, Any]]:
        made = Shadow[str](Other(json.dumps(list(range(10))).encode()), wall_s=lambda: 12.5)
        for _ in range(30):
            pass_through(made, service(v2=100), json.dumps([n + 1 for n in range(10)]).encode())
        await made.idle()
        return made.take()

    (said,) = asyncio.run(play())
    assert (said["service"], said["version"], said["different"], said["equal"]) == ("wine", "2", 30, 0)
    assert len(said["last"]) == 20
    last = said["last"][-1]
    assert (last["at_s"], last["request_id"], last["answered_by"], last["count"]) == (12.5, "id-1", "1", 10)
    assert last["differences"][0] == {"at": "body[0]", "before": "1", "after": "0"}
    assert len(last["differences"]) == 5
    assert json.loads(json.dumps(said))["last"][-1]["differences"][0]["at"] == "body[0]"


def test_another_status_is_a_difference() -> None:
    assert played(Other(status=500), lambda made: pass_through(made, service(v2=100))) == {"different": 1}


def test_the_version_and_the_id_of_an_inference_are_none() -> None:
    said = {"model_name": "wine", "model_version": "1", "id": "a", "outputs": [{"data": [1]}]}
    other = Other(json.dumps({**said, "model_version": "2", "id": "b"}).encode())
    path = "/v2/models/wine/infer"
    assert played(other, lambda made: pass_through(made, service(v2=100), json.dumps(said).encode(), path)) == {
        "equal": 1
    }
    assert played(other, lambda made: pass_through(made, service(v2=100), json.dumps(said).encode())) == {
        "different": 1
    }


def test_packed_answers_are_compared_by_what_is_in_them() -> None:
    other = Other(b"[1.0]")

    def play(made: Shadow[str]) -> None:
        copying = begin(made, service(v2=100))
        assert copying is not None
        copying.answer(200, JSON, "gzip")
        copying.answer_part(gzip.compress(b"[1.0]"))
        copying.end(True)

    assert played(other, play) == {"equal": 1}


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), EOFError(), ValueError("a defect")])
def test_a_copy_that_is_not_answered_is_counted_and_the_next_one_is_sent(error: Exception) -> None:
    other = Other()
    other.error = error

    def play(made: Shadow[str]) -> None:
        pass_through(made, service(v2=100))
        pass_through(made, service(v2=100))

    assert played(other, play) == {"failed": 2}


def test_what_several_fronts_have_counted_is_added_up_and_the_newest_differences_are_kept() -> None:
    sums = ShadowSums()
    row = {"service": "wine", "version": "2", "equal": 1, "different": 15, "failed": 0, "dropped": 2}
    sums.add([{**row, "last": [{"at_s": number} for number in range(15)]}])
    sums.add([{**row, "last": [{"at_s": number} for number in range(15, 30)]}, {**row, "service": "beer", "last": []}])
    assert [one["service"] for one in sums.rows()] == ["beer", "wine"]
    (wine,) = sums.rows("wine")
    assert (wine["equal"], wine["different"], wine["dropped"]) == (2, 30, 4)
    assert [one["at_s"] for one in wine["last"]] == list(range(10, 30))


# -- what is dropped --------------------------------------------------------------------------------


def test_what_is_too_large_is_dropped_and_not_kept() -> None:
    large = b"x" * (shadow.MOST_BYTES + 1)
    assert played(Other(), lambda made: pass_through(made, service(v2=100), body=large)) == {"dropped": 1}
    assert played(Other(), lambda made: pass_through(made, service(v2=100), answer=large)) == {"dropped": 1}
    just = b"x" * shadow.MOST_BYTES
    assert played(Other(), lambda made: pass_through(made, service(v2=100), body=just)) == {"equal": 1}


def test_an_answer_that_breaks_off_is_compared_with_nothing() -> None:
    def play(made: Shadow[str]) -> None:
        copying = begin(made, service(v2=100))
        assert copying is not None
        copying.answer(200, JSON)
        copying.end(False)

    other = Other()
    assert played(other, play) == {"dropped": 1}
    assert other.seen == []


def test_copies_that_there_is_no_room_for_are_dropped_and_the_front_goes_on() -> None:
    other = Other()

    async def play(made: Shadow[str]) -> None:
        other.gate = asyncio.Event()
        for _ in range(shadow.MOST_WAITING + 10):
            pass_through(made, service(v2=100))
        while len(other.seen) < shadow.AT_ONCE:
            await asyncio.sleep(0)
        assert len(other.seen) == shadow.AT_ONCE
        other.gate.set()

    assert played(other, play) == {"equal": shadow.MOST_WAITING, "dropped": 10}


def test_a_version_that_is_not_there_gets_none() -> None:
    route = service(v2=100)
    versions = {**route.versions, "2": VersionRoute("2", "", State.LOADING)}
    absent = ServiceRoute("wine", versions, "1", route.traffic)
    assert played(Other(), lambda made: pass_through(made, absent)) == {"dropped": 1}


def test_what_waits_is_given_up_at_the_end() -> None:
    other = Other()

    async def play(made: Shadow[str]) -> None:
        other.gate = asyncio.Event()
        for _ in range(10):
            pass_through(made, service(v2=100))
        await asyncio.sleep(0)
        made.close()
        with pytest.raises(asyncio.CancelledError):
            await made.idle()

    assert played(other, play) == {}


def test_it_costs_a_front_neither_numpy_nor_pandas() -> None:
    code = (
        "import sys, scoringhost.fleet.shadow, scoringhost.fleet.traffic, scoringhost.fleet.pools;"
        "print([one for one in ('numpy', 'pandas', 'flask', 'inference_schema') if one in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
