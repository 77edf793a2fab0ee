"""One connection of HTTP/2, frame by frame: https://www.rfc-editor.org/rfc/rfc9113."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from scoringhost.doors.grpc.http2.answered_streams import (
    CONNECTION_WINDOW,
    DRAIN_PING,
    MOST_STREAMS,
    STREAM_WINDOW,
)
from scoringhost.doors.grpc.http2.connection import RESETS
from scoringhost.doors.grpc.http2.frame_reader import IDLE_FRAMES, LARGEST_BLOCK, LARGEST_FRAME
from scoringhost.doors.grpc.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    GREATEST_STREAM,
    HAS_PRIORITY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Code,
    frame,
    rst_stream,
    settings,
    window_update,
)
from tests.unit.doors.grpc.http2.conftest import FIELDS, Client, Frame

WHOLE = END_HEADERS | END_STREAM
PSEUDO = FIELDS[:3]
MOST = 2**31 - 1


def codes(frames: list[Frame]) -> list[tuple[int, Code]]:
    """The streams that end too early, and the connection (0), and why."""
    found = []
    for one in frames:
        if one.kind == RST_STREAM:
            found.append((one.stream, Code(int.from_bytes(one.payload, "big"))))
        elif one.kind == GOAWAY:
            found.append((0, Code(struct.unpack_from(">II", one.payload)[1])))
    return found


def test_the_first_frame_says_what_may_be_sent_and_settings_are_acknowledged() -> None:
    client = Client()
    assert [one.kind for one in client.greeting] == [SETTINGS, WINDOW_UPDATE]
    assert client.greeting[0].flags == 0

    answer = client.send(PREFACE, settings([]))

    assert [(one.kind, one.flags) for one in answer] == [(SETTINGS, ACK)]


def test_a_request_is_heard_of_in_order_however_it_is_cut(client: Client) -> None:
    whole = client.head(1) + client.data(1, b"abc", 0) + client.data(1, b"defg")
    for byte in whole:
        assert client.send(bytes([byte])) == []

    heard = client.heard.lines
    assert heard[0] == ("begin", 1, "/s/m")
    assert heard[-1] == ("end", 1)
    assert b"".join(line[2] for line in heard if line[0] == "data") == b"abcdefg"  # type: ignore[misc]


def test_padding_and_priorities_are_left_out(client: Client) -> None:
    block = client.block()
    priority = struct.pack(">IB", 0, 16)
    head = frame(HEADERS, END_HEADERS | PADDED | HAS_PRIORITY, 1, b"\x03" + priority + block + b"\0\0\0")

    assert client.send(head, frame(DATA, END_STREAM | PADDED, 1, b"\x02hi\0\0"), frame(PRIORITY, 0, 1, priority)) == []

    assert client.heard.lines == [("begin", 1, "/s/m"), ("data", 1, b"hi"), ("end", 1)]


def test_a_block_may_come_in_pieces(client: Client) -> None:
    block = client.block()

    client.send(frame(HEADERS, END_STREAM, 1, block[:4]), frame(CONTINUATION, 0, 1, block[4:9]))
    client.send(frame(CONTINUATION, END_HEADERS, 1, block[9:]))

    assert client.heard.lines == [("begin", 1, "/s/m"), ("end", 1)]


def test_frames_of_kinds_that_nobody_knows_are_ignored(client: Client) -> None:
    assert client.send(frame(0x42, 0xFF, 7, b"whatever"), client.head(1, WHOLE)) == []
    assert client.heard.lines[-1] == ("end", 1)


def test_a_ping_comes_back(client: Client) -> None:
    (answer,) = client.send(frame(PING, 0, 0, b"12345678"))

    assert (answer.kind, answer.flags, answer.payload) == (PING, ACK, b"12345678")


def test_trailers_end_a_request(client: Client) -> None:
    client.send(client.head(1), client.head(1, WHOLE, [("x", "y")]))

    assert client.heard.lines == [("begin", 1, "/s/m"), ("end", 1)]


def test_an_answer_is_a_head_data_and_trailers_that_end_the_stream(client: Client) -> None:
    client.send(client.head(1, WHOLE))

    client.connection.outbox.answer(client.heard.streams[1], b"\x88", b"abc", b"\0", b"\x00\x01a\x01b")

    assert [(one.kind, one.flags, one.payload) for one in client.sent()] == [
        (HEADERS, END_HEADERS, b"\x88"), (DATA, 0, b"\0abc"), (HEADERS, WHOLE, b"\x00\x01a\x01b"),
    ]  # fmt: skip
    assert client.connection.streams == {}


def test_a_client_that_still_sends_when_it_is_answered_is_told_to_leave_it(client: Client) -> None:
    client.send(client.head(1))

    client.connection.outbox.end(client.heard.streams[1], b"\x88")

    assert codes(client.sent()) == [(1, Code.NO_ERROR)]
    assert client.send(client.data(1, b"late", 0), client.head(1, WHOLE, [("x", "y")])) == []
    assert client.send(client.head(3, WHOLE)) == []


# -- faults of one stream, which leave the others alone -----------------------------------------------


def malformed(*fields: tuple[str, str]) -> Callable[[Client], bytes]:
    return lambda client: client.head(3, WHOLE, list(fields))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (malformed(), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO[1:]), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("Upper", "x")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("a b", "x")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("", "x")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("x", "a\r\nb")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("connection", "close")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("te", "gzip")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, (":path", "/again")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, (":status", "200")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("x", "y"), (":authority", "late")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO[:2], (":path", "")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("content-length", "x")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("content-length", "1")), Code.PROTOCOL_ERROR),
        (malformed(*PSEUDO, ("content-length", "1"), ("content-length", "2")), Code.PROTOCOL_ERROR),
        (lambda client: client.head(3) + client.head(3, END_HEADERS), Code.PROTOCOL_ERROR),
        (lambda client: client.head(3) + client.head(3, WHOLE, [(":path", "/x")]), Code.PROTOCOL_ERROR),
        (lambda client: client.head(3, WHOLE) + client.head(3, WHOLE), Code.STREAM_CLOSED),
        (lambda client: client.head(3, WHOLE) + client.data(3, b"x"), Code.STREAM_CLOSED),
        (lambda client: client.head(3) + rst_stream(3, 8) + client.data(3, b"x"), Code.STREAM_CLOSED),
        (lambda client: client.head(3) + window_update(3, 0), Code.PROTOCOL_ERROR),
        (lambda client: client.head(3) + window_update(3, 2**31 - 1), Code.FLOW_CONTROL_ERROR),
        (lambda client: client.head(3) + frame(PRIORITY, 0, 3, b"1234"), Code.FRAME_SIZE_ERROR),
        (lambda client: client.head(3) + frame(PRIORITY, 0, 3, struct.pack(">IB", 3, 1)), Code.PROTOCOL_ERROR),
        (
            lambda client: frame(HEADERS, WHOLE | HAS_PRIORITY, 3, struct.pack(">IB", 3, 1) + client.block()),
            Code.PROTOCOL_ERROR,
        ),
    ],
)
def test_a_fault_of_a_stream_ends_that_stream_alone(
    client: Client, make: Callable[[Client], bytes], code: Code
) -> None:
    client.send(client.head(1))

    assert codes(client.send(make(client))) == [(3, code)]

    assert client.send(client.data(1, b"x"), client.head(5, WHOLE)) == []
    assert [line for line in client.heard.lines if line[0] == "end" and line[1] != 3] == [("end", 1), ("end", 5)]
    assert client.connection.fault is None


# -- faults of a connection ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda client: frame(DATA, 0, 0, b"x"), Code.PROTOCOL_ERROR),
        (lambda client: frame(DATA, 0, 3, b"x"), Code.PROTOCOL_ERROR),
        (lambda client: frame(DATA, PADDED, 1, b"\x05abc"), Code.PROTOCOL_ERROR),
        (lambda client: frame(DATA, PADDED, 1, b""), Code.PROTOCOL_ERROR),
        (lambda client: frame(HEADERS, WHOLE, 0, client.block()), Code.PROTOCOL_ERROR),
        (lambda client: frame(HEADERS, WHOLE, 4, client.block()), Code.PROTOCOL_ERROR),
        (lambda client: client.head(5) + rst_stream(5, 0) + client.head(3), Code.STREAM_CLOSED),
        (lambda client: frame(HEADERS, WHOLE, 3, b"\xff\xff\xff\xff\xff\xff\xff"), Code.COMPRESSION_ERROR),
        (lambda client: frame(HEADERS, WHOLE, 3, b"\x80"), Code.COMPRESSION_ERROR),
        (lambda client: frame(HEADERS, WHOLE | HAS_PRIORITY, 3, b"1"), Code.FRAME_SIZE_ERROR),
        (lambda client: frame(CONTINUATION, END_HEADERS, 1, b""), Code.PROTOCOL_ERROR),
        (lambda client: frame(HEADERS, 0, 3, client.block()) + frame(PING, 0, 0, bytes(8)), Code.PROTOCOL_ERROR),
        (lambda client: frame(HEADERS, 0, 3, b"") + frame(CONTINUATION, 0, 1, b""), Code.PROTOCOL_ERROR),
        (lambda client: frame(HEADERS, 0, 3, b"") + frame(0x42, 0, 3, b""), Code.PROTOCOL_ERROR),
        (lambda client: frame(PRIORITY, 0, 0, bytes(5)), Code.PROTOCOL_ERROR),
        (lambda client: rst_stream(0, 0), Code.PROTOCOL_ERROR),
        (lambda client: rst_stream(3, 0), Code.PROTOCOL_ERROR),
        (lambda client: frame(RST_STREAM, 0, 1, b"123"), Code.FRAME_SIZE_ERROR),
        (lambda client: frame(SETTINGS, 0, 1, b""), Code.PROTOCOL_ERROR),
        (lambda client: frame(SETTINGS, 0, 0, b"12345"), Code.FRAME_SIZE_ERROR),
        (lambda client: frame(SETTINGS, ACK, 0, bytes(6)), Code.FRAME_SIZE_ERROR),
        (lambda client: settings([(ENABLE_PUSH, 2)]), Code.PROTOCOL_ERROR),
        (lambda client: settings([(INITIAL_WINDOW_SIZE, 2**31)]), Code.FLOW_CONTROL_ERROR),
        (lambda client: settings([(MAX_FRAME_SIZE, 16_383)]), Code.PROTOCOL_ERROR),
        (lambda client: settings([(MAX_FRAME_SIZE, 2**24)]), Code.PROTOCOL_ERROR),
        (lambda client: frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4)), Code.PROTOCOL_ERROR),
        (lambda client: frame(PING, 0, 0, b"1234567"), Code.FRAME_SIZE_ERROR),
        (lambda client: frame(PING, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
        (lambda client: frame(GOAWAY, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
        (lambda client: window_update(0, 0), Code.PROTOCOL_ERROR),
        (lambda client: window_update(0, 2**31 - 1), Code.FLOW_CONTROL_ERROR),
        (lambda client: window_update(3, 1), Code.PROTOCOL_ERROR),
        (lambda client: frame(WINDOW_UPDATE, 0, 0, b"123"), Code.FRAME_SIZE_ERROR),
        (lambda client: window_update(1, 2**30) + settings([(INITIAL_WINDOW_SIZE, MOST)]), Code.FLOW_CONTROL_ERROR),
        (lambda client: struct.pack(">IBI", (LARGEST_FRAME + 1) << 8 | DATA, 0, 1), Code.FRAME_SIZE_ERROR),
        (lambda client: struct.pack(">IBI", (LARGEST_BLOCK + 1) << 8 | HEADERS, 0, 3), Code.FRAME_SIZE_ERROR),
    ],
)  # fmt: skip
def test_a_fault_of_the_connection_ends_it_with_a_goaway(
    client: Client, make: Callable[[Client], bytes], code: Code
) -> None:
    client.send(client.head(1))

    answer = client.send(make(client))

    assert codes(answer)[-1] == (0, code)
    assert ("gone", 1) in client.heard.lines
    assert client.connection.streams == {}
    assert client.send(frame(PING, 0, 0, bytes(8))) == []


@pytest.mark.parametrize("hello", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nXX"])
def test_what_is_no_http_2_is_told_so(hello: bytes) -> None:
    client = Client()

    assert codes(client.send(hello)) == [(0, Code.PROTOCOL_ERROR)]


# -- windows ------------------------------------------------------------------------------------------


def test_data_waits_for_room_on_the_stream_and_on_the_connection(client: Client) -> None:
    client.send(settings([(INITIAL_WINDOW_SIZE, 10)]))
    client.send(client.head(1, WHOLE), client.head(3, WHOLE))
    outbox, streams = client.connection.outbox, client.heard.streams
    outbox.answer(streams[1], b"\x88", b"a" * 25, b"", b"\x88")
    outbox.answer(streams[3], b"\x88", b"b" * 5, b"", b"\x88")

    assert [len(one.payload) for one in client.sent() if one.kind == DATA] == [10, 5]
    assert [len(one.payload) for one in client.send(window_update(1, 7)) if one.kind == DATA] == [7]
    last = client.send(settings([(INITIAL_WINDOW_SIZE, 18)]))
    assert [len(one.payload) for one in last if one.kind == DATA] == [8]
    assert last[-1].flags & END_STREAM

    client.connection.outbox.may_send = 3
    client.send(client.head(5, WHOLE))
    outbox.answer(streams[5], b"\x88", b"c" * 4, b"", b"\x88")
    assert [len(one.payload) for one in client.sent() if one.kind == DATA] == [3]
    assert [len(one.payload) for one in client.send(window_update(0, 1)) if one.kind == DATA] == [1]


def test_streams_that_wait_have_a_frame_each_in_turn(client: Client) -> None:
    client.send(client.head(1, WHOLE), client.head(3, WHOLE))
    outbox, streams = client.connection.outbox, client.heard.streams
    client.send(window_update(0, 2**20), window_update(1, 2**20), window_update(3, 2**20))
    outbox.may_send = 0
    outbox.answer(streams[1], b"\x88", b"a" * 50_000, b"", b"\x88")
    outbox.answer(streams[3], b"\x88", b"b" * 50_000, b"", b"\x88")
    client.sent()

    assert [one.stream for one in client.send(window_update(0, 100_000)) if one.kind == DATA][:4] == [1, 3, 1, 3]


def test_a_window_that_shrinks_below_nothing_is_made_up_for_first(client: Client) -> None:
    client.send(settings([(INITIAL_WINDOW_SIZE, 10)]), client.head(1, WHOLE))
    client.connection.outbox.answer(client.heard.streams[1], b"\x88", b"a" * 20, b"", b"\x88")
    client.sent()

    client.send(settings([(INITIAL_WINDOW_SIZE, 2)]))

    assert [one for one in client.send(window_update(1, 8)) if one.kind == DATA] == []
    assert [len(one.payload) for one in client.send(window_update(1, 3)) if one.kind == DATA] == [3]


def test_who_sends_more_than_there_is_room_for_ends_the_stream_or_the_connection(client: Client) -> None:
    client.heard.uses = False
    client.send(client.head(1), client.head(3))
    assert client.send(client.data(1, bytes(STREAM_WINDOW), 0)) == []
    assert codes(client.send(client.data(1, b"x", 0))) == [(1, Code.FLOW_CONTROL_ERROR)]

    for number in range(5, 5 + 2 * (CONNECTION_WINDOW // STREAM_WINDOW), 2):
        sent = client.send(client.head(number), client.data(number, bytes(STREAM_WINDOW), 0))
        if codes(sent):
            break
    assert codes(sent) == [(0, Code.FLOW_CONTROL_ERROR)]


def test_room_is_given_back_for_what_has_been_used(client: Client) -> None:
    client.send(client.head(1))
    given = {0: 0, 1: 0}
    for _ in range(40):
        for one in client.send(client.data(1, bytes(500_000), 0)):
            assert one.kind == WINDOW_UPDATE
            given[one.stream] += int.from_bytes(one.payload, "big")

    assert given[0] > 40 * 500_000 - CONNECTION_WINDOW
    assert given[1] > 40 * 500_000 - STREAM_WINDOW


# -- limits -------------------------------------------------------------------------------------------


def test_more_streams_than_there_may_be_are_refused_and_may_be_tried_again(client: Client) -> None:
    last = 2 * MOST_STREAMS + 1
    client.send(*[client.head(number) for number in range(1, last, 2)])

    assert codes(client.send(client.head(last))) == [(last, Code.REFUSED_STREAM)]

    client.connection.outbox.end(client.heard.streams[1], b"\x88")
    assert codes(client.send(client.head(last + 2))) == [(1, Code.NO_ERROR)]
    assert client.connection.fault is None


def in_vain(client: Client, end: Callable[[int], bytes]) -> list[Frame]:
    """What comes back to who begins one stream after the other, and ends each; on a slow machine more are let go."""
    sent: list[Frame] = []
    for number in range(1, 40 * RESETS, 2):
        sent += client.send(client.head(number), end(number))
        if client.connection.fault is not None:
            break
    return sent


def test_rapid_resets_end_the_connection(client: Client) -> None:
    assert codes(in_vain(client, lambda number: rst_stream(number, 8))) == [(0, Code.ENHANCE_YOUR_CALM)]


def test_resets_that_the_client_makes_us_send_count_too(client: Client) -> None:
    assert codes(in_vain(client, lambda number: window_update(number, 0)))[-1] == (0, Code.ENHANCE_YOUR_CALM)


def test_calls_that_are_too_late_may_be_reset_without_end(client: Client) -> None:
    client.heard.overdue = True
    for number in range(1, 2 * RESETS + 99, 2):
        assert client.send(client.head(number), rst_stream(number, 8)) == []


@pytest.mark.parametrize(
    "one",
    [frame(PING, 0, 0, bytes(8)), settings([]), frame(PRIORITY, 0, 1, bytes(5)), frame(DATA, 0, 1, b""),
     frame(0x42, 0, 0, b""), frame(GOAWAY, 0, 0, bytes(8)), frame(SETTINGS, ACK, 0)],
    ids=["ping", "settings", "priority", "empty data", "unknown", "goaway", "acknowledgement"],
)  # fmt: skip
def test_floods_of_frames_that_bring_nothing_end_the_connection(client: Client, one: bytes) -> None:
    client.send(client.head(1))

    assert (0, Code.ENHANCE_YOUR_CALM) in codes(client.send(one * (2 * IDLE_FRAMES)))


def test_a_flood_of_continuations_ends_the_connection(client: Client) -> None:
    first = frame(HEADERS, 0, 1, b"")

    assert codes(client.send(first, frame(CONTINUATION, 0, 1, b"") * (2 * IDLE_FRAMES))) == [
        (0, Code.ENHANCE_YOUR_CALM)
    ]


def test_a_block_that_grows_too_large_ends_the_connection(client: Client) -> None:
    piece = frame(CONTINUATION, 0, 1, bytes(16_000))

    assert codes(client.send(frame(HEADERS, 0, 1, b""), piece * 17)) == [(0, Code.ENHANCE_YOUR_CALM)]


def test_a_block_that_unpacks_to_too_much_ends_the_connection(client: Client) -> None:
    field = b"\x40\x01x" + b"\x7f\xd1\x1e" + b"y" * 4048  # 4,080 bytes, into the table
    bomb = field + b"\xbe" * 200  # and 200 times out of it

    assert codes(client.send(frame(HEADERS, WHOLE, 1, bomb))) == [(0, Code.ENHANCE_YOUR_CALM)]


# -- the end ------------------------------------------------------------------------------------------


def test_a_connection_goes_in_two_steps_and_what_comes_in_between_is_answered(client: Client) -> None:
    client.send(client.head(1, WHOLE))
    client.connection.go_away()
    first, ping = client.sent()
    assert struct.unpack(">II", first.payload) == (GREATEST_STREAM, Code.NO_ERROR)
    assert (ping.kind, ping.payload) == (PING, DRAIN_PING)

    client.send(client.head(3, WHOLE))
    (second,) = client.send(frame(PING, ACK, 0, DRAIN_PING))

    assert struct.unpack(">II", second.payload) == (3, Code.NO_ERROR)
    assert client.heard.lines[-1] == ("drained",)
    assert codes(client.send(client.head(5, WHOLE))) == [(5, Code.REFUSED_STREAM)]
    assert set(client.connection.streams) == {1, 3}


def test_a_client_that_does_not_answer_a_ping_is_not_alive_until_something_comes(client: Client) -> None:
    client.connection.ask_for_life()
    assert not client.connection.is_alive
    client.send(frame(PING, ACK, 0, b"alive?  "))
    assert client.connection.is_alive
