"""Start-up that can be seen: who asks for health while the script is imported and init() runs gets an answer.

That may take minutes, and the listening sockets are open already: a client that connects would wait
in their backlog. So a thread of the process that loads takes connections meanwhile. `GET /` is a 503
that says what is being done, and for how long. Everything else is kept until the worker is ready,
and answered then, with what has been read. Where another worker of the service is ready nothing is
taken here: what comes is for that one.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from scoringhost.dialects.oip.words import OIP_HEALTH_PATHS
from scoringhost.doors.server.http_heads import render_head
from scoringhost.doors.server.probe_responder import ProbeResponder
from scoringhost.errors import NotReady, ScoringHostError
from scoringhost.http.app import HttpApp
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import HEALTH_PATHS
from scoringhost.process.at_fork import in_child
from scoringhost.telemetry.logs import HOST_LOGGER

QUIET_S = 1.5
"""Seconds for which nobody is answered: most starts have ended by then, well or badly.

Who asks meanwhile gets the answer of the ready worker, or is cut off by a start that fails, as azmlinfsrv has it. A
program that waits for a service to answer at all, as its own tests do, is not told of one that never comes to be.
"""

LOOK_S = 0.25
"""Seconds between two looks at whether another worker is ready, and at the time."""

FIRST_LINE_S, LINES_S = 5.0, 60.0
"""Seconds until the log says that the start goes on: at 5, 10, 20, 40 and so on, and at least every 60."""

log = logging.getLogger(HOST_LOGGER)

StandIn = Callable[[ScoringHostError], HttpApp]
Activity = Callable[[], str]


class StartingApp:
    """Answers health probes with what the process is doing, and for how long it has been."""

    def __init__(
        self, stand_in: StandIn, activity: Activity, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """`stand_in` makes what answers with an error; `activity` says what is being done, such as `running init()`."""
        self._stand_in, self._activity, self._monotonic_s = stand_in, activity, monotonic_s
        self._began_s = monotonic_s()
        self._doing, self._doing_since_s = activity(), self._began_s

    @property
    def elapsed_s(self) -> float:
        """For how long it has been going on, in seconds."""
        return self._monotonic_s() - self._began_s

    def said(self) -> str:
        """What is being done, and for how long, in words.

        It is asked for at every look (`LOOK_S`), so that it knows when one thing gave way to the next.
        """
        now_s = self._monotonic_s()
        doing = self._activity()
        if doing != self._doing:
            self._doing, self._doing_since_s = doing, now_s
        return f"{doing}, {now_s - self._doing_since_s:.0f} s so far"

    def begin(self, request: HttpRequest) -> HttpResponse | Coroutine[Any, Any, HttpResponse]:
        """Answer a request, with a 503 in the end."""
        return self._stand_in(self._why()).begin(request)

    def refusal(self) -> bytes:
        """The same, for a connection of which no request has been read."""
        response = self._stand_in(self._why()).render(self._why())
        assert isinstance(response.body, bytes)
        framing = f"content-length: {len(response.body)}\r\nconnection: close\r\n"
        return render_head(response, framing) + response.body

    def _why(self) -> NotReady:
        return NotReady(f"The service is starting: {self.said()}; try again")


class Starting:
    """While it is entered, a thread answers health probes on the listening sockets and logs how long it takes.

    What was taken and is no health probe is in `kept` afterwards: each connection, and what was read from it.
    """

    def __init__(
        self, listeners: Sequence[socket.socket], stand_in: StandIn, activity: Activity, is_served: Callable[[], bool]
    ) -> None:
        """`is_served`: whether somebody else takes connections from these sockets, so that nobody must here."""
        self.kept: list[tuple[socket.socket, bytes]] = []
        self._is_served = is_served
        self._app = StartingApp(stand_in, activity)
        self._line_s = FIRST_LINE_S
        self._is_over = threading.Event()
        self._bell, self._ringer = socket.socketpair()
        for listener in listeners:
            # As uvicorn and the siblings have it: a connection may be gone when it is taken.
            listener.setblocking(False)
        self._responder = ProbeResponder(
            listeners, self._app, self._keep, self._bell, (*HEALTH_PATHS, *OIP_HEALTH_PATHS)
        )
        self._thread = threading.Thread(target=self._work, name="starting", daemon=True)

    def __enter__(self) -> Starting:
        in_child(self._forget)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        with suppress(OSError):
            self._ringer.send(b"!")
        self._thread.join()
        self._responder.close()
        self._bell.close()
        self._ringer.close()

    def refuse_kept(self) -> None:
        """Answer those that were kept with a 503, too: there is nobody that they could be handed to."""
        kept, self.kept = self.kept, []
        for connection, _ in kept:
            with connection, suppress(OSError):
                connection.send(self._app.refusal())

    def _keep(self, connection: socket.socket, data: bytes) -> None:
        self.kept.append((connection, data))

    def _work(self) -> None:
        while self._app.elapsed_s < QUIET_S and not self._is_over.wait(LOOK_S):
            self._app.said()
        while self._goes_on():
            if self._is_served():
                self._is_over.wait(LOOK_S)
            else:
                self._responder.guard(lambda: self._goes_on() and not self._is_served(), LOOK_S)

    def _goes_on(self) -> bool:
        said = self._app.said()
        if self._app.elapsed_s >= self._line_s:
            log.info("%s", said)
            self._line_s += min(self._line_s, LINES_S)
        return not self._is_over.is_set()

    def _forget(self) -> None:
        """In a process that the script forks: it must not hold the clients' connections open."""
        for connection in [*self._responder.connections, *(connection for connection, _ in self.kept)]:
            with suppress(OSError):
                connection.close()
