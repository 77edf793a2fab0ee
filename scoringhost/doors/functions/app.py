"""The door of Azure Functions: func.HttpRequest -> HttpApp -> func.HttpResponse, in the Python v2 model.

`function_app.py` is imported while the worker's event loop runs, and the Functions host gives up on
workers that take long to start. So everything slow (importing the script, init()) happens on the
scoring thread, and the functions are there at once; requests that come early wait for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import azure.functions as func
from azure.functions.warmup import WarmUpContext

from scoringhost.dialects.azureml_words import render
from scoringhost.dialects.oip.words import OIP_HEALTH_PATHS
from scoringhost.doors.functions.messages import fixed_body, read_request, whole_body, write_response
from scoringhost.engine.engine import Engine
from scoringhost.engine.loading import Loading
from scoringhost.engine.site import Site
from scoringhost.engine.under_way import UnderWay
from scoringhost.errors import InternalError, NotReady, Overloaded, ScoringHostError
from scoringhost.http.app import HttpApp
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import HEALTH_PATHS
from scoringhost.script.tracebacks import user_traceback
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER
from scoringhost.telemetry.worker_logs import invocation_id

LAST_WORDS_S = 1.0
"""Seconds between the last answer of a worker that is given up and its end."""

STARTING = "The service is starting; try again"

log = logging.getLogger(HOST_LOGGER)


class FunctionProcess:
    """One entry script in one worker process, from the start of its load to the end of the process.

    It is the engine's door, too. The Functions host starts another worker process when this one ends,
    and it never ends one in an orderly way: it kills, so that shutdown() is not run.
    """

    def __init__(
        self,
        settings: Settings,
        build: Callable[[], Site],
        stand_in: Callable[[ScoringHostError], HttpApp],
    ) -> None:
        """Start to load. `build` loads the script; `stand_in` makes what answers in its place with an error."""
        self.settings = settings
        self._stand_in = stand_in
        self._app: HttpApp | None = None
        self._under_way = UnderWay()
        self._engine = Engine(build, settings.threads, drain_s=settings.drain_timeout_s, owns_process=True)
        self._engine.doors.append(self)
        self._loading = Loading(self._engine, settings.script or "")
        self._loading.begin()

    async def loaded(self, within_s: float | None = None) -> bool:
        """Wait until the script is loaded, or cannot be; whether that came within the time, in seconds."""
        return await self._loading.ended(within_s)

    @property
    def site(self) -> Site | None:
        """What is served, once it is loaded."""
        if self._loading.is_over and self._loading.fault is None:
            return self._engine.site
        return None

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request; those that come before init() has ended wait for it, health probes do not."""
        with self._under_way:
            app = self._app or await self._arrive(request)
            return await app.handle(request)

    async def _arrive(self, request: HttpRequest) -> HttpApp:
        loading = self._loading
        if request.path not in HEALTH_PATHS and request.path not in OIP_HEALTH_PATHS:
            if not loading.is_over and loading.waiting >= self.settings.max_waiting:
                return self._stand_in(
                    Overloaded(f"{loading.waiting} requests wait for init() already; try again later")
                )
            await loading.ended(self.settings.startup_wait_s)
        if loading.fault is not None:
            return self._stand_in(loading.fault)
        if not loading.is_over:
            return self._stand_in(NotReady(STARTING))
        if self._app is None:  # nobody else has opened it while this request waited
            await self._engine.start()
        assert self._app is not None
        return self._app

    def close(self) -> None:
        """End the threads, once what they do is done. A worker never calls it: it is killed."""
        self._engine.close_threads()

    # -- Door: only a run() that cannot be stopped has the engine end here ----------------------------

    async def start(self, app: HttpApp) -> None:
        """Have `app` answer from now on."""
        self._app = app

    async def stop_accepting(self, by_s: float) -> None:
        """Do nothing: the Functions host goes on sending until the process has gone, and each is a 503."""

    async def finish(self, by_s: float) -> bool:
        """Wait until every request is answered, and for the worker to pass the last answers on."""
        if not await self._under_way.ended(by_s):
            return False
        await asyncio.sleep(LAST_WORDS_S)
        return True

    def cancel(self) -> None:
        """Do nothing: the tasks belong to the Functions worker."""


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
