"""The template: a process that has imported what replica sets need, and forks them when the supervisor asks.

    PYTHON -P -m scoringhost.fleet.template DESCRIPTOR

A replica set that is started by itself takes 36 MB of its own and most of a second. Forked from here, it shares what
importing NumPy, pandas and this package takes. No user code runs here, and there is one thread: a fork copies no other.

The descriptor is one end of a socket pair. The supervisor sends one line of JSON for each replica set, a
`ReplicaRequest`, and with it two descriptors: what its standard streams are to be, and its lifeline. Answers are lines,
too: `{"ready": true}` once, `{"pid": N}` with a descriptor that stands for the process (pidfd_open(2)), and
`{"ended": N, "code": C}`, where C is the exit code, or the number of the signal below zero.

The template ends when the supervisor closes its end. What it has forked lives on: that has a lifeline of its own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from scoringhost.doors.server.gunicorn_server import make_ready
from scoringhost.fleet import replica
from scoringhost.fleet.rehearsal import rehearse
from scoringhost.fleet.replica_request import ReplicaRequest
from scoringhost.process.blas_threads import find_blas
from scoringhost.process.memory import filled_holes

NEEDED = (
    "gunicorn.glogging",
    "resource",
    "scoringhost.doors.server.worker_life",
)
"""What a replica set imports late in its start, so that each of them would hold a copy of it."""

USEFUL = (
    "numpy",
    "numpy.random",
    "pandas",
    "inference_schema.schema_decorators",
    "inference_schema.parameter_types.numpy_parameter_type",
    "inference_schema.parameter_types.pandas_parameter_type",
    "inference_schema.parameter_types.standard_py_parameter_type",
    "scoringhost.schema.numpy_codec",
    "simdjson",
    "uvloop",
)
"""What many scripts import, or the host does when they need it; not all of it need be installed."""

DESCRIPTORS = 2
"""How many come with a request."""

CHUNK = 64 * 1024

KEPT: list[object] = []
"""What nobody uses and must stay none the less; see `filled_holes`."""


class Template:
    """The supervisor's end of the socket pair, and the processes that were forked."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._children: dict[int, int] = {}
        """Process ids by the descriptors that stand for them."""
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ)
        self._tell(ready=True)

    def run(self) -> tuple[ReplicaRequest, Sequence[int]] | None:
        """Fork until the supervisor has gone: None. In a process that was forked: what it is to be."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._channel:
                    self._reap(key.fd)
                    continue
                asked = self._receive()
                if asked is None:
                    return None
                request, descriptors = asked
                if self._fork(descriptors):
                    return request, descriptors

    def _fork(self, descriptors: Sequence[int]) -> bool:
        """Fork; whether this is the new process, which has nothing of the template's or of its siblings'."""
        pid = os.fork()
        if pid == 0:
            self._selector.close()
            self._channel.close()
            for handle in self._children:
                os.close(handle)
            return True
        for descriptor in descriptors:
            os.close(descriptor)
        # Before the process can be waited for, so that the number cannot stand for another one.
        handle = os.pidfd_open(pid)
        self._children[handle] = pid
        self._selector.register(handle, selectors.EVENT_READ)
        self._tell([handle], pid=pid)
        return False

    def _reap(self, handle: int) -> None:
        pid = self._children.pop(handle)
        self._selector.unregister(handle)
        os.close(handle)
        _, status = os.waitpid(pid, 0)
        self._tell(ended=pid, code=os.waitstatus_to_exitcode(status))

    def _receive(self) -> tuple[ReplicaRequest, Sequence[int]] | None:
        """One request with its descriptors; None if the supervisor has gone."""
        data, received = b"", list[int]()
        while not data.endswith(b"\n"):
            # Programs that scripts start inherit none of them.
            room = socket.CMSG_SPACE(DESCRIPTORS * 4)
            more, ancillary, _, _ = self._channel.recvmsg(CHUNK, room, socket.MSG_CMSG_CLOEXEC)
            if not more:
                return None
            data += more
            for _, _, numbers in ancillary:
                received += memoryview(numbers).cast("i")
        return ReplicaRequest.decode(data), received

    def _tell(self, descriptors: Sequence[int] = (), **message: Any) -> None:
        with suppress(OSError):  # it has gone, which the next look at the channel says
            socket.send_fds(self._channel, [json.dumps(message).encode() + b"\n"], descriptors)


def warm_up() -> None:
    """Import what replica sets need, and have the garbage collector leave it alone: pages that it marks are copied."""
    for name in NEEDED:
        importlib.import_module(name)
    for name in USEFUL:
        with suppress(ImportError):
            importlib.import_module(name)
    rehearse()
    make_ready()
    find_blas()
    gc.collect()
    KEPT.extend(filled_holes())
    gc.freeze()


def main(descriptor: int) -> None:
    """Be the template; in each process that it forks, be a replica set."""
    channel = socket.socket(fileno=descriptor)
    channel.set_inheritable(False)
    # A collection between here and the end of a fork would write to pages that are shared.
    gc.disable()
    warm_up()
    asked = Template(channel).run()
    if asked is None:
        return
    gc.enable()
    request, (output, lifeline) = asked
    replica.become(request, output)
    replica.serve(request, lifeline)


if __name__ == "__main__":
    main(int(sys.argv[1]))
