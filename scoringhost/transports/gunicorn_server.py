"""gunicorn master and our worker: uvicorn's server, and the entry script on the main thread.

The script gets the main thread because that is what it expects (signals, thread-bound objects),
and because only there a run() that sleeps or waits for a socket can be broken off at its deadline.
The event loop is on another thread or, while calls are short, on the same (`moving_loop.py`).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import mmap
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import gunicorn.app.base
import uvicorn
from gunicorn.workers.base import Worker

from scoringhost.errors import (
    DeadlineExceeded,
    NotReady,
    PortInUse,
    SettingsError,
    StartupError,
)
from scoringhost.kernel.runner import PATIENCE_S
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.process_memory import pss_mb, settle
from scoringhost.protocols.site import Site
from scoringhost.settings import Settings
from scoringhost.telemetry.explanation import explain
from scoringhost.telemetry.logs import HOST_LOGGER
from scoringhost.transports import debugger
from scoringhost.transports.accepting import FairServer
from scoringhost.transports.asgi import AsgiApp
from scoringhost.transports.connection_limits import limits_of
from scoringhost.transports.http_protocol import HttpProtocol
from scoringhost.transports.lifeguard import Lifeguard
from scoringhost.transports.master import Master, ReloadingMaster
from scoringhost.transports.moving_loop import MovingLoop
from scoringhost.transports.watching import Watch

START_FAILED = 3
"""Exit code of a worker that cannot start; gunicorn's master then ends with the same."""

HEARTBEAT_S = 300
"""Seconds without a sign of life after which gunicorn kills a worker: its interpreter is locked."""

SWITCH_S = 0.0005
"""Seconds after which a thread that computes in Python lets another one have the interpreter lock.

With the default of 5 ms, a health probe beside a run() in pure Python takes some 20 ms.
"""

REPLACED = "The worker is being replaced; try again"

BLOCKED_S = 0.02
"""Seconds that a run() on the spot may take before somebody else looks after health probes."""

