"""Which process is the hub of a folder."""

import os
from pathlib import Path

import pytest

from scoringhost.hub.errors import HubRunning
from scoringhost.hub.record import HubPlace, HubRecord, read_record, started_at, token_of


def record_of(pid: int, started: str) -> HubRecord:
    return HubRecord(pid, started, "http://127.0.0.1:2", "http://127.0.0.1:1", "/run", "0")


def test_one_process_is_the_hub_and_a_second_is_told_which(tmp_path: Path) -> None:
    place, other = HubPlace(tmp_path), HubPlace(tmp_path)
    place.take()
    place.say(record_of(os.getpid(), started_at(os.getpid())))
    with pytest.raises(HubRunning, match=f"process {os.getpid()} at http://127.0.0.1:2"):
        other.take()
    other.leave()
    assert read_record(tmp_path) is not None
    place.leave()
    assert read_record(tmp_path) is None
    other.take()
    other.leave()


def test_a_process_that_has_only_the_number_of_a_dead_hub_is_none(tmp_path: Path) -> None:
    HubPlace(tmp_path).say(record_of(os.getpid(), "12"))
    assert read_record(tmp_path) is None
    HubPlace(tmp_path).say(record_of(2**22 + 1, ""))
    assert read_record(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": 1}', "no JSON"])
def test_a_file_that_says_nothing_is_no_hub(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.json").write_text(text)
    assert read_record(tmp_path) is None


def test_the_token_is_made_once_and_for_its_user_alone(tmp_path: Path) -> None:
    token = token_of(tmp_path)
    assert len(token) > 40
    assert token_of(tmp_path) == token
    assert (tmp_path / "control.token").stat().st_mode & 0o777 == 0o600
