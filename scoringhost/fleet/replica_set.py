"""ReplicaSet: the life of one version of one service, as the supervisor sees it.

    ReplicaSet -> start -> (ready) -> scale ... -> stop or kill -> gone
                        -> ReplicaFailed

It is a process tree: a master, forked from a template, and its workers. Each worker says on the notify socket when it
takes requests and when it is about to take none. The master leads a process group, so that whatever is left of it when
it has ended can be ended, too: workers that finish their requests after their master was killed, programs that the
script has started. Nothing is started again here: that is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from contextlib import suppress

from scoringhost.doors.server.fleet_place import Notice, Word
from scoringhost.fleet.replica_request import UMASK, UMASK_OF_OTHERS, ReplicaRequest
from scoringhost.fleet.replica_settings import replica_environ, replica_settings
from scoringhost.fleet.routing import WorkerRoute
from scoringhost.fleet.specs import ServiceSpec
from scoringhost.fleet.surroundings import Listeners, Surroundings
from scoringhost.fleet.templates import Forked, TemplateFailed
from scoringhost.process.supervisor import Ending
from scoringhost.settings import Settings

GRACE_S = 12.0
"""Seconds beside the time to drain that a set has to end in order: a run() that is broken off has five, and shutdown()
three, after which the master kills its workers (`worker_life`)."""

SIGNAL_S = 2.0
"""Seconds after which a master that has not answered is sent its signal again."""

PROGRAMS_S = 2.0
"""Seconds that programs which a script has left running have to end by SIGTERM, once the set itself has ended."""

LOOK_S = 0.05
"""Seconds between two looks at whether the process group is empty."""

TAIL_BYTES = 8192
LAST_LINES = 10
"""Of the log, what is kept and what is said of a set that has failed."""


class ReplicaFailed(Exception):
    """A replica set could not be started; the text says why, as its log does."""


class ReplicaSet:
    """One replica set. `key` is short, and never used for another one. Of one event loop."""

    def __init__(
        self,
        key: str,
        spec: ServiceSpec,
        fleet: Settings,
        surroundings: Surroundings,
        listeners: Listeners,
        *,
        python: str = sys.executable,
        workers: int | None = None,
        cores: float | None = None,
    ) -> None:
        """Start nothing yet.

        fleet: the fleet's settings. python: of the service's environment. workers: how many to begin with; None for
        the pool's minimum. cores: its share of the machine's; None for all.
        """
        self.key, self.spec = key, spec
        self._surroundings, self._listeners, self._python = surroundings, listeners, python
        self.folder = surroundings.folder / key
        self._request = ReplicaRequest(
            key,
            str(spec.folder),
            replica_environ(spec, surroundings.environ),
            replica_settings(spec, fleet, workers or max(1, spec.pool.minimum)),
            str(self.folder),
            str(surroundings.notices.path),
            cores,
            UMASK if spec.user is None else UMASK_OF_OTHERS,
            spec.user,
        )
        self._drain_s = float(self._request.settings.get("drain_timeout_s", fleet.drain_timeout_s))
        self._loop = asyncio.get_running_loop()
        self._forked: Forked | None = None
        self._workers: dict[int, WorkerRoute] = {}
        self.wanted_workers = 0
        """How many its master wants to have; 0 before it has said so."""
        self.status = ""
        """What its start is at, as `running init()`."""
        self.reason = ""
        """Why it has failed, or ended."""
        self.is_stopping = False
        self._said_why = ""
        self._tail = b""
        self._output = self._lifeline = -1
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._news = asyncio.Event()
        self._gone = asyncio.Event()
        self._cleaning: asyncio.Task[None] | None = None

    # -- what is known of it ------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Of the master, which is that of the process group, too; 0 before it is forked."""
        return 0 if self._forked is None else self._forked.pid

    @property
    def workers(self) -> tuple[WorkerRoute, ...]:
        """The workers that take requests, and where they listen."""
        return tuple(self._workers.values())

    @property
    def is_running(self) -> bool:
        """Whether there is a master."""
        return self._forked is not None and not self._forked.has_ended

    # -- life ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start it, and wait until its first worker takes requests; that may take as long as init() does.

        Whoever gives up waiting calls `kill`, or `stop`.

        Raises:
            ReplicaFailed: if it has ended before that.
        """
        try:
            await self._fork()
        except TemplateFailed as problem:
            self.reason = str(problem)
            self._clear()
            raise ReplicaFailed(self.reason) from None
        except BaseException:
            self._clear()
            raise
        await self._ready

    async def _fork(self) -> None:
        self.folder.mkdir(mode=0o700)
        if self.spec.user is not None:
            os.chown(self.folder, self.spec.user, self.spec.user)
        self._surroundings.notices.listen(self.key, self._take, self.spec.user)
        self._output, output = os.pipe()
        lifeline, self._lifeline = os.pipe()
        try:
            fork = self._surroundings.templates.fork
            self._forked = await fork(self._python, self._request, output, lifeline, self._on_end)
        finally:
            os.close(output)
            os.close(lifeline)
        os.set_blocking(self._output, False)
        self._loop.add_reader(self._output, self._on_output)

    async def scale(self, workers: int) -> None:
        """Have it have so many workers, one at least; returns once the master has been told.

        Raises:
            ReplicaFailed: if it ends before that.
        """
        if workers < 1:
            raise ValueError("a replica set has one worker at least")
        # Before it has set itself up, these signals would stop the process.
        await asyncio.shield(self._ready)
        while self.wanted_workers != workers:
            if not self.is_running or self._forked is None:
                raise ReplicaFailed(self.reason)
            # Signals that wait are not counted: each is sent when the one before has been obeyed.
            self._news.clear()
            self._forked.send(signal.SIGTTIN if self.wanted_workers < workers else signal.SIGTTOU)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), SIGNAL_S)

    async def stop(self, within_s: float | None = None) -> None:
        """Have it end in order, finishing what it has taken; returns when nothing of it is left.

        within_s: after so many seconds it is killed; None for the time to drain, and some.
        """
        self.is_stopping = True
        if self._forked is None:
            return
        self._forked.send(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._gone.wait(), self._drain_s + GRACE_S if within_s is None else within_s)
        except TimeoutError:
            self.kill()
            await self._gone.wait()

    def kill(self) -> None:
        """End it at once, with everything in its process group; `wait_gone` waits until that is so."""
        if self._forked is None or self._gone.is_set():
            return
        self.is_stopping = True
        self._forked.send(signal.SIGKILL)  # it may not lead a group yet
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def wait_gone(self) -> None:
        """Wait until nothing of it is left."""
        await self._gone.wait()

    # -- what it says -------------------------------------------------------------------------------

    def _take(self, notice: Notice) -> None:
        word, text, pid = notice.word, notice.text, notice.pid
        if word is Word.READY and self.is_running:
            # Its last part, as a script could send one that leads elsewhere.
            self._workers[pid] = WorkerRoute(pid, str(self.folder / os.path.basename(text)), self.spec.user)
            if not self._ready.done():
                self._ready.set_result(None)
        elif word in (Word.STOPPING, Word.ENDED):
            self._workers.pop(pid, None)
        elif word is Word.STATUS:
            self.status = text
        elif word is Word.FAILED:
            self._said_why = text
        elif word is Word.WORKERS:
            self.wanted_workers = int(text)
            self._news.set()
        self._listeners.changed()

    def _on_output(self) -> None:
        try:
            data = os.read(self._output, 64 * 1024)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._output)
            return
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        self._listeners.output(data)

    # -- its end --------------------------------------------------------------------------------------

    def _on_end(self, ending: Ending | None) -> None:
        """The master has ended; workers may be left, if it was killed."""
        self._read_rest()
        self.reason = self._why(ending)
        self._workers.clear()
        self._news.set()
        if not self._ready.done():
            self._ready.set_exception(ReplicaFailed(self.reason))
            self._ready.exception()  # nobody may wait for it
        # A master that has ended by itself has seen to its workers: what is left drains nothing.
        has_finished = ending is not None and ending.code >= 0
        self._cleaning = self._loop.create_task(self._clean_up(has_finished))
        self._listeners.ended(self.reason)

    def _read_rest(self) -> None:
        """Take what it has written before its end, which says why."""
        before = None
        while before != self._tail:
            before = self._tail
            self._on_output()

    def _why(self, ending: Ending | None) -> str:
        if self._said_why and not self._ready.done():
            return self._said_why
        how = f"the process has {ending}" if ending is not None and ending.code >= 0 else f"the process was {ending}"
        if ending is None:
            how = "the process has ended, nobody knows how: its template has gone"
        lines = self._tail.decode(errors="replace").splitlines()[-LAST_LINES:]
        return how if self.is_stopping else "\n".join([how, *lines])

    async def _clean_up(self, has_finished: bool) -> None:
        """End what is left in the process group, and let go of everything.

        Workers whose master was killed get the time to drain, which they have begun by themselves. has_finished: there
        are none any more, but maybe programs that the script has started.
        """
        left_s = PROGRAMS_S if has_finished else self._drain_s + GRACE_S
        until_s = self._loop.time() + left_s
        with suppress(ProcessLookupError):
            if has_finished:
                os.killpg(self.pid, signal.SIGTERM)
            while True:
                os.killpg(self.pid, 0)
                if self._loop.time() > until_s:
                    os.killpg(self.pid, signal.SIGKILL)
                await asyncio.sleep(LOOK_S)
        self._read_rest()
        self._clear()

    def _clear(self) -> None:
        self._surroundings.notices.forget(self.key)
        for descriptor in (self._output, self._lifeline):
            if descriptor >= 0:
                self._loop.remove_reader(descriptor)
                os.close(descriptor)
        self._output = self._lifeline = -1
        shutil.rmtree(self.folder, ignore_errors=True)
        self._gone.set()
