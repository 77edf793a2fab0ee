"""Adaptive batching: the batcher on an event loop."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.errors import CallerTimedOut, Overloaded, RunFailed
from scoringhost.kernel.batch_policy import BatchPolicy
from scoringhost.kernel.batch_queue import BatchRoom
from scoringhost.kernel.batching import Batcher
from scoringhost.kernel.call import Call, Scored
from scoringhost.kernel.deadline import Deadline
from scoringhost.kernel.row_evidence import TRIALS


class Runs:
    """A run() that records what it is given, and can be held."""

    def __init__(self, run: Callable[..., Any] = lambda data: data.sum(axis=1)) -> None:
        self.run = run
        self.seen: list[Any] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, call: Call, arguments: dict[str, Any]) -> tuple[object, float]:
        self.seen.append({name: np.shape(value) for name, value in arguments.items()})
        if self.gate is not None:
            await self.gate.wait()
        try:
            return self.run(**arguments), 1.0
        except ValueError as error:
            raise RunFailed from error


def rows(count: int, first: float = 0.0, width: int = 2) -> dict[str, Any]:
    return {"data": np.arange(count * width, dtype=float).reshape(count, width) + first}


TRIAL = [{"data": np.array([[0.0, 1.0]])}, {"data": np.array([[2.0, 5.0]])}]


def gathered(runs: Runs, sets: list[dict[str, Any]], max_rows: int = 64, **more: Any) -> list[Any]:
    """The answers of calls of which the first is held until all have arrived.

    Before, run() has shown with `trial` that its results are made of rows; None: it has not.
    """

    async def go() -> list[Any]:
        room = BatchRoom(more.get("max_waiting", 100), more.get("max_concurrent"), more.get("max_wait_s"))
        batcher = Batcher(BatchPolicy(max_rows, 0.0), runs, room, more.get("notice", print))
        trial = more.get("trial", TRIAL)
        for _ in range(TRIALS if trial is not None else 0):
            await asyncio.gather(*(batcher.score(Call(b""), arguments) for arguments in trial))
        await _until(lambda: batcher._worker is None or batcher._worker.done())
        runs.seen.clear()
        runs.gate = asyncio.Event()
        first = asyncio.ensure_future(batcher.score(Call(b""), rows(1)))
        await _until(lambda: bool(runs.seen))
        others = [asyncio.ensure_future(batcher.score(Call(b""), arguments)) for arguments in sets]
        await asyncio.sleep(0)
        for at in more.get("cancel", ()):
            others[at].cancel()
        runs.gate.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        await _until(lambda: batcher._worker is not None and batcher._worker.done())
        return [answer.output if isinstance(answer, Scored) else answer for answer in answers[1:]]

    return asyncio.run(go())


async def _until(condition: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0)

    await asyncio.wait_for(poll(), 5)


def test_calls_that_wait_together_are_one_run_and_each_gets_its_own_rows() -> None:
    runs = Runs()
    answers = gathered(runs, [rows(2), rows(1, 100.0), rows(3)])
    assert [shape["data"] for shape in runs.seen] == [(1, 2), (6, 2)]
    assert [answer.tolist() for answer in answers] == [[1.0, 5.0], [201.0], [1.0, 5.0, 9.0]]


def test_no_batch_has_more_rows_than_it_may() -> None:
    runs = Runs()
    gathered(runs, [rows(2), rows(2), rows(2)], max_rows=4)
    assert [shape["data"] for shape in runs.seen] == [(1, 2), (4, 2), (2, 2)]


def test_calls_of_another_trailing_shape_run_apart() -> None:
    runs = Runs()
    answers = gathered(runs, [rows(1), rows(1, width=3), rows(1)])
    assert sorted(shape["data"] for shape in runs.seen[1:]) == [(1, 3), (2, 2)]
    assert [answer.tolist() for answer in answers] == [[1.0], [3.0], [1.0]]


def test_a_call_that_fails_fails_alone() -> None:
    def picky(data: Any) -> Any:
        if (data < 0).any():
            raise ValueError("negative")
        return data.sum(axis=1)

    answers = gathered(Runs(picky), [rows(1), rows(1, -50.0), rows(1), rows(2)])
    assert isinstance(answers[1], RunFailed)
    assert [answer.tolist() for at, answer in enumerate(answers) if at != 1] == [[1.0], [1.0], [1.0, 5.0]]


def test_a_caller_who_goes_away_hangs_nobody() -> None:
    answers = gathered(Runs(), [rows(1), rows(1), rows(1)], cancel=[1])
    assert isinstance(answers[1], asyncio.CancelledError)
    assert [answers[0].tolist(), answers[2].tolist()] == [[1.0], [1.0]]


def test_several_parameters_are_joined_and_a_dict_of_arrays_is_taken_apart() -> None:
    def run(data: Any, frame: Any = None) -> Any:
        if frame is None:
            return data
        return {"sum": data.sum(axis=1), "names": frame["name"].tolist()}

    sets = [
        {**rows(2), "frame": pd.DataFrame({"name": ["a", "b"]})},
        {**rows(1), "frame": pd.DataFrame({"name": ["c"]})},
    ]
    runs = Runs(run)
    answers = gathered(runs, sets, trial=sets)
    assert [answer["names"] for answer in answers] == [["a", "b"], ["c"]]
    assert [answer["sum"].tolist() for answer in answers] == [[1.0, 5.0], [1.0]]
    assert [shape["data"] for shape in runs.seen] == [(1, 2), (3, 2)]


def test_plain_arguments_must_be_equal_to_join() -> None:
    runs = Runs(lambda data, factor=1: data.sum(axis=1) * factor)  # the trial has no factor
    answers = gathered(runs, [{**rows(1), "factor": 2}, {**rows(1), "factor": 3}, {**rows(1), "factor": 2}])
    assert [answer.tolist() for answer in answers] == [[2.0], [3.0], [2.0]]
    assert sorted(shape["data"] for shape in runs.seen[1:]) == [(1, 2), (2, 2)]


def test_a_result_without_rows_is_made_call_by_call_and_noticed_once() -> None:
    notices: list[str] = []
    answers = gathered(
        Runs(lambda data: float(data.sum())), [rows(1), rows(2), rows(1)], notice=notices.append, trial=None
    )
    assert answers == [1.0, 6.0, 1.0]
    assert len(notices) == 1
    assert "float" in notices[0]


def test_more_waiting_calls_than_may_wait_are_refused() -> None:
    answers = gathered(Runs(), [rows(1), rows(1), rows(1)], max_waiting=2)
    assert isinstance(answers[2], Overloaded)
    assert [answers[0].tolist(), answers[1].tolist()] == [[1.0], [1.0]]


def test_an_abandoned_call_is_left_out() -> None:
    async def go() -> list[Any]:
        runs = Runs()
        runs.gate = asyncio.Event()
        batcher = Batcher(BatchPolicy(64, 0.0), runs, BatchRoom(10), print)
        first = asyncio.ensure_future(batcher.score(Call(b""), rows(1)))
        await _until(lambda: bool(runs.seen))
        gone = asyncio.ensure_future(batcher.score(Call(b"", abandoned=lambda: True), rows(1)))
        there = asyncio.ensure_future(batcher.score(Call(b""), rows(1)))
        await asyncio.sleep(0)
        runs.gate.set()
        await asyncio.gather(first, there)
        assert isinstance((await asyncio.gather(gone, return_exceptions=True))[0], asyncio.CancelledError)
        return runs.seen

    assert [shape["data"] for shape in asyncio.run(go())] == [(1, 2), (1, 2)]


# BUG: the places of callers that had gone were taken until their batch came, and who came meanwhile was refused.
def test_an_abandoned_call_keeps_no_place_among_those_that_wait() -> None:
    async def go() -> list[Any]:
        runs = Runs()
        runs.gate = asyncio.Event()
        batcher = Batcher(BatchPolicy(64, 0.0), runs, BatchRoom(1), print)
        first = asyncio.ensure_future(batcher.score(Call(b""), rows(1)))
        await _until(lambda: bool(runs.seen))
        gone = asyncio.ensure_future(batcher.score(Call(b"", abandoned=lambda: True), rows(1)))
        await asyncio.sleep(0)
        there = asyncio.ensure_future(batcher.score(Call(b""), rows(1)))
        await asyncio.sleep(0)
        runs.gate.set()
        await asyncio.gather(first, there)
        assert isinstance((await asyncio.gather(gone, return_exceptions=True))[0], asyncio.CancelledError)
        return runs.seen

    assert len(asyncio.run(go())) == 2


# -- whether results are made of rows ---------------------------------------------------------------


def joined_runs(runs: Runs, calls: int) -> list[int]:
    """The rows of those runs that had more than any of the calls, which have one each."""
    return [shape["data"][0] for shape in runs.seen if shape["data"][0] > 1]


def ids_beside_scores(data: Any) -> Any:
    return [f"id-{int(row[0])}" for row in data], data.sum(axis=1).tolist()


@pytest.mark.parametrize("trial", [None, TRIAL])
@pytest.mark.parametrize(
    "run",
    [
        ids_beside_scores,
        lambda data: list(ids_beside_scores(data)),
        lambda data: np.array(ids_beside_scores(data)),
        lambda data: dict(enumerate(ids_beside_scores(data)[1])),
        lambda data: {"ids": ids_beside_scores(data)[0], "classes": ["cat", "dog"]},
        lambda data: sorted(data.sum(axis=1).tolist(), reverse=True),
        lambda data: data.sum(axis=1) / data.sum(),
        lambda data: ["one for all"],
        lambda data: data.sum(axis=1).tolist() if len(data) == 1 else list(ids_beside_scores(data)),
    ],
    ids=["tuple", "list", "array", "dict", "one part", "sorted", "scaled", "constant", "other when joined"],
)
def test_every_caller_gets_what_a_call_alone_would_have_given(run: Callable[..., Any], trial: Any) -> None:
    notices: list[str] = []
    sets = [rows(1, first) for first in (8.0, 3.0, 5.0, 1.0)] * 6
    answers = gathered(Runs(run), sets, trial=trial, notice=notices.append)
    assert [repr(answer) for answer in answers] == [repr(run(**arguments)) for arguments in sets]
    assert len(notices) == 1


def test_callers_of_two_rows_do_not_get_two_results_for_rows() -> None:
    sets = [rows(2, first) for first in (8.0, 3.0, 5.0, 1.0)] * 6
    answers = gathered(Runs(ids_beside_scores), sets, trial=None)
    assert answers == [ids_beside_scores(**arguments) for arguments in sets]


def test_a_constant_number_of_results_is_never_taken_for_rows() -> None:
    # Alone a call of four rows fits; two of two rows each would be taken apart, if that were enough.
    def run(data: Any) -> Any:
        return [float(data.sum()), 1.0, 2.0, 3.0]

    sets = [rows(4), *[rows(2, first) for first in (8.0, 3.0)] * 6]
    assert gathered(Runs(run), sets, trial=None) == [run(**arguments) for arguments in sets]


def test_calls_are_joined_only_after_the_trials() -> None:
    runs = Runs()
    sets = [rows(1, float(at)) for at in range(40)]
    answers = gathered(runs, sets, trial=None)
    assert [answer.tolist() for answer in answers] == [[2.0 * at + 1] for at in range(40)]
    assert joined_runs(runs, 40) == [4, 4, 4, 28], "three trials of four calls each, and the rest"
    assert len(runs.seen) == 1 + 3 * (4 + 1) + 1


def test_results_that_never_are_the_same_are_judged_by_their_number() -> None:
    counter = iter(range(1000))
    runs = Runs(lambda data: [{"score": float(row.sum()), "number": next(counter)} for row in data])
    gathered(runs, [rows(1, float(at)) for at in range(40)], trial=None)
    assert joined_runs(runs, 40) == [4, 4, 4, 28]


def test_a_contradiction_ends_joining_for_good() -> None:
    def run(data: Any) -> Any:
        return ["unlike"] if data[0, 0] == 99 else data.sum(axis=1).tolist()

    runs = Runs(run)
    notices: list[str] = []
    sets = [rows(2, 99.0), rows(1), rows(1), rows(1)]
    answers = gathered(runs, sets, notice=notices.append)
    assert answers == [["unlike"], [1.0], [1.0], [1.0]]
    assert [shape["data"][0] for shape in runs.seen] == [1, 5, 2, 1, 1, 1]
    assert "1 items for 5 rows" in notices[0]


def test_another_kind_of_result_for_a_bad_call_ends_nothing() -> None:
    def run(data: Any) -> Any:
        return {"error": "negative"} if (data < 0).any() else data.sum(axis=1).tolist()

    runs = Runs(run)
    notices: list[str] = []
    answers = gathered(runs, [rows(1), rows(1, -50.0), rows(1), rows(1)] * 2, notice=notices.append)
    assert answers == [[1.0], {"error": "negative"}, [1.0], [1.0]] * 2
    assert notices == []
    assert 2 in joined_runs(runs, 8)


def test_a_run_that_takes_single_rows_only_is_not_joined_again() -> None:
    def run(data: Any) -> Any:
        if len(data) != 1:
            raise ValueError("one row, please")
        return [float(data.sum())]

    runs = Runs(run)
    notices: list[str] = []
    answers = gathered(runs, [rows(1)] * 12, trial=None, notice=notices.append)
    assert answers == [[1.0]] * 12
    assert joined_runs(runs, 12) == [4]
    assert len(notices) == 1


# -- how many calls wait, and for how long ----------------------------------------------------------


def held(scenario: Callable[[Batcher, Runs], Any], room: BatchRoom) -> Any:
    """Play a scenario while a first call runs, which ends when the gate of `runs` is set."""

    async def go() -> Any:
        runs = Runs()
        batcher = Batcher(BatchPolicy(64, 0.0), runs, room, print)
        runs.gate = asyncio.Event()
        first = asyncio.ensure_future(batcher.score(Call(b""), rows(1)))
        await _until(lambda: bool(runs.seen))
        outcome = await scenario(batcher, runs)
        runs.gate.set()
        await first
        await _until(lambda: batcher._worker is not None and batcher._worker.done())
        return outcome, len(runs.seen)

    return asyncio.run(asyncio.wait_for(go(), 20))


def within(seconds: float) -> Deadline:
    return Deadline(seconds, time.monotonic() + seconds)


def test_calls_that_run_count_among_those_that_may_be_there_at_once() -> None:
    async def scenario(batcher: Batcher, runs: Runs) -> None:
        second = asyncio.ensure_future(batcher.score(Call(b""), rows(1)))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="2 calls are waiting or running already"):
            await batcher.score(Call(b""), rows(1))
        assert runs.gate is not None
        runs.gate.set()
        await second

    assert held(scenario, BatchRoom(100, max_concurrent=2)) == (None, 2)


def test_a_call_whose_deadline_passes_before_its_batch_never_reaches_run() -> None:
    async def scenario(batcher: Batcher, runs: Runs) -> None:
        with pytest.raises(CallerTimedOut, match="run\\(\\) was not begun"):
            await batcher.score(Call(b"", deadline=within(0.01)), rows(1))

    assert held(scenario, BatchRoom(100)) == (None, 1)


def test_a_call_that_has_waited_as_long_as_it_may_never_reaches_run() -> None:
    async def scenario(batcher: Batcher, runs: Runs) -> None:
        with pytest.raises(Overloaded, match="has waited for"):
            await batcher.score(Call(b""), rows(1))

    # The first one runs already: it has not waited.
    assert held(scenario, BatchRoom(100, max_wait_s=0.01)) == (None, 1)


def test_a_caller_that_gives_up_during_its_batch_is_told_so_and_the_batch_goes_on() -> None:
    async def scenario() -> tuple[int, int]:
        runs = Runs()
        batcher = Batcher(BatchPolicy(64, 0.0), runs, BatchRoom(100), print)
        runs.gate = asyncio.Event()
        with pytest.raises(CallerTimedOut, match="nobody waits for what run"):
            await batcher.score(Call(b"", deadline=within(0.01)), rows(1))
        seen = len(runs.seen)
        runs.gate.set()
        await batcher.score(Call(b""), rows(1))
        return seen, len(runs.seen)

    assert asyncio.run(asyncio.wait_for(scenario(), 20)) == (1, 2)


def test_a_caller_that_goes_while_the_others_of_its_group_are_run_never_reaches_run() -> None:
    gone: list[bool] = []

    async def scenario(batcher: Batcher, runs: Runs) -> int:
        calls = [Call(b"", abandoned=lambda: bool(gone)), Call(b""), Call(b"", abandoned=lambda: bool(gone))]
        others = [asyncio.ensure_future(batcher.score(call, rows(1))) for call in calls]
        await asyncio.sleep(0)
        before = runs.run

        def run(data: Any) -> Any:
            if len(runs.seen) == 3:  # of this group, which nobody has joined yet, the first two have been run
                gone.append(True)
            return before(data)

        runs.run = run
        assert runs.gate is not None
        runs.gate.set()
        outcomes = await asyncio.gather(*others, return_exceptions=True)
        assert isinstance(outcomes[2], asyncio.CancelledError)
        return len(runs.seen)

    assert held(scenario, BatchRoom(100))[0] == 3
