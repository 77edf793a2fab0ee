"""LineWriter: every line in its order while somebody reads, and nobody waits if nobody does."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from scoringhost.telemetry import line_writer
from scoringhost.telemetry.line_writer import QUEUE_BYTES, LineWriter, Nowhere, line_writers

START_S = 20.0


def note(lines: int) -> str:
    return f"{lines} dropped\n"


class Ends:
    """A channel with a text stream at the writing end."""

    def __init__(self, kind: str) -> None:
        if kind == "socket":
            ours, theirs = socket.socketpair()
            self.read_fd, write_fd = theirs.detach(), ours.detach()
        else:
            self.read_fd, write_fd = os.pipe()
        self.stream: TextIO = os.fdopen(write_fd, "w", encoding="utf-8")

    def read(self, count: int) -> list[str]:
        """Wait for so many lines."""
        data, found = [], 0
        while found < count:
            data.append(os.read(self.read_fd, 65_536))
            found += data[-1].count(b"\n")
        return b"".join(data).decode().splitlines()

    def close(self) -> None:
        for close in (self.stream.close, lambda: os.close(self.read_fd)):
            with contextlib.suppress(OSError):
                close()


@pytest.fixture(params=["pipe", "socket", "pipe that cannot be opened again"])
def ends(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ends]:
    if "cannot" in request.param:
        real = os.open

        def refused(path: Any, *rest: Any, **more: Any) -> int:
            if str(path).startswith("/proc/self/fd"):
                raise PermissionError(path)
            return real(path, *rest, **more)

        monkeypatch.setattr(os, "open", refused)
    ends = Ends(request.param)
    yield ends
    ends.close()


@pytest.fixture
def pipe() -> Iterator[Ends]:
    ends = Ends("pipe")
    yield ends
    ends.close()


def fill(writer: LineWriter, ends: Ends) -> int:
    """Write until lines have to wait; answers how many were written."""
    number = 0
    while writer._queued < 1000:
        writer.write(f"line {number} {'x' * 500}\n")
        number += 1
    return number


def numbers(lines: list[str]) -> list[int]:
    return [int(line.split()[1]) for line in lines]


def test_lines_come_in_their_order(ends: Ends) -> None:
    writer = LineWriter(ends.stream, note)
    for number in range(100):
        writer.write(f"line {number}\n")
    assert numbers(ends.read(100)) == list(range(100))


def test_a_line_is_written_before_the_one_who_logs_it_goes_on(pipe: Ends) -> None:
    # Else it would be lost if a C extension crashed next.
    LineWriter(pipe.stream, note).write("last words\n")
    assert os.read(pipe.read_fd, 100) == b"last words\n"


def test_nobody_waits_for_a_reader_and_the_lines_come_later(ends: Ends) -> None:
    writer = LineWriter(ends.stream, note)
    count = fill(writer, ends)
    assert numbers(ends.read(count)) == list(range(count))
    writer.write("line -1\n")
    assert ends.read(1) == ["line -1"]


def test_what_does_not_fit_into_the_queue_is_counted_in_its_place(ends: Ends) -> None:
    writer = LineWriter(ends.stream, note)
    kept, dropped = fill(writer, ends), 0
    while not writer._dropped:
        writer.write(f"line {kept} {'y' * 10_000}\n")
        kept += 1
    kept -= 1
    for _ in range(5):
        writer.write("z" * QUEUE_BYTES + "\nlost, too\n")
        dropped += 2
    found = ends.read(kept + 1)
    assert numbers(found[:kept]) == list(range(kept))
    assert found[kept:] == [f"{dropped + 1} dropped"]
    writer.write("after\n")
    assert ends.read(1) == ["after"]


def test_who_logs_faster_than_somebody_reads_is_slowed_down_and_loses_nothing(ends: Ends) -> None:
    writer, count = LineWriter(ends.stream, note), 5000

    def log() -> None:
        for number in range(count):
            writer.give_way()
            writer.write(f"line {number} {'x' * 1000}\n")

    thread = threading.Thread(target=log, daemon=True)
    thread.start()
    assert numbers(ends.read(count)) == list(range(count))
    thread.join()


def test_nobody_gives_way_twice_if_nothing_is_read(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_writer, "PATIENCE_S", 0.01)
    writer = LineWriter(ends.stream, note)
    while not writer._dropped:
        writer.write("x" * 10_000 + "\n")
    writer.give_way()
    assert writer._is_stalled
    monkeypatch.setattr(line_writer, "PATIENCE_S", 10 * START_S)
    writer.give_way()


def test_an_event_loop_never_gives_way(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_writer, "PATIENCE_S", 10 * START_S)
    writer = LineWriter(ends.stream, note)
    while not writer._dropped:
        writer.write("x" * 10_000 + "\n")

    async def on_loop() -> None:
        writer.give_way()

    asyncio.run(on_loop())


def test_a_line_longer_than_the_queue_is_written_whole(ends: Ends) -> None:
    writer = LineWriter(ends.stream, note)
    writer.write("before\n" + "x" * (3 * QUEUE_BYTES) + "\nafter\n")
    assert [len(line) for line in ends.read(3)] == [6, 3 * QUEUE_BYTES, 5]


def test_the_end_waits_for_a_reader_a_moment_only(ends: Ends) -> None:
    writer = LineWriter(ends.stream, note)
    count = fill(writer, ends)
    writer.finish(0.01)
    reader = threading.Thread(target=ends.read, args=[count], daemon=True)
    reader.start()
    writer.finish(START_S)
    assert writer._queued == 0
    reader.join()


def test_the_open_file_itself_still_waits(pipe: Ends) -> None:
    # It is shared with the shell and with whoever else writes to it.
    LineWriter(pipe.stream, note)
    assert not fcntl.fcntl(pipe.stream.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK


def test_a_line_of_several_processes_is_not_cut_in_two(pipe: Ends) -> None:
    sizes: list[int] = []
    writer = LineWriter(pipe.stream, note)
    put = writer._put
    assert put is not None
    writer._put = lambda data: sizes.append(len(data)) or put(data)  # type: ignore[func-returns-value]
    writer.write("".join(f"line {number} {'x' * 90}\n" for number in range(200)))
    assert max(sizes) <= line_writer.ATOMIC
    assert numbers(pipe.read(200)) == list(range(200))


@pytest.mark.parametrize("how", ["nobody reads", "it is closed"])
def test_a_log_that_cannot_be_written_stops_nobody(ends: Ends, how: str) -> None:
    writer = LineWriter(ends.stream, note)
    if how == "nobody reads":
        os.close(ends.read_fd)
    else:
        ends.stream.close()
    count = 3 if how == "nobody reads" else 0
    for _ in range(3):
        writer.write("line\n")
    writer.finish(START_S)
    with writer._changed:
        assert writer._changed.wait_for(lambda: not writer._queue and writer._dropped == count, START_S)


def test_a_full_disk_stops_nobody() -> None:
    with open("/dev/full", "w") as full:
        writer = LineWriter(full, note)
        for _ in range(3):
            writer.write("line\n")
        assert writer._dropped == 3


def test_lines_that_could_not_be_written_are_counted_once_it_can_be_again(pipe: Ends) -> None:
    writer = LineWriter(pipe.stream, note)
    put, writer._put = writer._put, lambda _: os.write(-1, b"")
    writer.write("one\ntwo\n")
    writer._put = put
    writer.write("three\n")
    assert pipe.read(2) == ["2 dropped", "three"]


def test_what_waits_is_not_written_by_the_child_of_a_fork_as_well(ends: Ends) -> None:
    writer = LineWriter(ends.stream, note)
    count = fill(writer, ends)
    child = os.fork()
    if child == 0:
        os._exit(0 if not writer._queued and writer._changed.acquire(timeout=START_S) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert numbers(ends.read(count)) == list(range(count))


def test_a_child_of_a_fork_writes_its_own_lines(ends: Ends) -> None:
    writer = LineWriter(ends.stream, note)
    child = os.fork()
    if child == 0:
        writer.write("of the child\n")
        writer.finish()
        os._exit(0)
    os.waitpid(child, 0)
    assert ends.read(1) == ["of the child"]


def test_two_streams_to_one_file_have_one_writer(pipe: Ends) -> None:
    with os.fdopen(os.dup(pipe.stream.fileno()), "w") as other, open(os.devnull, "w") as elsewhere:
        out, err = line_writers(pipe.stream, other, note)
        assert out is err
        out, err = line_writers(pipe.stream, elsewhere, note)
        assert out is not err


def test_no_stream_and_a_stream_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    out, err = line_writers(None, sys.stderr, note)
    assert isinstance(out, Nowhere)
    assert out.write("x\n") == 2
    assert err is sys.stderr


def test_what_the_encoding_does_not_have_is_escaped(pipe: Ends) -> None:
    with os.fdopen(os.dup(pipe.stream.fileno()), "w", encoding="ascii") as narrow:
        LineWriter(narrow, note).write("grüße \udc80\n")
    assert pipe.read(1) == ["gr\\xfc\\xdfe \\udc80"]


def test_its_own_descriptors_are_closed_with_it(pipe: Ends) -> None:
    def before() -> int:
        return len(os.listdir("/proc/self/fd"))

    count = before()
    writer = LineWriter(pipe.stream, note)
    assert before() == count + 2
    del writer
    assert before() == count


def test_a_regular_file_takes_many_lines_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(f"{number:099d}\n" for number in range(1000))
    pieces: list[int] = []
    with (tmp_path / "log").open("w") as file:
        writer = LineWriter(file, note)
        put: Any = writer._put

        def counted(data: bytes) -> int:
            pieces.append(len(data))
            return int(put(data))

        monkeypatch.setattr(writer, "_put", counted)
        writer.write(lines)
    assert pieces == [100_000]
    assert (tmp_path / "log").read_text() == lines
