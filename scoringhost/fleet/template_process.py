"""TemplateProcess: one template as the supervisor sees it: it is asked to fork, and tells how that has ended.

How a process ended is what the template says, whose child it is. If the template has gone before, the system still
says that it has ended (pidfd_open(2)), but how only if this process has inherited it, as that with the number 1 does.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import tempfile
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scoringhost.fleet.replica_request import ReplicaRequest
from scoringhost.process.supervisor import Ending

WARM_UP_S = 120.0
"""Seconds that a template may take to import what it is for: disks may be cold, and much may start at once."""

END_S = 2.0
"""Seconds that it has to end once its socket is closed."""

CHUNK = 64 * 1024
LAST_BYTES = 4096
"""How much of what a template has written is said of its failure."""

OnEnd = Callable[[Ending | None], None]
"""Told how a process has ended; None if nobody knows."""


class TemplateFailed(Exception):
    """A template could not be started, or has gone while it was asked; the text says why."""


class Forked:
    """A process that was forked; `handle` stands for it and becomes readable when it ends."""

    def __init__(self, pid: int, handle: int, on_end: OnEnd) -> None:
        self.pid, self.handle, self.on_end = pid, handle, on_end
        self.has_ended = False

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens if it has ended. Never reaches another process, as its number may."""
        if not self.has_ended:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, number)


class TemplateProcess:
    """One template. Made and used on one event loop."""

    def __init__(self, python: str, environ: Mapping[str, str], user: int | None = None) -> None:
        """Start it, as a user if one is said; `ready` says whether it could be.

        Raises:
            TemplateFailed: if there is no such interpreter.
        """
        self._loop = asyncio.get_running_loop()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has gone
        self._channel, theirs = socket.socketpair()
        with theirs:
            command = [python, "-P", "-m", "scoringhost.fleet.template", str(theirs.fileno())]
            try:
                self._process = subprocess.Popen(
                    command,
                    env=environ,
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=self._output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C in the terminal is for the supervisor
                    user=user,
                    group=user,
                    extra_groups=None if user is None else [],
                )
            except OSError as problem:
                self._channel.close()
                self._output.close()
                raise TemplateFailed(f"{python} cannot be started: {problem.strerror}") from None
        self._python, self._user = python, user
        self._forked: dict[int, Forked] = {}
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._answer: asyncio.Future[tuple[int, int]] | None = None
        self._asking = asyncio.Lock()
        self._unread, self._handles = b"", deque[int]()
        self.is_there = True
        self._channel.setblocking(False)
        self._loop.add_reader(self._channel.fileno(), self._on_readable)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it can fork.

        Raises:
            TemplateFailed: if it cannot be started, or has gone.
        """
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), WARM_UP_S)
        except TimeoutError:
            await self.close()
            raise TemplateFailed(f"{self._python} was not ready to fork within {WARM_UP_S:.0f} s") from None

    async def fork(self, request: ReplicaRequest, descriptors: Sequence[int], on_end: OnEnd) -> Forked:
        """Have it fork.

        Raises:
            TemplateFailed: if it has gone.
        """
        async with self._asking:  # one at a time, so that an answer is to the last request
            if not self.is_there:
                raise TemplateFailed(self._why_gone())
            self._answer = self._loop.create_future()
            try:
                line = request.encode()
                sent = socket.send_fds(self._channel, [line], descriptors)
                await self._loop.sock_sendall(self._channel, memoryview(line)[sent:])
            except OSError:
                self._on_gone()
            pid, handle = await self._answer
            if self._user is not None and not _is_of(self._user, pid, handle):
                os.close(handle)
                raise TemplateFailed(f"the template of {self._python} names a process that it has not forked")
        forked = self._forked[pid] = Forked(pid, handle, on_end)
        self._loop.add_reader(handle, self._on_handle, forked)
        return forked

    async def close(self) -> None:
        """End it; what it has forked lives on, and is watched on."""
        self._on_gone()
        until_s = self._loop.time() + END_S
        while self._process.poll() is None:
            if self._loop.time() > until_s:
                self._process.kill()
            await asyncio.sleep(0.01)

    # -- what it says -------------------------------------------------------------------------------

    def _on_readable(self) -> None:
        try:
            data, ancillary, _, _ = self._channel.recvmsg(CHUNK, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        for _, _, numbers in ancillary:
            self._handles.extend(array("i", numbers))
        if not data:
            self._on_gone()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self._ready.set_result(None)
        elif "pid" in message:
            handle = self._handles.popleft()
            if self._answer is None or self._answer.done():
                os.close(handle)
            else:
                self._answer.set_result((message["pid"], handle))
        else:
            self._finish(message["ended"], Ending(message["code"]))

    def _on_gone(self) -> None:
        """It has gone, or is to."""
        if not self.is_there:
            return
        self.is_there = False
        self._loop.remove_reader(self._channel.fileno())
        self._channel.close()
        reap = self._loop.create_task(self._reap())
        reap.add_done_callback(lambda _: self._output.close())
        for forked in list(self._forked.values()):
            if forked.has_ended:
                self._finish(forked.pid, _inherited(forked.handle))

    async def _reap(self) -> None:
        while self._process.poll() is None:
            await asyncio.sleep(0.01)
        problem = TemplateFailed(self._why_gone())
        if not self._ready.done():
            self._ready.set_exception(problem)
            self._ready.exception()  # nobody may wait for it
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(problem)

    def _why_gone(self) -> str:
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - LAST_BYTES))
        said = self._output.read().decode(errors="replace").strip()
        ending = Ending(self._process.returncode or 0)
        return f"the template of {self._python} {ending}" + (f"\n{said}" if said else "")

    # -- what it has forked -------------------------------------------------------------------------

    def _on_handle(self, forked: Forked) -> None:
        self._loop.remove_reader(forked.handle)
        forked.has_ended = True
        if not self.is_there:  # otherwise it says how
            self._finish(forked.pid, _inherited(forked.handle))

    def _finish(self, pid: int, ending: Ending | None) -> None:
        forked = self._forked.pop(pid, None)
        if forked is None:
            return
        forked.has_ended = True
        self._loop.remove_reader(forked.handle)
        os.close(forked.handle)
        forked.on_end(ending)


def _is_of(user: int, pid: int, handle: int) -> bool:
    """Whether a process is a user's, and a handle stands for it: what a service's own code says is not believed.

    This process may be root, whose signals reach everybody.
    """
    with suppress(OSError):
        fields = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines())
        return int(fields.get("Pid", 0)) == pid and os.stat(f"/proc/{pid}").st_uid == user
    return False


def _inherited(handle: int) -> Ending | None:
    """How a process has ended, if it has become a child of this one."""
    with suppress(ChildProcessError):
        ended = os.waitid(os.P_PIDFD, handle, os.WEXITED | os.WNOHANG)
        if ended is not None:
            has_exited = ended.si_code == os.CLD_EXITED
            return Ending(ended.si_status if has_exited else -ended.si_status)
    return None
