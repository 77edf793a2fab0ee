"""Answer: what a replica answers, read by httptools' callbacks and written anew for the client."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httptools

from scoringhost.fleet.front.heads import OF_ONE_CONNECTION, named_in

if TYPE_CHECKING:
    from scoringhost.fleet.front.exchange import Exchange

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_FRAMING = frozenset({name.encode() for name in OF_ONE_CONNECTION} | {b"content-length"})
_KEPT_OPEN = b"keep-alive"
BODILESS = frozenset({204, 304})
"""Statuses of answers that have no body and say no length of one (RFC 9112, 6.3). A 205 says that its length is 0."""


# A head whose every line is well-formed (RFC 9112, 4 and 5), and the lines in it that are for one connection, or say
# how long the body is.
_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) [^\r\n]*\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n)+)\r\n"
)
_OF_FRAMING = re.compile(rb"(?:^|\n)(" + b"|".join(sorted(_FRAMING)) + rb"):[ \t]*([^\r\n]*?)[ \t]*\r", re.IGNORECASE)


def passed_whole(data: bytes, exchange: Exchange) -> bytes | None:
    """What the client gets for an answer that has come in one piece, and has a length and nothing else of framing.

    None for any other, and for one that is copied, which `Answer` reads. Nearly all are such, and the callbacks for
    each of their headers would take half as long again as all else that is done with them here.
    """
    if exchange.copying is not None or exchange.method == "HEAD":
        return None
    head = _PLAIN_HEAD.match(data)
    if head is None:
        return None
    said = _OF_FRAMING.findall(head[2])
    if len(said) != 1 or said[0][0].lower() != b"content-length" or not said[0][1].isdigit():
        return None
    status = int(head[1])
    if status in BODILESS or len(data) != head.end() + int(said[0][1]):
        return None
    exchange.status = status
    line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    more = exchange.connection.answer_lines(exchange, has_length=True)
    return b"%s%s%s\r\n%s" % (line, head[2], more, data[head.end() :])


class NoAnswer(Exception):
    """Raised out of the parser's callbacks; `Answer.fault` says why."""


class Answer:
    """The answer to one exchange as it comes. Its parser is its own: after a HEAD, one would wait for a body.

    out: what is ready to be sent to the client. is_whole: all of it has come. is_last: the connection that it came on
    must not be used again. fault: why it is no answer. wants_continue: the replica has said `100 Continue`.
    """

    __slots__ = ("_bare", "_exchange", "_framing", "_is_interim", "_lines", "_parser", "_rechunks",
                 "fault", "is_last", "is_whole", "out", "wants_continue")  # fmt: skip

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._parser: Any = httptools.HttpResponseParser(self)
        self.out: list[bytes] = []
        self._lines: list[bytes] = []
        self._framing: dict[bytes, bytes] = {}
        self._bare = self._rechunks = self._is_interim = False
        self.is_whole = self.is_last = self.wants_continue = False
        self.fault = ""

    def feed(self, data: bytes) -> str | None:
        """Read more of it; returns why it is no answer, or None. What comes behind a whole one makes it the last."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            if not self.is_whole:
                return self.fault or str(problem) or "it cannot be parsed"
            self.is_last = True
        return None

    def let_go(self) -> None:
        """Nothing more is read: the parser refers to this object, and left alone the two would be a cycle."""
        self._parser = None

    # -- callbacks of httptools ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A status line has begun; of the answer, or of an interim one in front of it."""
        if self.is_whole:
            raise NoAnswer
        self._is_interim = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; a trailer, which comes here, too, is dropped."""
        if self._exchange.status:
            return
        key = name.lower()
        if key in _FRAMING:
            self._framing[key] = value
        else:
            self._lines.append(b"%s: %s\r\n" % (name, value))

    def on_headers_complete(self) -> None:
        """Say the head anew, with the length of the body in the one way in which it was understood."""
        parser, exchange, framing = self._parser, self._exchange, self._framing
        status = parser.get_status_code()
        if status < 200:
            self._on_interim(status)
            return
        exchange.status = status
        connection = framing.get(b"connection")
        if connection is not None and connection.lower() != _KEPT_OPEN:
            self._leave_out(connection)
        if exchange.copying is not None:
            exchange.copying.answer(status, self._first(b"content-type"), self._first(b"content-encoding"))
        has_body = exchange.method != "HEAD" and status not in BODILESS
        how = b"" if status in BODILESS else self._length(has_body)
        more = exchange.connection.answer_lines(exchange, has_length=bool(how) or not has_body)
        line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
        self.out.append(b"%s%s%s%s\r\n" % (line, b"".join(self._lines), how, more))
        if not has_body:
            self._bare = self.is_whole = True

    def _length(self, has_body: bool) -> bytes:
        """The line that says the length of the body; none for chunks to a client of HTTP/1.0, which knows them not."""
        length, coding = self._framing.get(b"content-length"), self._framing.get(b"transfer-encoding")
        if length is not None:
            return b"content-length: %d\r\n" % int(length)
        if coding is None:
            if has_body:
                self._refuse("it does not say how long its body is")
            return b""
        if coding.lower() != b"chunked":
            self._refuse("its body is packed for the transfer in another way than in chunks")
        if self._exchange.http_version == "1.0":
            return b""
        self._rechunks = True
        return b"transfer-encoding: chunked\r\n"

    def _first(self, name: bytes) -> str:
        """The value of a header of the replica's, by its name in lower case."""
        for line in self._lines:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip().decode("latin-1")
        return ""

    def _on_interim(self, status: int) -> None:
        self._is_interim = True
        self._lines, self._framing = [], {}
        if status == 100:
            self.wants_continue = True

    def _leave_out(self, connection: bytes) -> None:
        """Drop what is for one connection only, because the replica says so."""
        names = {name.encode("latin-1") for name in named_in(connection.decode("latin-1"))}
        self.is_last = self.is_last or b"close" in names
        self._lines = [line for line in self._lines if line.partition(b":")[0].lower() not in names]

    def _refuse(self, why: str) -> None:
        self.fault = why
        raise NoAnswer

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self._bare:
            raise NoAnswer  # an answer to HEAD that has one
        if self._exchange.copying is not None:
            self._exchange.copying.answer_part(body)
        self.out.append(b"%x\r\n%s\r\n" % (len(body), body) if self._rechunks else body)

    def on_message_complete(self) -> None:
        """All of it has come."""
        if self._is_interim:
            return
        if self._rechunks and not self._bare:
            self.out.append(b"0\r\n\r\n")
        self.is_whole = True
