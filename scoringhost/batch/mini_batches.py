"""Azure ML's batch contract: run(mini_batch) gets file paths or a DataFrame, and returns one result for each item.

Source: Azure ML's documentation of batch deployments and parallel jobs. run() has to return a
DataFrame or a list; each element stands for one item that was scored, so that fewer elements than
items are items that failed. It may take a second argument, `mini_batch_context`. What it yields
instead of returning are its elements, one after the other; a DataFrame is as many as it has rows.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from scoringhost.batch.parts import Failure, Outcome, Part
from scoringhost.errors import ResultNotEncodable
from scoringhost.schema import json_text
from scoringhost.schema.json_values import is_a
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import MINI_BATCH_CONTEXT, REQUIRED
from scoringhost.script.tracebacks import user_traceback
from scoringhost.tabular.pieces import TABLES, Rows
from scoringhost.telemetry.logs import PRINT_LOGGER

_log = logging.getLogger(PRINT_LOGGER)
_LIKELY_OF_PATHS = (AttributeError, TypeError, KeyError, IndexError)
"""What is raised where a list of paths is treated as a DataFrame."""


class NoResults(ValueError):
    """run() returned something else than a list of results."""


@dataclass(frozen=True, slots=True)
class MiniBatchContext:
    """What Azure ML tells a run() of its mini-batch.

    minibatch_index: its number from 0; the halves of one that failed have the same. partition_key_value: what all its
    files have in common in folders named `key=value`, empty otherwise. dataset: what --input named.
    """

    minibatch_index: int
    partition_key_value: Mapping[str, str]
    dataset: str


class _Yielded(list[Any]):
    """The pieces that run() yielded."""


class MiniBatches:
    """Scores mini-batches on the thread that init() ran on."""

    def __init__(self, script: EntryScript, *, keeps_results: bool, max_retries: int, dataset: str = "") -> None:
        self._run_function, self._keeps_results, self._max_retries = script.run, keeps_results, max_retries
        self._dataset = dataset
        self._wants_context = wants_context(script.run)
        self._advised = False

    def score(self, part: Part) -> Outcome:
        """Score one; if run() raises, its halves, down to the items that are at fault."""
        return self._score(part, self._max_retries)

    def _score(self, part: Part, retries: int) -> Outcome:
        try:
            returned = self._run(part)
        except BaseException as error:  # SystemExit, too: a script must not end the job
            return self._failed(part, error, retries)
        finally:
            sys.stdout.flush()
        try:
            values = _values(returned, len(part), required=self._keeps_results)
        except (NoResults, ResultNotEncodable) as problem:
            return Outcome.failing(part, str(problem))
        return self._counted(part, values)

    def _run(self, part: Part) -> Any:
        """What run() returns, or all that it yields: what it raises between two pieces fails the mini-batch."""
        arguments = [part.items]
        if self._wants_context:
            arguments.append(MiniBatchContext(part.index, _partition(part, self._dataset), self._dataset))
        returned = self._run_function(*arguments)
        if inspect.iscoroutine(returned):
            with asyncio.Runner() as runner:
                return runner.run(returned)
        if inspect.isasyncgen(returned):
            with asyncio.Runner() as runner:
                return runner.run(_all(returned))
        return _Yielded(returned) if inspect.isgenerator(returned) else returned

    def _failed(self, part: Part, error: BaseException, retries: int) -> Outcome:
        halves = part.halves()
        if not halves and retries:
            return self._score(part, retries - 1)
        if not halves:
            self._advise(part, error)
            return Outcome.failing(part, f"{type(error).__name__}: {error}", traceback=user_traceback(error))
        together = Outcome()
        for half in halves:
            together.add(self._score(half, retries))
        return together

    def _advise(self, part: Part, error: BaseException) -> None:
        """Once: what may be wrong if a run() fails with the paths of tables."""
        if self._advised or part.rows is not Rows.PATHS or not isinstance(error, _LIKELY_OF_PATHS):
            return
        if all(PurePath(path).suffix.lower() in TABLES for path in part.items):
            self._advised = True
            _log.warning("run() was given the paths of files; if it expects a DataFrame of their rows, say --as table")

    def _counted(self, part: Part, values: list[Any]) -> Outcome:
        missing = max(0, len(part) - len(values))
        outcome = Outcome(scored=len(part) - missing)
        if self._keeps_results:
            outcome.results = [(None, value) for value in values]
        if missing:
            error = f"run() returned {len(values)} results for {len(part)} items"
            outcome.failures.append(Failure(part.place(), missing, error))
        return outcome


def wants_context(run: Callable[..., Any]) -> bool:
    """Whether run() takes a second argument of Azure ML's name, or one without a default."""
    beside = list(inspect.signature(run).parameters.values())[1:2]
    return any(one.name == MINI_BATCH_CONTEXT or one.default is REQUIRED for one in beside)


def _partition(part: Part, dataset: str) -> dict[str, str]:
    """The `key=value` folders that all files of a mini-batch lie in."""
    paths = part.items if part.rows is Rows.PATHS else [part.file or dataset]
    found = [dict(step.split("=", 1) for step in PurePath(path).parts[:-1] if "=" in step) for path in paths]
    return {key: value for key, value in found[0].items() if all(one.get(key) == value for one in found)}


async def _all(pieces: AsyncIterator[Any]) -> _Yielded:
    return _Yielded([piece async for piece in pieces])


def _values(returned: Any, count: int, *, required: bool) -> list[Any]:
    """The results as values of JSON's types.

    Raises:
        NoResults: if there is no list of them.
        ResultNotEncodable: if one cannot be written.
    """
    if not required and (returned is None or (isinstance(returned, _Yielded) and not returned)):
        return [None] * count
    if isinstance(returned, _Yielded):
        return list(_of_pieces(returned))
    values = None
    if is_a(returned, "pandas", "DataFrame"):
        values = _records(returned)
    elif is_a(returned, "numpy", "ndarray"):
        values = _as_json(returned)
    elif not isinstance(returned, (str, bytes, dict)) and hasattr(returned, "__len__"):
        values = _as_json(list(returned))
    if not isinstance(values, list):
        raise NoResults(
            f"run(mini_batch) has to return a list, an array or a DataFrame with one element for each item, or to "
            f"yield these elements; it returned {_kind(returned)}"
        )
    return values


def _of_pieces(pieces: Iterable[Any]) -> Iterable[Any]:
    for piece in pieces:
        if is_a(piece, "pandas", "DataFrame"):
            yield from _records(piece)
        else:
            yield _as_json(piece)


def _records(frame: Any) -> Any:
    """The rows of a frame by its columns; without names these are `result`, or `result_0`, `result_1` ..."""
    count = frame.shape[1]
    if list(frame.columns) == list(range(count)):
        names = ["result"] if count == 1 else [f"result_{at}" for at in range(count)]
        frame = frame.set_axis(names, axis=1)
    return _as_json(frame)


def _as_json(value: Any) -> Any:
    return json.loads(json_text.dumps(value))


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