HEARTBEAT_FILES = "/dev/shm"
"""Where workers leave their signs of life: in memory, so that no disk holds them up and a read-only one will do."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

log = logging.getLogger(HOST_LOGGER)


def require_free(host: str, ports: Sequence[int]) -> None:
    """Make sure that the ports can be listened on, before gunicorn tries for five seconds.

    Raises:
        PortInUse: if somebody else listens there.
        SettingsError: if this machine has no such address, or does not let us.
    """
    for port in ports:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as problem:
                if problem.errno == errno.EADDRINUSE:
                    raise PortInUse(host, port) from None
                reason = f"nobody can listen on port {port} there: {problem.strerror}"
                raise SettingsError("host", host, reason) from None


class Server(gunicorn.app.base.BaseApplication):  # type: ignore[misc]
    """A gunicorn master whose workers serve one site each; `build` is called in every worker."""

    def __init__(self, settings: Settings, build: Callable[[], Site]) -> None:
        self.settings, self._build = settings, build
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings, from ours."""
        settings = self.settings
        ports = (settings.port, *settings.health_ports)
        values = {
            "bind": [f"{settings.host}:{port}" for port in ports],
            "workers": settings.workers,
            "worker_class": ScoringWorker,
            "preload_app": settings.preload and not settings.reload,
            # A debugger that holds a worker holds its heartbeat, too.
            "timeout": 0 if settings.debug_port else max(HEARTBEAT_S, settings.worker_timeout_s or 0),
            "graceful_timeout": settings.drain_timeout_s + 5,
            "keepalive": settings.keep_alive_s,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        if os.path.isdir(HEARTBEAT_FILES) and os.access(HEARTBEAT_FILES, os.W_OK | os.X_OK):
            values["worker_tmp_dir"] = HEARTBEAT_FILES
        for name, value in values.items():
            if name in self.cfg.settings:  # not every gunicorn has a control socket
                self.cfg.set(name, value)
        self._take_gunicorn_arguments()

    def run(self) -> None:
        """Run the master until it is told to stop."""
        if self.settings.reload:
            sys.dont_write_bytecode = True  # a file that changes twice in a second would keep the old bytecode
            ReloadingMaster(self, self._watch()).run()
        else:
            Master(self).run()

    def _watch(self) -> Watch:
        settings = self.settings
        script = Path(settings.script or "score.py").absolute()
        code = [script if script.is_dir() else script.parent]
        if settings.source_directory:
            code.append(Path(settings.app_root or ".") / settings.source_directory)
        return Watch(code, [Path(settings.model_dir)] if settings.model_dir else [])

    def _take_gunicorn_arguments(self) -> None:
        """GUNICORN_CMD_ARGS, which azmlinfsrv obeys too, has the last word."""
        given = self.cfg.parser().parse_args(self.cfg.get_cmd_args_from_env())
        for name, value in vars(given).items():
            if value is not None and name != "args":
                self.cfg.set(name.lower(), value)

    def load(self) -> Site:
        """Load the script and run init(); with preload in the master, else in the worker."""
        try:
            debugger.listen(self.settings)
            site = self._build()
            site.init()
        except StartupError as error:
            log.error("%s", explain(error))
            sys.exit(START_FAILED)
        settle()
        return site


class ScoringWorker(Worker):  # type: ignore[misc]
    """One worker process: the script on the main thread, uvicorn's server on another."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._ready = mmap.mmap(-1, 1)  # shared with the master

    @property
    def is_ready(self) -> bool:
        """Whether it takes requests, or has done so; in the master, too."""
        return self._ready[0] == 1

    def tell_ready(self) -> None:
        """Let the master know."""
        self._ready[0] = 1

    def init_process(self) -> None:
        """Keep the heartbeat going while init() takes its time, then serve."""
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

    def run(self) -> None:
        """Serve until told to stop, then run shutdown()."""
        site: Site = self.wsgi
        self._beating.set()
        life = _Life(self, site)
        life.run()
        site.shutdown()


def _watched_signals() -> socket.socket:
    """Readable as soon as a signal to stop has come, even if the main thread is busy in C code."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.set_wakeup_fd(os.dup(writer.detach()), warn_on_full_buffer=False)
    return reader


class _Life:
    """What a worker does beside the script: sockets, HTTP, heartbeat, signals."""

    def __init__(self, worker: ScoringWorker, site: Site) -> None:
        self._worker, self._site = worker, site
        self._drain_s = worker.app.settings.drain_timeout_s
        self._threads = [ScoringThread(f"scoring-{number}") for number in range(site.threads)]
        self._main_is_stuck = False
        self._lifeguard: Lifeguard | None = None
        self._adopting: set[asyncio.Task[Any]] = set()
        self._loop = _new_loop()
        self._moving = MovingLoop(self._loop, self._threads[0], self._watch, stays=site.all_async)

    def run(self) -> None:
        """On the main thread: serve until told to stop."""
        sys.setswitchinterval(SWITCH_S)
        for thread in self._threads[1:]:
            thread.start()
        self._signals = _watched_signals()
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_python_signal)
        try:
            self._moving.run(self._serve())
        finally:
            for thread in self._threads[1:]:
                thread.close()

    async def _serve(self) -> None:
        movable = self._moving if len(self._threads) == 1 else None
        self._site.open(self._threads, self._retire, movable)
        several = self._worker.app.settings.workers > 1
        config = self._config()
        self._server = FairServer(config, lambda: self._site.busy) if several else uvicorn.Server(config)
        self._loop.add_reader(self._signals.fileno(), self._on_signal)
        beat = self._loop.create_task(self._heartbeat())
        size_mb = pss_mb()
        memory = f"; its share of memory (PSS) is {size_mb:.0f} MB" if size_mb is not None else ""
        log.info("worker %d is ready for requests%s", os.getpid(), memory)
        self._worker.tell_ready()
        sockets = [listener.sock for listener in self._worker.sockets]
        self._lifeguard = Lifeguard(sockets, self._site.app, self._hand_over)
        await self._server.serve(sockets=sockets)
        beat.cancel()
        if self._main_is_stuck:
            logging.shutdown()
            os._exit(0)  # the main thread cannot be ended in any other way

    def _config(self) -> uvicorn.Config:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)  # our own log says it all
        return uvicorn.Config(
            AsgiApp(self._site.app, self._site.max_body, *limits_of(self._worker.app.settings)),
            http=cast("Any", HttpProtocol),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=self._worker.app.settings.keep_alive_s,
            timeout_graceful_shutdown=self._drain_s,
            limit_max_requests=self._worker.cfg.max_requests or None,
            limit_max_requests_jitter=self._worker.cfg.max_requests_jitter,
        )

    async def _heartbeat(self) -> None:
        while True:
            self._worker.notify()
            if self._worker.ppid != os.getppid():
                log.warning("the master has gone; this worker ends")
                self._wind_down()
            await asyncio.sleep(1.0)

    def _watch(self) -> None:
        """On the I/O thread, while the loop is on the main one: what the loop cannot do during a run()."""
        if self._lifeguard is not None and self._threads[0].busy_here_s() > BLOCKED_S:
            self._lifeguard.guard(self._is_blocked)

    def _is_blocked(self) -> bool:
        self._worker.notify()
        if self._threads[0].interrupt_overdue() > PATIENCE_S:
            log.error("run() does not end; this worker is given up and replaced\n%s", self._threads[0].stack())
            timeout = DeadlineExceeded(self._worker.app.settings.limit_s or 0.0)
            for connection in list(self._server.server_state.connections):
                cast("HttpProtocol", connection).last_words(timeout, NotReady(REPLACED))
            self._give_up()
        return self._threads[0].busy_here_s() > 0.0

    def _hand_over(self, connection: socket.socket, data: bytes) -> None:
        self._loop.call_soon_threadsafe(self._adopt, connection, data)

    def _adopt(self, connection: socket.socket, data: bytes) -> None:
        """On the loop: go on with a connection that the lifeguard has accepted."""

        def protocol() -> HttpProtocol:
            adopted = HttpProtocol(self._server.config, self._server.server_state, {}, self._loop)
            adopted.read_already = data
            return adopted

        task = self._loop.create_task(self._loop.connect_accepted_socket(protocol, connection))
        self._adopting.add(task)
        task.add_done_callback(self._adopting.discard)

    def _on_python_signal(self, signum: int, frame: object) -> None:
        """On the main thread; while that is busy in C code, `_on_signal` is quicker."""
        self._loop.call_soon_threadsafe(self._wind_down)

    def _on_signal(self) -> None:
        try:
            numbers = self._signals.recv(4096)
        except BlockingIOError:
            return
        if any(number in STOP_SIGNALS for number in numbers):
            self._wind_down()

    def _wind_down(self) -> None:
        if not self._server.should_exit:
            self._site.drain()
            self._lifeguard = None  # no more connections are taken
            self._server.should_exit = True
            self._loop.call_later(self._drain_s + 1, self._give_up)

    def _retire(self) -> None:
        """A run() cannot be stopped: refuse what waits for it, finish the rest, let the master replace us."""
        log.error("run() does not end; this worker is given up and replaced\n%s", self._threads[0].stack())
        self._main_is_stuck = True
        self._site.refuse_waiting(REPLACED)
        self._wind_down()

    def _give_up(self) -> None:
        logging.shutdown()
        os._exit(0)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
