from __future__ import annotations

from pathlib import Path

import pytest

from scoringhost.fleet.logs import LONGEST_LINE, Lines, LogFile, ServiceLog


class Shown:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_lines_are_shown_with_the_name_of_their_service_and_kept_as_they_are(tmp_path: Path, shown: Shown) -> None:
    log = ServiceLog("wine:2", tmp_path, shown, prefixed=True)
    lines = Lines(log)
    lines.feed(b"first\nsec")
    lines.feed("ond \N{SNOWMAN}\nhalf".encode())
    assert shown.text == "wine:2 | first\nwine:2 | second \N{SNOWMAN}\n"
    lines.end()
    assert (tmp_path / "wine:2.log").read_text() == "first\nsecond \N{SNOWMAN}\nhalf\n"
    log.close()


def test_lines_of_json_are_shown_as_they_are(tmp_path: Path, shown: Shown) -> None:
    Lines(ServiceLog("wine", tmp_path, shown, prefixed=False)).feed(b'{"a": 1}\n')
    assert shown.text == '{"a": 1}\n'


def test_bytes_that_are_no_text_and_lines_without_an_end_are_taken(tmp_path: Path, shown: Shown) -> None:
    lines = Lines(ServiceLog("wine", tmp_path, shown, prefixed=False))
    lines.feed(b"\xff\n" + b"x" * (LONGEST_LINE + 1))
    assert shown.text == "\N{REPLACEMENT CHARACTER}\n" + "x" * (LONGEST_LINE + 1) + "\n"


def test_the_last_lines_come_from_memory_or_from_the_files(tmp_path: Path, shown: Shown) -> None:
    log = ServiceLog("wine", tmp_path, shown, prefixed=False)
    log.add([str(number) for number in range(500)])
    assert log.last(2) == ["498", "499"]
    assert log.last(0) == []
    assert log.last(300) == [str(number) for number in range(200, 500)]
    assert len(log.last(10_000)) == 500


def test_who_follows_is_told_new_lines_until_it_wants_no_more(tmp_path: Path, shown: Shown) -> None:
    log = ServiceLog("wine", tmp_path, shown, prefixed=True)
    told: list[str] = []
    log.add(["before"])
    log.follow(told.append)
    log.add(["a", "b"])
    log.unfollow(told.append)
    log.add(["after"])
    assert told == ["a\nb\n"]


def test_a_file_that_is_full_makes_room_for_another(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a.log", largest=10)
    for number in range(5):
        file.write(b"line %d\n" % number)
    file.close()
    assert (tmp_path / "a.log.1").read_bytes() == b"line 2\nline 3\n"
    assert (tmp_path / "a.log").read_bytes() == b"line 4\n"


def test_a_file_that_cannot_be_written_keeps_nothing_from_being_shown(tmp_path: Path, shown: Shown) -> None:
    log = ServiceLog("wine", tmp_path / "gone", shown, prefixed=False)
    log.add(["a line"])
    assert shown.text == "a line\n"
    assert log.last(5) == []
