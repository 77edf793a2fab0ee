"""gunicorn's worker process: loads the script, lives (`worker_life.py`), and calls shutdown().

The script gets the main thread because that is what it expects (signals, thread-bound objects),
and because only there a run() that sleeps or waits for a socket can be broken off at its deadline.
"""

from __future__ import annotations

import mmap
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

from gunicorn.workers.base import Worker

from scoringhost.doors.server.fleet_place import OwnListener
from scoringhost.doors.server.forked import keep_apart
from scoringhost.doors.server.worker_life import WorkerLife

if TYPE_CHECKING:
    from scoringhost.engine.door import WorkerDoor
    from scoringhost.engine.engine import Engine


class Link:
    """What the master and one worker tell each other, in memory that both see."""

    def __init__(self) -> None:
        self._bytes = mmap.mmap(-1, 5)

    @property
    def is_ready(self) -> bool:
        """Whether the worker takes requests, or has done so."""
        return self._bytes[0] == 1

    def tell_ready(self) -> None:
        """The worker takes requests."""
        self._bytes[0] = 1

    @property
    def has_said_why(self) -> bool:
        """Whether the worker has logged why it cannot start; one that was killed has not."""
        return self._bytes[1] == 1

    def tell_why_said(self) -> None:
        """The worker cannot start, and its log says why."""
        self._bytes[1] = 1

    @property
    def is_replaced(self) -> bool:
        """Whether others serve in the place of this worker, so that what waits can be left to them."""
        return self._bytes[2] == 1

    def tell_replaced(self) -> None:
        """The worker is about to be told to end, and others serve in its place."""
        self._bytes[2] = 1

    @property
    def service_ends(self) -> bool:
        """Whether the master lets no new connections in any more, where it can, and has all workers end."""
        return self._bytes[3] == 1

    def tell_service_ends(self) -> None:
        """The whole service ends."""
        self._bytes[3] = 1

    @property
    def is_worn(self) -> bool:
        """Whether the worker has served for long enough: it goes on until another can take its place."""
        return self._bytes[4] == 1

    def tell_worn(self) -> None:
        """The worker has served for long enough."""
        self._bytes[4] = 1


class ServiceLink:
    """What the master and all its workers know of the service, in memory that all of them see."""

    def __init__(self) -> None:
        self._bytes = mmap.mmap(-1, 2)

    @property
    def is_leaving(self) -> bool:
        """Whether the service is about to end: requests are taken as before, but nobody is to send any."""
        return self._bytes[1] == 1

    def tell_leaving(self) -> None:
        """The service is about to end."""
        self._bytes[1] = 1

    @property
    def is_served(self) -> bool:
        """Whether somebody takes requests, so that a worker that only starts must leave them alone."""
        return self._bytes[0] == 1

    def tell_served(self, is_served: bool) -> None:
        """Somebody takes requests, or nobody does any more."""
        self._bytes[0] = int(is_served)


class ScoringWorker(Worker):  # type: ignore[misc]
    """One worker process: the script on the main thread, uvicorn's server on another."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.link = Link()
        self.kept: list[tuple[socket.socket, bytes]] = []
        """Connections that have come while init() ran, each with what has been read from it."""
        self.more_doors: list[WorkerDoor] = []
        self.own_listener: OwnListener | None = None
        """Where this worker alone listens, in a fleet."""

    def init_process(self) -> None:
        """Keep the heartbeat going while init() takes its time, then serve."""
        listeners = [listener.sock for listener in self.sockets]
        if self.app.place is not None:
            self.own_listener = OwnListener(self.app.place, self.cfg.backlog)
            listeners.append(self.own_listener.socket)
        keep_apart(listeners)
        self._beating = threading.Event()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        super().init_process()

    def _beat(self) -> None:
        while not self._beating.wait(1.0):
            self.notify()

    def init_signals(self) -> None:
        """While init() runs, the ordinary signals simply end the process."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Until here the master's handlers were in force, which only note a signal for the master: one that has come
        # since the fork is lost, and the end would take until the master kills. It tells the link before it signals.
        if self.link.service_ends or self.link.is_replaced:
            signal.raise_signal(signal.SIGTERM)

    def load_wsgi(self) -> None:
        """Load the script and run init(), unless the master has done so."""
        starting = self.app.starting([listener.sock for listener in self.sockets])
        try:
            self.more_doors = [make() for make in self.app.more_doors]
            if not self.app.service_link.is_served:
                for door in self.more_doors:
                    door.stand_by()
            with starting:
                super().load_wsgi()
        except BaseException:
            self.link.tell_why_said()
            raise
        self.kept, starting.kept = starting.kept, []

    def run(self) -> None:
        """Serve until told to stop, then run shutdown()."""
        engine: Engine = self.wsgi
        self._beating.set()
        WorkerLife(self, engine).run()
        engine.shutdown_here()  # this is the main thread, on which every run() was
