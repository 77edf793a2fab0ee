"""A run() that does not end: in a sleep, in Python, in C, with and without the interpreter lock."""

from __future__ import annotations

import contextlib
import socket
import time
from http.client import HTTPException

from tests.conftest import ask
from tests.live.faults.load import Load, statuses
from tests.live.faults.table import Drill, Row

LIMIT_MS = 500
GIVEN_UP_S = 5.0 + LIMIT_MS / 1000
"""Seconds after which a worker whose run() goes on is given up: its limit, and the patience of the host."""

HEARTBEAT_S = 4
"""Seconds without a sign of life after which the master kills a worker; 300 if nobody asks for less."""

CLIENTS = 4


def stuck(drill: Drill) -> None:
    """Each way not to come back, while others ask; and the one that even the host's own threads cannot see."""
    ends = "504 in time; everybody else is answered, and the worker goes on"
    replaced = "504 in time; everybody else is told, and another worker takes over"
    for act, where, required in (
        ("sleep", "in a sleep", ends),
        ("python", "in a loop of Python", ends),
        ("stubborn", "in a loop that swallows all", replaced),
        ("c", "in C, without the interpreter lock", replaced),
    ):
        for short in (False, True):
            which = ", on the spot" if short else ""
            with drill.row(f"run() stuck {where}{which}"[:50], required) as row:
                _stuck(row, act, is_replaced=required is replaced, short=short)
    with drill.row(
        "run() stuck in C with the lock", f"killed after {HEARTBEAT_S} s without a sign of life; none hangs"
    ) as row:
        _holding(row)


def _stuck(row: Row, act: str, *, is_replaced: bool, short: bool) -> None:
    served = row.serve("faulty.py", SCORING_TIMEOUT_MS=str(LIMIT_MS))
    if short:  # so that calls are run on the event loop's own thread
        for _ in range(200):
            served.say("thread")
    worker = served.workers[-1]
    began_s = time.monotonic()
    with Load(served.port, clients=CLIENTS, body=b"thread", think_s=0.05) as load:
        load.wait_for(CLIENTS)
        row.counts["sent"] += 1
        reply = served.ask("POST", "/score", body=act.encode())
        spent_s = time.monotonic() - began_s
        row.counts["answered"] += 1
        row.require(reply.status == 504, f"the caller got {reply.status}: {reply.body[:100]!r}")
        if is_replaced:
            served.log.wait_for("is ready for requests", 2)
        row.require(load.wait_for(CLIENTS * 2), "nobody is answered afterwards")
        again_s = time.monotonic() - began_s
    row.add(load.counts)
    row.note(f"504 after {spent_s:.1f} s, {'replaced' if is_replaced else 'same worker'} after {again_s:.1f} s")
    row.note(f"others: {statuses(load.counts)}")
    row.require(spent_s < (GIVEN_UP_S + 1.5) * row.patience, f"the caller waited {spent_s:.1f} s")
    row.require_none_lost()
    row.require((served.workers[-1] != worker) == is_replaced, f"workers were {served.workers}")


def _holding(row: Row) -> None:
    served = row.serve("faulty.py", GUNICORN_CMD_ARGS=f"--timeout {HEARTBEAT_S}")
    with Load(served.port, clients=CLIENTS, body=b"thread", think_s=0.05) as load:
        load.wait_for(CLIENTS)
        row.counts["sent"] += 1
        began_s = time.monotonic()
        with contextlib.suppress(ConnectionError, HTTPException, socket.timeout):
            ask(served.port, "POST", "/score", body=b"c-holding", within_s=(HEARTBEAT_S + 10) * row.patience)
            row.wrong.append("it was answered")
        row.counts["lost"] += 1
        told_s = time.monotonic() - began_s
        served.log.wait_for("is ready for requests", 2)
        row.require(load.wait_for(CLIENTS * 2), "nobody is answered afterwards")
    row.add(load.counts)
    row.note(f"its caller's connection was closed after {told_s:.1f} s; others: {statuses(load.counts)}")
    row.require(told_s < (HEARTBEAT_S + 5) * row.patience, f"its caller waited {told_s:.1f} s")
    row.require(row.counts["lost"] <= CLIENTS + 1, f"{row.counts['lost']} lost")
    served.log.wait_for("what runs there holds the interpreter lock")
