"""run(mini_batch): what may be returned, and who fails when it raises."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.batch.mini_batches import MiniBatches
from scoringhost.batch.parts import Outcome, Part
from scoringhost.script.loading import EntryScript
from scoringhost.tabular.pieces import Rows


def score(
    run: Callable[..., Any], items: Any, rows: Rows = Rows.PATHS, keeps: bool = True, retries: int = 0
) -> Outcome:
    script = EntryScript(Path("score.py"), types.ModuleType("score"), lambda: None, run, None)
    part = Part(0, rows, items, 1, 1.0)
    return MiniBatches(script, keeps_results=keeps, max_retries=retries, dataset="in").score(part)


@pytest.mark.parametrize(
    ("returned", "values"),
    [
        (["a", "b"], ["a", "b"]),
        (("a", "b"), ["a", "b"]),
        (np.array([1.5, 2.5]), [1.5, 2.5]),
        (np.array([["a", 1], ["b", 2]], dtype=object), [["a", 1], ["b", 2]]),
        ([np.array(["a", 1.5], dtype=object), np.array([2, 3])], [["a", 1.5], [2, 3]]),
        (pd.Series([1, 2], index=["x", "y"]), [1, 2]),
        (pd.DataFrame({"a": [1, 2], "b": [None, "x"]}), [{"a": 1, "b": None}, {"a": 2, "b": "x"}]),
        ([{"a": np.float64(1.5)}, {"a": np.nan}], [{"a": 1.5}, {"a": None}]),
    ],
)
def test_results_are_values_of_json(returned: Any, values: list[Any]) -> None:
    outcome = score(lambda mini_batch: returned, ["1", "2"])
    assert outcome.results == [(None, value) for value in values]
    assert (outcome.scored, outcome.failed) == (2, 0)


@pytest.mark.parametrize(
    ("returned", "named"),
    [(None, "None"), ("ab", "a str"), ({"a": 1}, "a dict"), (5, "a int"), (np.array(5), "a ndarray")],
)
def test_what_is_no_list_fails_the_mini_batch(returned: Any, named: str) -> None:
    outcome = score(lambda mini_batch: returned, ["1", "2"])
    [failure] = outcome.failures
    assert failure.count == 2
    assert failure.error.endswith(f"it returned {named}")


def test_what_cannot_be_written_fails_the_mini_batch() -> None:
    [failure] = score(lambda mini_batch: [object(), 1], ["1", "2"]).failures
    assert failure.count == 2
    assert "object" in failure.error


def test_where_results_are_not_kept_they_are_only_counted() -> None:
    assert score(lambda mini_batch: None, ["1", "2"], keeps=False).scored == 2
    outcome = score(lambda mini_batch: mini_batch[:1], ["1", "2"], keeps=False)
    assert (outcome.results, outcome.scored, outcome.failed) == ([], 1, 1)


def test_more_results_than_items_are_no_failures() -> None:
    outcome = score(lambda mini_batch: ["x"] * 7, ["1", "2"])
    assert (len(outcome.results), outcome.scored, outcome.failed) == (7, 2, 0)


def test_halves_find_the_items_at_fault_and_keep_the_order() -> None:
    def run(mini_batch: list[str]) -> list[str]:
        if {"b", "e"} & set(mini_batch):
            raise SystemExit("bad")
        return mini_batch

    outcome = score(run, list("abcdefg"))
    assert [value for _, value in outcome.results] == list("acdfg")
    assert [failure.place.file for failure in outcome.failures] == ["b", "e"]
    assert outcome.failures[0].error == "SystemExit: bad"
    assert "in run" in outcome.failures[0].traceback


def test_a_frame_is_halved_by_rows() -> None:
    def run(mini_batch: pd.DataFrame) -> pd.DataFrame:
        if (mini_batch.a == 2).any():
            raise ValueError
        return mini_batch

    outcome = score(run, pd.DataFrame({"a": range(5)}), Rows.FRAME)
    assert [value["a"] for _, value in outcome.results] == [0, 1, 3, 4]
    assert outcome.failures[0].place.row == 3


def test_an_item_is_tried_again_as_often_as_asked() -> None:
    calls: list[int] = []

    def run(mini_batch: list[str]) -> list[str]:
        calls.append(len(mini_batch))
        if len(calls) < 4:
            raise OSError("the network")
        return mini_batch

    assert score(run, ["1", "2"], retries=2).scored == 2
    assert calls == [2, 1, 1, 1, 1]


def test_a_run_that_is_async_is_awaited() -> None:
    async def run(mini_batch: list[str]) -> list[str]:
        return mini_batch

    assert score(run, ["1"]).results == [(None, "1")]


def test_what_is_yielded_are_the_results_one_after_the_other_and_the_rows_of_frames() -> None:
    def run(mini_batch: list[str]) -> Any:
        yield "a"
        yield [1, np.float64(2.5)]
        yield pd.DataFrame({"x": [3, 4]})

    outcome = score(run, ["1", "2", "3", "4"])
    assert [value for _, value in outcome.results] == ["a", [1, 2.5], {"x": 3}, {"x": 4}]
    assert (outcome.scored, outcome.failed) == (4, 0)


def test_a_run_that_is_async_may_yield_as_well() -> None:
    async def run(mini_batch: list[str]) -> Any:
        for item in mini_batch:
            yield item

    assert score(run, ["1", "2"]).results == [(None, "1"), (None, "2")]


def test_a_run_that_yields_too_little_fails_for_the_rest_and_one_that_raises_is_halved() -> None:
    def run(mini_batch: list[str]) -> Any:
        for item in mini_batch:
            if item == "raise":
                raise ValueError(item)
            if item != "skip":
                yield item

    assert score(run, ["1", "skip"]).failures[0].error == "run() returned 1 results for 2 items"
    outcome = score(run, ["1", "raise", "3"])
    assert ([value for _, value in outcome.results], outcome.failed) == (["1", "3"], 1)


def test_where_results_are_not_kept_a_run_may_yield_nothing() -> None:
    def run(mini_batch: list[str]) -> Any:
        yield from ()

    assert score(run, ["1", "2"], keeps=False).scored == 2


@pytest.mark.parametrize(
    ("run", "path", "partition"),
    [
        (lambda mini_batch, mini_batch_context: [mini_batch_context], "/in/Store=1001/Brand=a/x.csv", True),
        (lambda input_data, context: [context], "/in/Store=1001/Brand=a/x.csv", True),
        (lambda mini_batch, mini_batch_context=None: [mini_batch_context], "/in/x.csv", False),
    ],
)
def test_a_second_argument_is_what_azure_ml_tells_of_a_mini_batch(run: Any, path: str, partition: bool) -> None:
    found: list[Any] = []

    def watched(mini_batch: Any, mini_batch_context: Any) -> list[Any]:
        found.extend(run(mini_batch, mini_batch_context))
        return list(mini_batch)

    assert score(watched, [path]).scored == 1
    [context] = found
    assert (context.minibatch_index, context.dataset) == (0, "in")
    assert context.partition_key_value == ({"Store": "1001", "Brand": "a"} if partition else {})


def test_a_second_argument_with_a_default_of_its_own_is_left_alone() -> None:
    assert score(lambda mini_batch, threshold=0.5: [threshold], ["1"]).results == [(None, 0.5)]


@pytest.mark.parametrize(
    ("frame", "rows"),
    [
        (pd.DataFrame([[1, 2], [3, 4]]), [{"result_0": 1, "result_1": 2}, {"result_0": 3, "result_1": 4}]),
        (pd.DataFrame([1, 3]), [{"result": 1}, {"result": 3}]),
        (pd.DataFrame([[1], [3]], columns=[7]), [{"7": 1}, {"7": 3}]),
    ],
)
def test_a_frame_without_names_of_columns_gets_some(frame: pd.DataFrame, rows: list[Any]) -> None:
    assert [value for _, value in score(lambda mini_batch: frame, ["1", "2"]).results] == rows


def test_a_run_that_wants_a_frame_and_gets_paths_is_told_how(caplog: pytest.LogCaptureFixture) -> None:
    assert score(lambda mini_batch: mini_batch.columns, ["a.csv", "b.csv"]).failed == 2
    assert [record.getMessage() for record in caplog.records] == [
        "run() was given the paths of files; if it expects a DataFrame of their rows, say --as table"
    ]
    caplog.clear()
    score(lambda mini_batch: mini_batch.columns, ["a.png"])
    assert not caplog.records
