"""A process that the script forks (os.fork, multiprocessing) is no worker: it gets nothing of the server's.

It would hold the listening sockets and the clients' connections open after everybody else has gone,
answer requests from its copy of the event loop, pass the signals that it gets on to the worker (they
share a socket pair), and outlive its master. Programs that are started (subprocess) inherit none of
that and are left alone.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.process.parents_end import signalled_at_parents_end

if TYPE_CHECKING:
    from scoringhost.doors.server.accepting import FairServer

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def keep_apart(listeners: Sequence[socket.socket]) -> None:
    """See to it that what this worker forks from now on has no listening sockets and ends with the worker."""
    ask_for_signal = signalled_at_parents_end(signal.SIGTERM)
    main = threading.get_ident()
    generations = [0]  # 1 in a child of the worker, 2 in a child of that
    masks: dict[int, set[signal.Signals | int]] = {}  # by thread: several may fork at once

    def hold_signals() -> None:
        # Until the child has put its handlers back, a signal would reach the worker's and be lost on the child.
        masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)

    def take_signals() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop(threading.get_ident()))

    def let_go() -> None:
        _cut_off([listener.fileno() for listener in listeners])
        signal.set_wakeup_fd(-1)
        for number in _ENDING:
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        take_signals()
        # Only the main thread's children can be tied to the worker. Their own children are not: a
        # daemon that detaches itself by forking twice does so on purpose.
        generations[0] += 1
        if ask_for_signal is not None and threading.get_ident() == main and generations[0] == 1:
            ask_for_signal()

    os.register_at_fork(before=hold_signals, after_in_parent=take_signals, after_in_child=let_go)


def keep_apart_connections(
    loop: asyncio.AbstractEventLoop, signals: socket.socket, server: FairServer, threads: Sequence[ScoringThread]
) -> None:
    """See to it that what this worker forks from now on answers nobody, and ends if it leaves the script."""

    def let_go() -> None:
        sockets: list[Any] = [connection.transport_socket() for connection in server.connections]
        _cut_off([one.fileno() for one in [*sockets, signals] if one is not None])
        backend = getattr(loop, "_get_backend_id", None) or getattr(getattr(loop, "_selector", None), "fileno", None)
        if backend is not None:
            # An epoll instance is shared with the worker: what the child changes would be changed there.
            _cut_off([backend()], _new_epoll if sys.platform == "linux" else _null_device)
        for thread in threads:
            thread.end_process_after_work()
        loop.call_soon(os._exit, 0)  # an async run() comes back to the event loop

    os.register_at_fork(after_in_child=let_go)


def _null_device() -> int:
    return os.open(os.devnull, os.O_RDWR)


def _new_epoll() -> int:
    own = select.epoll()
    return os.dup(own.fileno())


def _cut_off(descriptors: Sequence[int], make: Callable[[], int] = _null_device) -> None:
    """Let the numbers stand for nothing: closed ones would be given to the next files of the script."""
    nothing = make()
    for descriptor in descriptors:
        with suppress(OSError):
            if descriptor >= 0:
                os.dup2(nothing, descriptor, inheritable=False)
    os.close(nothing)
