"""What workers print, in whole lines as long as they are of a sensible length."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from scoringhost.batch.worker_log import LAST_READS, LINE_BYTES, READ_BYTES, WorkerLog


class Worker:
    """What a worker writes, and what of it has been handed on."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self.told: list[bytes] = []
        self.log = WorkerLog(os.fdopen(reading, "rb", closefd=True), self.told.append)

    def write(self, text: bytes) -> None:
        assert os.write(self.writing, text) == len(text)

    def end(self) -> None:
        with suppress(OSError):
            os.close(self.writing)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.end()
    worker.log.finish()


def test_lines_are_handed_on_whole(worker: Worker) -> None:
    worker.write(b"one\ntwo\nthr")
    worker.log.pass_on()
    assert worker.told == [b"one\ntwo\n"]
    worker.write(b"ee\n")
    worker.log.pass_on()
    assert worker.told == [b"one\ntwo\n", b"three\n"]


def test_a_bar_of_progress_is_handed_on_as_it_moves(worker: Worker) -> None:
    worker.write(b"10 %\r20 ")
    worker.log.pass_on()
    assert worker.told == [b"10 %\r"]


def test_nobody_waits_for_a_worker_that_is_silent(worker: Worker) -> None:
    assert not worker.log.pass_on()
    assert worker.told == []
    assert worker.log.pipe is not None


def test_an_unfinished_line_is_handed_on_at_the_end(worker: Worker) -> None:
    worker.write(b"the last words")
    worker.end()
    worker.log.finish()
    assert worker.told == [b"the last words\n"]
    assert worker.log.pipe is None
    worker.log.finish()
    assert len(worker.told) == 1


def test_the_pipe_is_let_go_of_when_the_worker_has_closed_its_end(worker: Worker) -> None:
    worker.end()
    assert not worker.log.pass_on()
    assert worker.log.pipe is None


def test_a_line_without_an_end_does_not_fill_memory(worker: Worker) -> None:
    piece = b"x" * 32768
    for _ in range(4):
        worker.write(piece)
        worker.log.pass_on()
    assert worker.told == [b"x" * (LINE_BYTES + len(piece))]


def test_what_something_else_goes_on_writing_is_not_read_for_ever() -> None:
    class Endless:
        """The end of a pipe that is always full."""

        reads = 0
        is_open = True

        def fileno(self) -> int:
            return null

        def read(self, size: int) -> bytes:
            self.reads += 1
            return b"y" * (size - 1) + b"\n"

        def close(self) -> None:
            self.is_open = False

    null = os.open(os.devnull, os.O_RDONLY)
    pipe, told = Endless(), list[bytes]()
    try:
        WorkerLog(pipe, told.append).finish()  # type: ignore[arg-type]
    finally:
        os.close(null)
    assert (pipe.reads, sum(map(len, told)), pipe.is_open) == (LAST_READS, LAST_READS * READ_BYTES, False)
