"""The ASGI door: create_asgi_app() makes an application that any ASGI server can serve, or another app can mount.

https://asgi.readthedocs.io/en/latest/specs/www.html and .../lifespan.html. The event loop is the
server's; the script is on a scoring thread of its own, as behind every door.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable

from scoringhost.doors.asgi.messages import Departure, Receive, Scope, Send, head_of, read_body, write_response
from scoringhost.engine.engine import Engine, Phase
from scoringhost.engine.loading import Loading
from scoringhost.engine.under_way import UnderWay
from scoringhost.errors import NotReady, ScoringHostError, StartupError
from scoringhost.http.app import HttpApp
from scoringhost.process.last_words import AtProcessEnd
from scoringhost.telemetry.explanation import explain

PATIENCE_S = 5.0
"""Seconds that the end waits for a run() whose caller has gone already."""

CLOSED = "The service is closed"


class AsgiApp:
    """One entry script as an ASGI application.

    With the lifespan protocol it is loaded at startup and shut down at shutdown. Without (a server that
    does not speak it; Starlette and FastAPI, which do not pass it on to what is mounted) it is loaded
    when the first request comes, and shut down when the process ends; or give `lifespan` to the outer
    application.
    """

    def __init__(
        self, make_engine: Callable[[], Engine], stand_in: Callable[[ScoringHostError], HttpApp], max_body: int
    ) -> None:
        """Load nothing yet: this may be a process that forks the ones that serve.

        `stand_in` makes what answers with an error in the place of a service; `max_body` is in bytes.
        """
        self._make_engine, self._stand_in, self._max_body = make_engine, stand_in, max_body
        self._engine: Engine | None = None
        self._loading: Loading | None = None
        self._app: HttpApp | None = None
        self._under_way = UnderWay()
        self._pid = 0
        self._is_closed = False
        self._at_process_end = AtProcessEnd(self.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope: a request, or the lifespan of the server. WebSockets are refused."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # before it is accepted: the server answers with a 403
        else:
            raise NotImplementedError(f"ASGI scope {scope['type']!r} is not served")

    # -- life -----------------------------------------------------------------------------------------

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol: startup, then shutdown, then the server cancels or forgets this call."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.startup()
                except ScoringHostError as error:
                    why = explain(error) if isinstance(error, StartupError) else str(error)
                    await send({"type": "lifespan.startup.failed", "message": why})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return

    @contextlib.asynccontextmanager
    async def lifespan(self, outer: object = None) -> AsyncIterator[None]:
        """Startup and shutdown as a context manager: `Starlette(..., lifespan=scoring.lifespan)` around a mount.

        Raises:
            StartupError: if the script cannot be served.
        """
        await self.startup()
        try:
            yield
        finally:
            await self.shutdown()

    async def startup(self) -> None:
        """Import the script and run init(), on the scoring thread, unless that is done.

        Raises:
            StartupError: if the script cannot be served.
            InternalError: for a defect of ours.
        """
        if self._loading is not None and self._loading.fault is not None:
            self._engine = self._loading = None  # it may have been mended since
        self._is_closed = False
        await self._load()
        assert self._loading is not None
        if self._loading.fault is not None:
            raise self._loading.fault

    async def shutdown(self) -> None:
        """Finish what was taken in and run shutdown(), on the scoring thread; every request is a 503 from then on."""
        engine = self._engine
        if engine is not None and engine.phase is Phase.OPEN and engine.loop is asyncio.get_running_loop():
            engine.ask_to_stop()
            await engine.ended()
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Run shutdown() and end the threads; a second time does nothing.

        From any thread, but not while requests are under way. A run() whose caller has gone gets PATIENCE_S
        to end, and is left behind then: shutdown() is not run.
        """
        self._at_process_end.cancel()
        self._is_closed = True
        engine, self._engine, self._loading, self._app = self._engine, None, None, None
        if engine is None or self._pid != os.getpid():  # a fork has copied no thread
            return
        if engine.phase in (Phase.LOADED, Phase.OPEN, Phase.DRAINING):
            engine.drain()
            engine.shutdown(time.monotonic() + PATIENCE_S)
        engine.close_threads()
        engine.at_end.close()

    @property
    def is_stuck(self) -> bool:
        """Whether a run() goes on long after its deadline, so that this process had better be replaced."""
        return self._engine is not None and self._engine.stuck_count > 0

    async def _load(self) -> None:
        """Load the engine, or wait until it is loaded, and have it score on this event loop; its fault is kept."""
        if self._engine is None or self._pid != os.getpid():
            self._engine, self._pid, self._app = self._make_engine(), os.getpid(), None
            self._engine.doors.append(self)
            self._loading = Loading(self._engine)
            self._loading.begin()
            self._at_process_end.register()
        engine, loading = self._engine, self._loading
        assert loading is not None
        await loading.ended()
        if loading.fault is not None:
            engine.close_threads()
            engine.at_end.close()
        elif self._app is None and self._engine is engine:  # nobody else has opened it while this request waited
            await engine.start()

    # -- requests -------------------------------------------------------------------------------------

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._under_way:
            app = await self._app_here()
            departure = Departure(receive)
            request = head_of(scope, departure, self._max_body)
            request.fault = request.fault or await app.let_in(request)
            if request.fault is None:
                await read_body(request, receive, departure, self._max_body)
            try:
                await write_response(await app.handle(request), request, send)
            finally:
                departure.stop_looking()

    async def _app_here(self) -> HttpApp:
        """What answers now."""
        if self._is_closed:
            return self._stand_in(NotReady(CLOSED))
        if self._app is None or self._pid != os.getpid():
            await self._load()
            if self._loading is None:
                return self._stand_in(NotReady(CLOSED))
            if self._loading.fault is not None:
                return self._stand_in(self._loading.fault)
        assert self._engine is not None
        assert self._app is not None
        if self._engine.loop is not asyncio.get_running_loop():
            # Starlette's TestClient, for one, has an event loop for each request if it is not entered.
            self._engine.open()
        return self._app

    # -- Door -----------------------------------------------------------------------------------------

    async def start(self, app: HttpApp) -> None:
        """Have `app` answer from now on."""
        self._app = app

    async def stop_accepting(self, by_s: float) -> None:
        """Do nothing: the server has stopped before it asks for the end."""

    async def finish(self, by_s: float) -> bool:
        """Wait until every request is answered, or for the time."""
        return await self._under_way.ended(by_s)

    def cancel(self) -> None:
        """Do nothing: the tasks belong to the server. Those that wait are refused, those that run are broken off."""
