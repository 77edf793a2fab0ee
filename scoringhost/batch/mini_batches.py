"""Azure ML's batch contract: run(mini_batch) gets file paths or a DataFrame, and returns one result for each item.

Source: Azure ML's documentation of batch deployments and parallel jobs. run() has to return a
DataFrame or a list; each element stands for one item that was scored, so that fewer elements than
items are items that failed.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from typing import Any

from scoringhost.batch.parts import Failure, Outcome, Part
from scoringhost.errors import ResultNotEncodable
from scoringhost.schema import json_text
from scoringhost.schema.json_values import is_a
from scoringhost.script.loading import EntryScript
from scoringhost.script.tracebacks import user_traceback


class NoResults(ValueError):
    """run() returned something else than a list of results."""


class MiniBatches:
    """Scores mini-batches on the thread that init() ran on."""

    def __init__(self, script: EntryScript, *, keeps_results: bool, max_retries: int) -> None:
        self._script, self._keeps_results, self._max_retries = script, keeps_results, max_retries

    def score(self, part: Part) -> Outcome:
        """Score one; if run() raises, its halves, down to the items that are at fault."""
        try:
            returned = self._run(part.items)
        except BaseException as error:  # SystemExit, too: a script must not end the job
            return self._failed(part, error, self._max_retries)
        finally:
            sys.stdout.flush()
        try:
            values = _values(returned, len(part), required=self._keeps_results)
        except (NoResults, ResultNotEncodable) as problem:
            return Outcome.failing(part, str(problem))
        return self._counted(part, values)

    def _run(self, items: Any) -> Any:
        returned = self._script.run(items)
        if inspect.iscoroutine(returned):
            with asyncio.Runner() as runner:
                return runner.run(returned)
        return returned

    def _failed(self, part: Part, error: BaseException, retries: int) -> Outcome:
        halves = part.halves()
        if not halves and retries:
            return MiniBatches(self._script, keeps_results=self._keeps_results, max_retries=retries - 1).score(part)
        if not halves:
            return Outcome.failing(part, f"{type(error).__name__}: {error}", traceback=user_traceback(error))
        together = Outcome()
        for half in halves:
            together.add(self.score(half))
        return together

    def _counted(self, part: Part, values: list[Any]) -> Outcome:
        missing = max(0, len(part) - len(values))
        outcome = Outcome(scored=len(part) - missing)
        if self._keeps_results:
            outcome.results = [(None, value) for value in values]
        if missing:
            error = f"run() returned {len(values)} results for {len(part)} items"
            outcome.failures.append(Failure(part.place(), missing, error))
        return outcome


def _values(returned: Any, count: int, *, required: bool) -> list[Any]:
    """The results as values of JSON's types.

    Raises:
        NoResults: if there is no list of them.
        ResultNotEncodable: if one cannot be written.
    """
    if returned is None and not required:
        return [None] * count
    values = None
    if not isinstance(returned, (str, bytes, dict)) and hasattr(returned, "__len__"):
        as_it_is = is_a(returned, "pandas", "DataFrame") or is_a(returned, "numpy", "ndarray")
        values = json.loads(json_text.dumps(returned if as_it_is else list(returned)))
    if not isinstance(values, list):
        raise NoResults(
            f"run(mini_batch) has to return a list, an array or a DataFrame with one element for each item; "
            f"it returned {_kind(returned)}"
        )
    return values


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
