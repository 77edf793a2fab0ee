"""The stages of a call, as those hear them who watch: on the spot, in turn, in a batch, as a stream, async."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from scoringhost.errors import RunFailed, ScoringHostError
from scoringhost.kernel.batch_policy import BatchPolicy
from scoringhost.kernel.call import Call
from scoringhost.kernel.service import Service
from scoringhost.kernel.stage_times import ABSENT, StageTimes

if TYPE_CHECKING:
    from tests.unit.conftest import Serving

SUMS = """
    import numpy as np
    from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
    from inference_schema.schema_decorators import input_schema
    @input_schema("data", NumpyParameterType(np.zeros((1, 2))))
    def run(data):
        return data.sum(axis=1)
"""
BODY = b'{"data": [[1, 2]]}'


class Stages:
    """Keeps what it hears, durations as their signs."""

    is_plain = False

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def waits(self) -> None:
        self.heard.append(("waits",))

    def waited(self, seconds: float) -> None:
        self.heard.append(("waited", seconds >= 0))

    def decoded(self, seconds: float) -> None:
        self.heard.append(("decoded", seconds > 0))

    def joins(self, batch: dict[str, object]) -> None:
        self.heard.append(("joins", batch.setdefault("first", self) is self))

    def ran(self, seconds: float, calls: int, rows: int) -> None:
        self.heard.append(("ran", seconds > 0, calls, rows))

    def encoded(self, seconds: float) -> None:
        self.heard.append(("encoded", seconds > 0))

    def failed(self, error: ScoringHostError) -> None:
        self.heard.append(("failed", type(error)))

    def sent(self, status: int, size: int, whole: bool) -> None:
        self.heard.append(("sent", status, size, whole))


class AsText:
    """Encodes a result as text."""

    def at_once(self, output: object) -> object | None:
        return str(output)

    def beside(self, output: object) -> object:
        raise AssertionError


PLAIN = [("waited", True), ("decoded", True), ("ran", True, 1, 0), ("encoded", True)]
IN_TURN = [("waits",), *PLAIN]


def test_a_call_in_turn_waits_is_decoded_run_and_encoded(serving: Callable[..., Serving]) -> None:
    stages = Stages()
    serving(SUMS).score(BODY, stages=stages, encoder=AsText())
    assert stages.heard == IN_TURN


def test_a_call_on_the_spot_is_heard_alike(serving: Callable[..., Serving]) -> None:
    stages = Stages()
    server = serving(SUMS)

    async def scenario(service: Service) -> None:
        [thread] = server.threads
        thread.ident = threading.get_ident()
        service._thread_runner.call_speed.short = True  # type: ignore[union-attr]
        scored = service.begin(Call(BODY, stages=stages, encoder=AsText()))
        assert not asyncio.iscoroutine(scored)

    server.do(scenario)
    assert stages.heard == PLAIN


def test_times_are_set_in_place_of_being_told_to_who_wants_no_more(serving: Callable[..., Serving]) -> None:
    in_turn, times = StageTimes(), StageTimes()
    server = serving(SUMS)
    server.score(BODY, stages=in_turn, encoder=AsText())

    async def scenario(service: Service) -> None:
        [thread] = server.threads
        thread.ident = threading.get_ident()
        service._thread_runner.call_speed.short = True  # type: ignore[union-attr]
        service.begin(Call(BODY, stages=times, encoder=AsText(), began_s=time.perf_counter()))

    server.do(scenario)
    for one in (in_turn, times):
        assert min(one.wait_s, one.decode_s, one.run_s, one.encode_s) >= 0
    assert (in_turn.is_plain, times.is_plain) == (False, True)


def test_a_run_that_fails_on_the_spot_has_been_decoded_and_has_not_run(serving: Callable[..., Serving]) -> None:
    times = StageTimes()
    server = serving("def run(text):\n    raise ValueError")

    async def scenario(service: Service) -> None:
        [thread] = server.threads
        thread.ident = threading.get_ident()
        service._thread_runner.call_speed.short = True  # type: ignore[union-attr]
        with pytest.raises(RunFailed):
            service.begin(Call(b"x", stages=times, began_s=time.perf_counter()))

    server.do(scenario)
    assert min(times.wait_s, times.decode_s) >= 0
    assert times.run_s == times.encode_s == ABSENT


def test_the_pieces_of_a_stream_are_one_run_that_ends_with_the_last(serving: Callable[..., Serving]) -> None:
    stages = Stages()

    async def scenario(service: Service) -> list[object]:
        scored = await service.score(Call(b"x", stages=stages))
        assert ("ran", True, 1, 0) not in stages.heard
        assert scored.items is not None
        return [item async for item in scored.items]

    found = serving("def run(text):\n    yield from 'abc'").do(scenario)
    assert found == ["a", "b", "c"]
    assert stages.heard == [("waits",), ("waited", True), ("decoded", True), ("ran", True, 1, 0)]


def test_a_stream_that_fails_on_its_way_is_heard_to_fail(serving: Callable[..., Serving]) -> None:
    stages = Stages()

    async def scenario(service: Service) -> None:
        scored = await service.score(Call(b"x", stages=stages))
        assert scored.items is not None
        with pytest.raises(RunFailed):
            [item async for item in scored.items]
        await scored.items.aclose()  # type: ignore[attr-defined]

    serving("def run(text):\n    yield 'a'\n    raise ValueError").do(scenario)
    assert stages.heard == [("waits",), ("waited", True), ("decoded", True), ("failed", RunFailed), ("ran", True, 1, 0)]


def test_an_async_run_is_heard_alike(serving: Callable[..., Serving]) -> None:
    stages = Stages()
    source = "import asyncio\nasync def run(text):\n    await asyncio.sleep(0)\n    return text"
    serving(source).score(b"x", stages=stages, encoder=AsText())
    assert stages.heard == IN_TURN


def test_each_call_of_a_batch_hears_how_many_ran_with_it(serving: Callable[..., Serving]) -> None:
    server = serving(SUMS, batch=BatchPolicy(64, 0.05))

    async def scenario(service: Service) -> list[Stages]:
        for size in (1, 2, 3):  # show that results are made of rows
            await service.score(Call(b'{"data": [' + b",".join([b"[1, 2]"] * size) + b"]}"))
        for _ in range(50):
            heard = [Stages() for _ in range(4)]
            await asyncio.gather(*(service.score(Call(BODY, stages=one, encoder=AsText())) for one in heard))
            if any(found[0] == "ran" and found[2] > 1 for one in heard for found in one.heard):
                return heard
        raise AssertionError("no two calls were joined")

    heard = server.do(scenario)
    runs = [found for one in heard for found in one.heard if found[0] == "ran"]
    assert len(runs) == 4
    assert all(calls == rows for _, _, calls, rows in runs)
    for one in heard:
        assert [name for name, *_ in one.heard] == ["decoded", "waits", "waited", "joins", "ran", "encoded"]
    runs_together = [sum(found == ("joins", True) for one in heard for found in one.heard), len(heard)]
    assert runs_together[0] < runs_together[1], "those of one batch share what they are handed"


def test_a_call_that_is_refused_is_not_run(serving: Callable[..., Serving]) -> None:
    stages = Stages()
    with pytest.raises(ScoringHostError):
        serving(SUMS).score(b"{}", stages=stages)
    assert stages.heard == [("waits",), ("waited", True)]


def test_a_run_that_fails_has_not_run(serving: Callable[..., Serving]) -> None:
    stages = Stages()
    with pytest.raises(RunFailed):
        serving("def run(text):\n    raise ValueError").score(b"x", stages=stages)
    assert stages.heard == [("waits",), ("waited", True), ("decoded", True)]
