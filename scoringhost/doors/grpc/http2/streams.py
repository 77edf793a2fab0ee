"""Stream: one request and its answer on a connection (RFC 9113, 5)."""

from __future__ import annotations

from collections import deque
from typing import Any

from scoringhost.doors.grpc.http2.heads import RequestHead


class Stream:
    """What is known of one that is open.

    may_send, may_come: bytes of data that the other side has room for, and that we have. sent, came: bytes so far.
    owed: bytes that have been used up, and that the client has not been told of. outgoing: data that waits, `waiting`
    bytes of it, and behind it the block `last`. is_ended: the client has sent all. call: whoever answers.
    """

    __slots__ = (
        "call", "came", "head", "is_ended", "is_in_turn", "last", "may_come", "may_send", "number", "outgoing", "owed",
        "sent", "waiting",
    )  # fmt: skip

    def __init__(self, number: int, head: RequestHead, may_send: int, may_come: int) -> None:
        self.number, self.head = number, head
        self.may_send, self.may_come = may_send, may_come
        self.sent = self.came = self.owed = self.waiting = 0
        self.outgoing: deque[memoryview] = deque()
        self.last: bytes | None = None
        self.is_ended = self.is_in_turn = False
        self.call: Any = None
