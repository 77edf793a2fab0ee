"""Scoring in the background on Azure Functions: jobs over a queue, and files of many rows.

`POST /jobs` takes what `POST /score` takes and answers at once where the result will be; a queue
message brings the job to run(), and a blob holds its document (`dialects/jobs.py`). A file put
into `scoring-files/in` is scored row by row into `scoring-files/out`.

Whatever is wrong with a message or a file ends as an error document. Only a service that cannot take
calls right now, or a worker that ends, has a message tried again, three times in all.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping

import azure.functions as func

from scoringhost.dialects import jobs as documents
from scoringhost.dialects.jobs import Job, UnreadableMessage
from scoringhost.dialects.row_files import Rows, UnreadableFile, requests_of
from scoringhost.doors.functions.app import FunctionProcess, respond_with
from scoringhost.doors.functions.blob_store import CONNECTION, BlobStore
from scoringhost.doors.functions.messages import whole_body
from scoringhost.errors import UnknownJob
from scoringhost.http.app import HttpApp
from scoringhost.http.errors import JSON
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.kernel.call import request_id
from scoringhost.telemetry.logs import HOST_LOGGER

QUEUE = "scoring-jobs"
JOBS = "scoring-jobs"
FILES = "scoring-files"
TRIES = 3
POLL_S = 2
"""Seconds after which a caller may ask again for a job that is pending."""

log = logging.getLogger(HOST_LOGGER)
MakeApp = Callable[[Mapping[str, Endpoint]], HttpApp]


class Postponed(Exception):
    """The service cannot take calls now; the Functions host tries the message again later."""


class Jobs:
    """Background scoring with the service of one process."""

    def __init__(self, process: FunctionProcess, make_app: MakeApp, connection: str | None) -> None:
        """`make_app` makes HTTP over some endpoints; `connection` is that of the storage account."""
        self.process, self._make_app = process, make_app
        self._jobs, self._files = BlobStore(connection, JOBS), BlobStore(connection, FILES)

    # -- HTTP -------------------------------------------------------------------------------------

    def submission(self, send: Callable[[str], None]) -> HttpApp:
        """What answers POST /jobs; `send` puts a message into the queue."""

        async def submit(request: HttpRequest) -> HttpResponse:
            job = Job.of(request, request_id.get())
            message = job.message()
            if message is None:
                await self._jobs.put(f"{job.id}.body", request.body)
                message = job.without_body().message()
            await self._jobs.put(f"{job.id}.json", documents.pending(job.id))
            send(message or "")
            headers = [("Content-Type", JSON), ("Location", f"/jobs/{job.id}"), ("Retry-After", str(POLL_S))]
            return HttpResponse(202, headers, documents.pending(job.id))

        return self._make_app({"/jobs": Endpoint({"POST": submit})})

    def reading(self, path: str) -> HttpApp:
        """What answers GET /jobs/{id}."""

        async def read(request: HttpRequest) -> HttpResponse:
            job_id = path.removeprefix("/jobs/")
            document = await self._jobs.get(f"{job_id}.json") if documents.is_id(job_id) else None
            if document is None:
                raise UnknownJob(job_id)
            headers = [("Content-Type", JSON)]
            if document == documents.pending(job_id):
                headers.append(("Retry-After", str(POLL_S)))
            return HttpResponse(200, headers, document)

        return self._make_app({path: Endpoint({"GET": read, "HEAD": read})})

    # -- the queue --------------------------------------------------------------------------------

    async def score_message(self, message_id: str, content: bytes, attempt: int) -> None:
        """Score the job of a message, and write its document.

        Raises:
            Postponed: if it should be tried again.
        """
        try:
            job = Job.read(content)
        except UnreadableMessage as problem:
            log.error("message %s is given up: %s", message_id, problem)
            await self._jobs.put(f"poison/{message_id}.json", documents.failed(message_id, str(problem), 400))
            return
        if await self._jobs.get(f"{job.id}.json") not in (None, documents.pending(job.id)):
            return  # the message came again, after the work was done
        if attempt > TRIES:
            why = f"given up after {TRIES} attempts: the worker ended in each"
            log.error("job %s is %s", job.id, why)
            await self._write(job, documents.failed(job.id, why))
            return
        body = job.body if job.body is not None else await self._jobs.get(f"{job.id}.body")
        if body is None:
            await self._write(job, documents.failed(job.id, "its body is no longer in the store"))
            return
        await self._write(job, await self._scored(job, body, last=attempt == TRIES))

    async def _scored(self, job: Job, body: bytes, *, last: bool) -> bytes:
        await self.process.loaded()
        response = await self.process.handle(job.request(body))
        whole = await whole_body(response, "POST")
        if response.status == 503 and not last:
            raise Postponed(f"job {job.id}: {whole.decode(errors='replace')}")
        return documents.finished(job.id, response, whole)

    async def _write(self, job: Job, document: bytes) -> None:
        await self._jobs.put(f"{job.id}.json", document)
        if job.body is None:
            await self._jobs.delete(f"{job.id}.body")

    # -- files ------------------------------------------------------------------------------------

    async def score_file(self, name: str, content: bytes) -> None:
        """Score the rows of a file of that name, and write `out/{name}.json`.

        Raises:
            Postponed: if it should be tried again.
        """
        attempt = await self._attempt(name)
        if attempt > TRIES:
            why = f"given up after {TRIES} attempts; the log says why each ended"
            log.error("file %s is %s", name, why)
            await self._put_result(name, {"state": "error", "error": {"message": why}})
            return
        await self._put_result(name, {"state": "pending", "attempt": attempt})
        await self.process.loaded()
        site = self.process.site
        scored: list[tuple[Rows, int, bytes]] = []
        try:
            if site is None:
                raise UnreadableFile("the service could not start; its log says why")
            # Reading a large file must not hold up the event loop.
            parts = await asyncio.to_thread(requests_of, name, content, site.host.resolve().signature)
            while (part := await asyncio.to_thread(next, parts, None)) is not None:
                scored += await self._score_part(part)
        except UnreadableFile as problem:
            log.error("file %s cannot be scored: %s", name, problem)
            await self._put_result(name, {"state": "error", "error": {"message": str(problem)}})
            return
        total = sum(rows.count for rows, _, _ in scored)
        failed = sum(rows.count for rows, status, _ in scored if status >= 400)
        log.info("file %s: %d rows, %d failed", name, total, failed)
        tail = b', "results": [\n' + b",\n".join([result for _, _, result in scored]) + b"\n]}"
        await self._put_result(name, {"state": "done", "rows": total, "failed": failed}, tail)

    async def _attempt(self, name: str) -> int:
        """The number of this attempt: one more than that of an attempt that did not come to its end."""
        try:
            before = json.loads(await self._files.get(f"out/{name}.json") or b"{}")
            return int(before["attempt"]) + 1 if before["state"] == "pending" else 1
        except (ValueError, TypeError, KeyError):
            return 1

    async def _put_result(self, name: str, head: dict[str, object], tail: bytes = b"}") -> None:
        await self._files.put(f"out/{name}.json", json.dumps({"file": name, **head}).encode()[:-1] + tail)

    async def _score_part(self, rows: Rows) -> list[tuple[Rows, int, bytes]]:
        """Score some rows at once; where that fails their halves, so that a bad row fails alone."""
        status, result = await self._score_rows(rows)
        halves = rows.halves() if 400 <= status <= 500 else []
        if not halves:
            return [(rows, status, result)]
        return [one for half in halves for one in await self._score_part(half)]

    async def _score_rows(self, rows: Rows) -> tuple[int, bytes]:
        headers = Headers({"content-type": JSON, "content-length": str(len(rows.body))})
        response = await self.process.handle(HttpRequest("POST", "/score", b"", headers, rows.body))
        body = await whole_body(response, "POST")
        if response.status == 503:
            raise Postponed(body.decode(errors="replace"))
        head = json.dumps({"first": rows.first, "rows": rows.count, "status": response.status}).encode()
        key = b"result" if response.status < 400 else b"error"
        return response.status, head[:-1] + b', "' + key + b'": ' + documents.as_json(response, body) + b"}"


def make_blueprint(jobs: Jobs, auth_level: str) -> func.Blueprint:
    """The functions of background scoring; they need the storage extension (extensionBundle in host.json)."""
    blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
    level = func.AuthLevel[auth_level.upper()]
    keyed = auth_level != "anonymous"

    @blueprint.route("jobs", auth_level=level)
    @blueprint.queue_output("message", QUEUE, CONNECTION)
    async def submit_job(req: func.HttpRequest, message: func.Out[str], context: func.Context) -> func.HttpResponse:
        app = jobs.submission(message.set)
        return await respond_with(app.handle, jobs.process.settings, req, context.invocation_id, keyed=keyed)

    @blueprint.route("jobs/{id}", auth_level=level)
    async def read_job(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        async def answer(request: HttpRequest) -> HttpResponse:
            return await jobs.reading(request.path).handle(request)

        return await respond_with(answer, jobs.process.settings, req, context.invocation_id, keyed=keyed)

    @blueprint.queue_trigger("message", QUEUE, CONNECTION)
    async def score_job(message: func.QueueMessage) -> None:
        await jobs.score_message(message.id or "unnamed", message.get_body(), message.dequeue_count or 1)

    @blueprint.blob_trigger("file", f"{FILES}/in/{{name}}", CONNECTION)
    async def score_file(file: func.InputStream) -> None:
        await jobs.score_file((file.name or "").removeprefix(f"{FILES}/in/"), file.read())

    return blueprint
