"""The application that gunicorn's master runs: settings, and the entry script for the workers."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import gunicorn.app.base
from gunicorn.config import Config

from scoringhost.doors.listening import raise_descriptor_limit
from scoringhost.doors.server import debugger
from scoringhost.doors.server.fleet_place import FleetPlace, Word
from scoringhost.doors.server.gunicorn_arguments import GunicornArguments
from scoringhost.doors.server.leaving import leave_within
from scoringhost.doors.server.master import START_FAILED, Master, ReloadingMaster
from scoringhost.doors.server.starting import StandIn, Starting
from scoringhost.doors.server.watching import Watch
from scoringhost.doors.server.worker import ScoringWorker, ServiceLink
from scoringhost.doors.server.worker_life import GRACE_S
from scoringhost.engine.door import WorkerDoor
from scoringhost.engine.engine import Engine
from scoringhost.engine.site import Site
from scoringhost.errors import PortInUse, SettingsError, StartupError
from scoringhost.settings import Settings, address
from scoringhost.settings.served import folder_of
from scoringhost.telemetry import script_metrics
from scoringhost.telemetry.explanation import explain
from scoringhost.telemetry.logs import HOST_LOGGER

HEARTBEAT_S = 300
"""Seconds without a sign of life after which gunicorn kills a worker: its interpreter is locked."""

HEARTBEAT_FILES = "/dev/shm"
"""Where workers leave their signs of life: in memory, so that no disk holds them up and a read-only one will do."""

log = logging.getLogger(HOST_LOGGER)


def require_free(host: str, ports: Sequence[int], setting: str = "port") -> None:
    """Make sure that the ports can be listened on, before gunicorn tries for five seconds and ends with 1.

    setting: which one names them.

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
                    raise PortInUse(host, port, setting) from None
                if problem.errno in (errno.EACCES, errno.EPERM):
                    raise SettingsError(setting, port, f"only root may listen on port {port}; choose another") from None
                reason = f"nobody can listen on port {port} there: {problem.strerror}"
                raise SettingsError("host", host, reason) from None


_made_ready: list[Config] = []


def make_ready() -> None:
    """Make what the next `Server` begins with, for processes that are forked from this one.

    gunicorn copies each of its hundred settings, which costs a forked process two megabytes of its own, and this one
    nothing that they do not share.
    """
    _made_ready[:] = [Config()]


def _on_worker_end(master: object, worker: ScoringWorker) -> None:
    """In the master, when a worker has ended."""
    script_metrics.forget(worker.pid)
    if worker.app.place is not None:
        worker.app.place.forget(worker.pid)


def _jitter(settings: Settings) -> int:
    """Workers that were started together must not all be worn out together."""
    return settings.max_requests // 10 if settings.max_requests_jitter is None else settings.max_requests_jitter


