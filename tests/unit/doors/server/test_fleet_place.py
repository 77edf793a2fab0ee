"""What the processes of a replica set tell the supervisor, and the socket that one worker alone listens on."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoringhost.doors.server.fleet_place import LONGEST_NOTICE, FleetPlace, Notice, OwnListener, Word


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: the path of a Unix socket has 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="place") as folder:
        yield Path(folder)


@pytest.fixture
def supervisor(folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / "n"))
        listener.settimeout(10)
        yield listener


def place_in(folder: Path, lifeline: int = 0) -> FleetPlace:
    return FleetPlace("7", folder, folder / "n", lifeline)


def heard(supervisor: socket.socket) -> Notice:
    return Notice.decode(supervisor.recv(LONGEST_NOTICE))


@pytest.mark.parametrize(
    "notice",
    [Notice("7", 12, Word.READY, "w-12.sock"), Notice("7", 12, Word.STOPPING), Notice("7", 1, Word.FAILED, "a\nb c")],
    ids=["ready", "without a text", "lines"],
)
def test_a_notice_is_read_as_it_was_sent(notice: Notice) -> None:
    assert Notice.decode(notice.encode()) == notice


@pytest.mark.parametrize("data", [b"", b"7", b"7 x READY ", b"7 1 DANCING "])
def test_anything_else_is_no_notice(data: bytes) -> None:
    with pytest.raises(ValueError):
        Notice.decode(data)


def test_what_is_too_long_is_cut() -> None:
    encoded = Notice("7", 1, Word.FAILED, "é" * LONGEST_NOTICE).encode()
    assert len(encoded) == LONGEST_NOTICE
    assert Notice.decode(encoded).text.startswith("éé")


def test_the_supervisor_hears_who_says_what(folder: Path, supervisor: socket.socket) -> None:
    place_in(folder).tell(Word.STATUS, "running init()")
    assert heard(supervisor) == Notice("7", os.getpid(), Word.STATUS, "running init()")


def test_nobody_is_told_if_the_supervisor_has_gone(folder: Path) -> None:
    place_in(folder).tell(Word.READY, "w-1.sock")


def test_it_is_over_when_the_other_end_of_the_lifeline_is_closed(folder: Path) -> None:
    lifeline, held = os.pipe()
    place = place_in(folder, lifeline)
    assert not place.is_over()
    os.close(held)
    assert place.is_over()
    os.close(lifeline)


def test_a_worker_is_found_only_between_ready_and_stopping(folder: Path, supervisor: socket.socket) -> None:
    place = place_in(folder)
    path = place.socket_of(os.getpid())
    own = OwnListener(place, 5)
    assert not path.exists()
    own.show()
    assert heard(supervisor) == Notice("7", os.getpid(), Word.READY, path.name)
    with socket.socket(socket.AF_UNIX) as early, socket.socket(socket.AF_UNIX) as late:
        early.connect(str(path))
        own.hide()
        assert heard(supervisor).word is Word.STOPPING
        with pytest.raises(FileNotFoundError):
            late.connect(str(path))
        taken, _ = own.socket.accept()  # it was there before
        taken.close()
    own.socket.close()


def test_what_a_killed_worker_has_left_is_removed(folder: Path, supervisor: socket.socket) -> None:
    place = place_in(folder)
    place.socket_of(12).touch()
    place.hidden_socket_of(12).touch()
    place.forget(12)
    assert os.listdir(folder) == ["n"]
    assert heard(supervisor) == Notice("7", 12, Word.ENDED)
