"""The door of Azure Functions: func.HttpRequest -> HttpApp -> func.HttpResponse, in the Python v2 model.

`function_app.py` is imported while the worker's event loop runs, and the Functions host gives up on
workers that take long to start. So everything slow (importing the script, init()) happens on the
scoring thread, and the functions are there at once; requests that come early wait for a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import azure.functions as func
from azure.functions.warmup import WarmUpContext

from scoringhost.doors.functions.messages import fixed_body, read_request, whole_body, write_response
from scoringhost.engine.site import Site
from scoringhost.errors import InitFailed, InternalError, NotReady, Overloaded, ScoringHostError, StartupError
from scoringhost.http.app import HttpApp
from scoringhost.http.errors import render
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.process.memory import settle
from scoringhost.script.tracebacks import user_traceback
from scoringhost.settings import Settings
from scoringhost.telemetry.explanation import explain
from scoringhost.telemetry.logs import HOST_LOGGER
from scoringhost.telemetry.worker_logs import invocation_id

LAST_WORDS_S = 1.0
"""Seconds between the last answer of a worker that is given up and its end."""

REPLACED = "The worker is being replaced; try again"
STARTING = "The service is starting; try again"

log = logging.getLogger(HOST_LOGGER)


class FunctionProcess:
    """One entry script in one worker process, from the start of its load to the end of the process."""

    def __init__(
        self,
        settings: Settings,
        build: Callable[[], Site],
        stand_in: Callable[[ScoringHostError], HttpApp],
    ) -> None:
        """Start to load. `build` loads the script; `stand_in` makes what answers in its place with an error."""
        self.settings = settings
        self._build, self._stand_in = build, stand_in
        self._over = threading.Event()
        self._waiting: list[Callable[[], object]] = []
        self._site: Site | None = None
        self._fault: ScoringHostError | None = None
        self._app: HttpApp | None = None
        self._under_way = 0
        self._is_retiring = False
        self._threads = [ScoringThread(f"scoring-{number}") for number in range(settings.threads)]
        for thread in self._threads:
            thread.start()
        self._threads[0].submit(self._load, self._tell)

    # -- loading ----------------------------------------------------------------------------------

    def _load(self) -> None:
        """On the scoring thread: import the script and run init(); never raises."""
        try:
            site = self._build()
            site.init()
            settle()
            self._site = site
            log.info("worker %d is ready for requests", os.getpid())
        except StartupError as error:
            self._fault = error
            log.error("%s", explain(error))
        except (KeyboardInterrupt, SystemExit) as error:
            self._fault = InitFailed(self.settings.script or "", error, user_traceback(error))
            log.error("%s", explain(self._fault))
        except BaseException as error:
            self._fault = InternalError()
            log.error("scoringhost failed to start; please report it\n%s", user_traceback(error))

    def _tell(self) -> None:
        self._over.set()
        while self._waiting:
            self._waiting.pop()()

    async def loaded(self, within_s: float | None = None) -> bool:
        """Wait until the script is loaded, or cannot be; whether that came within the time, in seconds."""
        if self._over.is_set():
            return True
        news = asyncio.Event()
        tell = partial(asyncio.get_running_loop().call_soon_threadsafe, news.set)
        self._waiting.append(tell)
        try:
            if not self._over.is_set():  # else nobody may look at the list any more
                await asyncio.wait_for(news.wait(), within_s)
        except TimeoutError:
            return False
        finally:
            with suppress(ValueError):  # it has been told
                self._waiting.remove(tell)
        return True

    @property
    def site(self) -> Site | None:
        """What is served, once it is loaded."""
        return self._site

    # -- serving ----------------------------------------------------------------------------------

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request; those that come before init() has ended wait for it, health probes do not."""
        self._under_way += 1
        try:
            app = self._app or await self._arrive(request)
            return await app.handle(request)
        finally:
            self._under_way -= 1
            if self._is_retiring:
                self._end_if_idle()

    async def _arrive(self, request: HttpRequest) -> HttpApp:
        if request.path != "/":
            if not self._over.is_set() and len(self._waiting) >= self.settings.max_waiting:
                return self._stand_in(
                    Overloaded(f"{len(self._waiting)} requests wait for init() already; try again later")
                )
            await self.loaded(self.settings.startup_wait_s)
        if self._fault is not None:
            return self._stand_in(self._fault)
        if self._site is None:
            return self._stand_in(NotReady(STARTING))
        if self._app is None:  # nobody else has opened it while this request waited
            self._site.open(self._threads, self._retire)
            self._app = self._site.app
        return self._app

    def close(self) -> None:
        """End the threads, once what they do is done. A worker never calls it: it is killed."""
        for thread in self._threads:
            thread.close()

    # -- giving up --------------------------------------------------------------------------------

    def _retire(self) -> None:
        """A run() cannot be stopped: refuse what waits for it, finish the rest, let the host replace us."""
        assert self._site is not None
        stacks = "\n".join(thread.stack() for thread in self._threads)
        log.error("run() does not end; this worker is given up and replaced\n%s", stacks)
        self._is_retiring = True
        self._site.drain()
        self._site.refuse_waiting(REPLACED)
        asyncio.get_running_loop().call_later(self.settings.drain_timeout_s, _end_process)
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if not self._under_way:
            asyncio.get_running_loop().call_later(LAST_WORDS_S, _end_process)


def _end_process() -> None:
    logging.shutdown()
    os._exit(0)  # a thread that is stuck cannot be ended in any other way; the Functions host starts another


# -- the functions ----------------------------------------------------------------------------------


def make_function_app(process: FunctionProcess, auth_level: str) -> func.FunctionApp:
    """The function app: one function for every path, which asks for a key of `auth_level`.

    With a key, a second function leaves `/` open for health probes. `warmup` is called by Azure
    before an instance that was added gets its first request.
    """
    app = func.FunctionApp(http_auth_level=func.AuthLevel[auth_level.upper()])
    keyed = auth_level != "anonymous"

    @app.route(route="{*path}")  # no methods: the Functions host would answer the others with a bare 404
    async def scoring(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        return await respond_with(process.handle, process.settings, req, context.invocation_id, keyed=keyed)

    if keyed:

        @app.route(route="/", auth_level=func.AuthLevel.ANONYMOUS)
        async def health(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
            return await respond_with(process.handle, process.settings, req, context.invocation_id, keyed=keyed)

    @app.warm_up_trigger("warmup_context")
    async def warmup(warmup_context: WarmUpContext) -> None:
        await process.loaded()

    if process.settings.keep_warm_minutes:

        @app.timer_trigger("timer", f"0 */{process.settings.keep_warm_minutes} * * * *", run_on_startup=False)
        async def keep_warm(timer: func.TimerRequest) -> None:
            await process.loaded()

    return app


async def respond_with(
    answer: Callable[[HttpRequest], Awaitable[HttpResponse]],
    settings: Settings,
    request: func.HttpRequest,
    invocation: str,
    *,
    keyed: bool,
) -> func.HttpResponse:
    """Answer one invocation. Nothing is raised: the caller of a function that raises gets a bare 500."""
    invocation_id.set(invocation)  # for good: every invocation is a task of its own
    try:
        ours = read_request(request, settings.max_body_mb * 1024 * 1024, keyed=keyed)
        response = await answer(ours)
        return write_response(response, ours.method, await whole_body(response, ours.method))
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        log.error("scoringhost failed on a request; please report it\n%s", user_traceback(error))
        response = render(InternalError())
        return write_response(response, request.method, b"" if request.method == "HEAD" else fixed_body(response))