class Server(gunicorn.app.base.BaseApplication):  # type: ignore[misc]
    """A gunicorn master whose workers serve one site each; `build` is called in every worker."""

    def __init__(
        self,
        settings: Settings,
        build: Callable[[], Site],
        stand_in: StandIn,
        arguments: GunicornArguments,
        more_doors: Sequence[Callable[[], WorkerDoor]] = (),
        place: FleetPlace | None = None,
    ) -> None:
        """`stand_in` makes what answers with an error while there is no site yet; `more_doors` those of each worker.

        place: where the server is in a fleet, if it is part of one.
        """
        self.settings, self._build, self._arguments = settings, build, arguments
        self._stand_in = stand_in
        self.more_doors = more_doors
        self.place = place
        self._activity = "starting"
        self.service_link = ServiceLink()
        super().__init__()

    def starting(self, listeners: Sequence[socket.socket]) -> Starting:
        """What answers health probes on these sockets while `load` takes its time."""
        if self.settings.tls_certificate is not None:  # a handshake needs an event loop
            plain = self.settings.health_ports
            listeners = [one for one in listeners if one.family != socket.AF_UNIX and one.getsockname()[1] in plain]
        return Starting(listeners, self._stand_in, lambda: self._activity, lambda: self.service_link.is_served)

    def load_default_config(self) -> None:
        """gunicorn's defaults; see `make_ready`."""
        if _made_ready:
            self.cfg = _made_ready.pop()
        else:
            super().load_default_config()

    def load_config(self) -> None:
        """gunicorn's settings, from ours; GUNICORN_CMD_ARGS has the last word."""
        settings = self.settings
        places = [address(settings.host, port) for port in (settings.port, *settings.extra_ports)]
        values = {
            "workers": settings.workers,
            "worker_class": ScoringWorker,
            "preload_app": settings.preload and not settings.reload,
            # A debugger that holds a worker holds its heartbeat, too.
            "timeout": 0 if settings.debug_port else max(HEARTBEAT_S, settings.worker_timeout_s or 0),
            "graceful_timeout": settings.drain_timeout_s + GRACE_S,
            "keepalive": settings.keep_alive_s,
            "max_requests": settings.max_requests,
            "max_requests_jitter": _jitter(settings),
            "loglevel": "warning",
            "control_socket_disable": True,
            "child_exit": _on_worker_end,
            "nworkers_changed": self._on_number,
            # gunicorn has those of the process that imported it, which may have been a template that was root.
            "user": os.geteuid(),
            "group": os.getegid(),
        }
        if os.path.isdir(HEARTBEAT_FILES) and os.access(HEARTBEAT_FILES, os.W_OK | os.X_OK):
            values["worker_tmp_dir"] = HEARTBEAT_FILES
        values |= self._arguments.values
        given = self._arguments.values.get("bind")
        values["bind"] = [*given, *places[1:]] if given else places
        for name, value in values.items():
            if name in self.cfg.settings:  # not every gunicorn has a control socket
                self.cfg.set(name, value)

    def _on_number(self, master: object, workers: int, before: int | None) -> None:
        self.tell_fleet(Word.WORKERS, str(workers))

    def tell_fleet(self, word: Word, text: str) -> None:
        """Tell the supervisor of the fleet something about this process, if there is one."""
        if self.place is not None:
            self.place.tell(word, text)

    def _does(self, activity: str) -> None:
        self._activity = activity
        self.tell_fleet(Word.STATUS, activity)

    def run(self) -> None:
        """Run the master until it is told to stop; in a worker, whose process begins below here, its whole life."""
        raise_descriptor_limit()
        try:
            if self.settings.reload:
                sys.dont_write_bytecode = True  # a file that changes twice in a second would keep the old bytecode
                ReloadingMaster(self, self._watch()).run()
            else:
                Master(self).run()
        except SystemExit as end:
            leave_within(end.code if isinstance(end.code, int) else int(end.code is not None))
            raise

    def _watch(self) -> Watch:
        settings = self.settings
        script = Path(settings.script or "score.py").absolute()
        code = [folder_of(script)]
        data = [Path(settings.model_dir)] if settings.model_dir else []
        if script.suffix != ".py":
            data.append(script)  # a model: its own file, or all files of its folder
        if settings.source_directory:
            code.append(Path(settings.app_root or ".") / settings.source_directory)
        return Watch(code, data)

    def load(self) -> Engine:
        """Load the script and run init(); with preload in the master, else in the worker.

        Either way on the main thread, which is the one that scores.
        """
        settings = self.settings
        engine = Engine(self._build, settings.threads, drain_s=settings.drain_timeout_s, owns_process=True)
        try:
            debugger.listen(settings)
            self._does("importing the script")
            engine.load()
            self._does("running init()")
            engine.init()
            self._activity = "getting ready"
        except StartupError as error:
            why = explain(error)
            log.error("%s", why)
            self.tell_fleet(Word.FAILED, why)
            sys.exit(START_FAILED)
        return engine
