"""Batches: many records, scored in the background by the processes of the service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Match
from scoringhost.hub.errors import BatchNotFound, ValueRefused
from scoringhost.hub.mls.batch_store import COMPLETE, FAILED, IN_PROGRESS, Batch, BatchStore
from scoringhost.hub.mls.consuming import Consuming
from scoringhost.hub.mls.definition import Definition
from scoringhost.hub.mls.guard import caller_of
from scoringhost.hub.mls.words import answered, json_of
from scoringhost.hub.service_values import Version
from scoringhost.schema import json_text
from scoringhost.telemetry.logs import HOST_LOGGER

PARALLEL, MOST_PARALLEL = 10, 64
"""Records at once: if nothing is said, and at most, whatever is said."""

log = logging.getLogger(HOST_LOGGER)


class Batches:
    """The operations on batches."""

    def __init__(self, consuming: Consuming, store: BatchStore) -> None:
        self._consuming, self._store = consuming, store
        self._running: dict[str, asyncio.Task[None]] = {}

    async def start_batch(self, request: HttpRequest) -> HttpResponse:
        """Begin one; answers its id under both of its names."""
        version, definition = await self._consuming.meant(request)
        parallel = _parallel(request.argument("parallelCount"))
        records = json_of(request)
        if not isinstance(records, list) or not records or not all(isinstance(one, dict) for one in records):
            raise ValueRefused("body", "a list of records, each an object of inputs", records)
        store, who = self._store, caller_of(request).name
        batch = await asyncio.to_thread(store.add, who, version.service, version.version, len(records))
        work = self._run(batch, request.match, version, definition, records, parallel)
        task = self._running[batch.id] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._running.pop(batch.id, None))
        return answered({"batchExecutionId": batch.id, "BatchExecutionId": batch.id}, 202)

    async def list_batches(self, request: HttpRequest) -> HttpResponse:
        """The ids."""
        await self._consuming.meant(request)
        parameters = request.parameters
        found = self._store.of(caller_of(request), parameters["name"], parameters["version"])
        return answered([one.id for one in found])

    async def get_batch(self, request: HttpRequest) -> HttpResponse:
        """How far it is, with the results of the first records that are done without a gap."""
        batch = self._found(request)
        # Microsoft's own client says the one, its documentation the other.
        shown = request.argument("showPartialResult") or request.argument("showPartialResults") or "true"
        state, completed = batch.state, batch.completed
        is_shown = shown.lower() != "false" or state == COMPLETE
        results = await asyncio.to_thread(self._store.read, batch, completed) if is_shown else []
        said = {
            "state": state,
            "completedItemCount": completed,
            "totalItemCount": batch.total,
            "batchExecutionResults": results,
        }
        return answered(said)

    async def cancel_batch(self, request: HttpRequest) -> HttpResponse:
        """End it, and remove what it has scored."""
        batch = self._found(request)
        task = self._running.get(batch.id)
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        await asyncio.to_thread(self._store.forget, batch)
        return answered([batch.id])

    async def list_files(self, request: HttpRequest) -> HttpResponse:
        """The names of the files that a record has written."""
        return answered(sorted(await self._files(request)))

    async def get_file(self, request: HttpRequest) -> HttpResponse:
        """One of them."""
        files, name = await self._files(request), request.parameters["file"]
        if name not in files:
            raise BatchNotFound(f"file {name!r} of this record")
        return HttpResponse(200, [("Content-Type", "application/octet-stream")], files[name])

    async def _files(self, request: HttpRequest) -> dict[str, bytes]:
        batch, index = self._found(request), request.parameters["index"]
        if not index.isascii() or not index.isdigit() or len(index) > 9:
            raise BatchNotFound(f"record {index!r} in the batch")
        return await asyncio.to_thread(self._store.files, batch, int(index))

    def _found(self, request: HttpRequest) -> Batch:
        parameters = request.parameters
        return self._store.get(caller_of(request), parameters["name"], parameters["version"], parameters["batch"])

    # -- scoring ------------------------------------------------------------------------------------

    async def _run(
        self,
        batch: Batch,
        match: Match,
        version: Version,
        definition: Definition | None,
        records: list[dict[str, Any]],
        parallel: int,
    ) -> None:
        """Score all records, so many at once; one that fails has a Result that says so, and the others go on."""
        batch.state = IN_PROGRESS
        left = iter(enumerate(records))

        async def work(left: Iterator[tuple[int, dict[str, Any]]]) -> None:
            for index, record in left:
                result = await self._scored(match, version, definition, record, f"{batch.id}-{index}")
                await asyncio.to_thread(self._store.write, batch, index, result)
                batch.finish(index)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(parallel, len(records))):
                    group.create_task(work(left))
            batch.state = COMPLETE
        except* Exception as problems:  # such as a disk that is full
            batch.state = FAILED
            log.error("the batch %s of %s:%s has failed", batch.id, batch.service, batch.version, exc_info=problems)

    async def _scored(
        self, match: Match, version: Version, definition: Definition | None, record: dict[str, Any], request_id: str
    ) -> bytes:
        try:
            answer = await self._consuming.called(match, version, definition, record, request_id)
        except ScoringHostError as problem:
            return _failed(str(problem))
        if answer.status != 200:
            found = json_text.loads(answer.body)
            if "success" not in found:
                return _failed(str(found.get("message", "")))
        return answer.body

    async def end(self) -> None:
        """End what is under way: it has failed."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _parallel(text: str | None) -> int:
    if text is None:
        return PARALLEL
    if not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
        raise ValueRefused("parallelCount", "a whole number of 1 or more", text)
    return min(int(text[:9]), MOST_PARALLEL)


def _failed(message: str) -> bytes:
    """The Result of a record that was not scored."""
    return json_text.dumps({
        "success": False, "errorMessage": message, "consoleOutput": "", "changedFiles": [], "outputFiles": {},
        "outputParameters": {},
    })  # fmt: skip
