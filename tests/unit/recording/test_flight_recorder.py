"""The flight recorder: the last requests that failed or were slow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoringhost.errors import SettingsError
from scoringhost.recording.flight_recorder import RecorderRules
from scoringhost.testing import Client, serve

Kept = Callable[[Path], list[dict[str, Any]]]


def score(client: Client, act: str, data: Any = ((1, 2),)) -> int:
    return client.request(
        "POST", "/score", body={"data": data, "act": act}, headers={"Content-Type": "application/json"}
    ).status


@pytest.mark.parametrize(
    ("status", "elapsed_ms", "is_whole", "reason"),
    [
        (200, 10, True, ""),
        (200, 500, True, "slow"),
        (500, 10, True, "failed"),
        (504, 10, True, "failed"),
        (200, 10, False, "broken off"),
        (400, 10, True, ""),
    ],
)
def test_what_is_recorded_and_why(status: int, elapsed_ms: float, is_whole: bool, reason: str) -> None:
    rules = RecorderRules(Path(), from_status=500, slow_ms=500, most=1, most_bytes=1)
    assert rules.reason(status, elapsed_ms, is_whole) == reason


def test_the_callers_faults_are_recorded_if_they_are_asked_for() -> None:
    rules = RecorderRules(Path(), from_status=400, slow_ms=0, most=1, most_bytes=1)
    assert [rules.reason(status, 9e9, True) for status in (200, 400, 422)] == ["", "failed", "failed"]


def test_a_failed_request_is_a_file_of_its_own(script: Path, tmp_path: Path, kept: Kept) -> None:
    with serve(script, environ={}, record_failures=str(tmp_path / "r"), redact="hide") as client:
        assert [score(client, act) for act in ("add", "fail", "break")] == [200, 500, 200]
    failed, broken = kept(tmp_path / "r")
    assert (failed["reason"], failed["status"], failed["request_body"]["data"]) == ("failed", 500, "hidden")
    assert broken["reason"] == "broken off"


def test_the_last_ones_stay_and_nothing_else_is_touched(script: Path, tmp_path: Path, kept: Kept) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "0-mine.json").write_text("{}")
    with serve(script, environ={}, record_failures=str(folder), record_most=3) as client:
        for number in range(5):
            assert score(client, "fail", [[number, number]]) == 500
            client._site.closings[0]()
    mine, *records = kept(folder)
    assert mine == {}
    assert [record["request_body"]["data"][0][0] for record in records] == [2, 3, 4]


def test_they_take_no_more_bytes_than_they_may(script: Path, tmp_path: Path, kept: Kept) -> None:
    rows = [[0.123456789, 0.987654321]] * 10_000  # 250 KB
    with serve(script, environ={}, record_failures=str(tmp_path / "r"), record_mb=1, keep_body_kb=1000) as client:
        for _ in range(6):
            assert score(client, "fail", rows) == 500
            client._site.closings[0]()
    sizes = [path.stat().st_size for path in (tmp_path / "r").iterdir()]
    assert 0 < sum(sizes) <= 1024 * 1024
    assert len(sizes) in (3, 4)


def test_a_record_is_there_while_the_service_runs(script: Path, tmp_path: Path, until: Callable[..., Any]) -> None:
    with serve(script, environ={}, record_failures=str(tmp_path / "r")) as client:
        score(client, "fail")
        (file,) = until(lambda: list((tmp_path / "r").glob("*.json")))
        assert json.loads(file.read_text())["status"] == 500


def test_a_url_is_refused(script: Path) -> None:
    with pytest.raises(SettingsError, match="record_failures"), serve(script, environ={}, record_failures="s3://x/y"):
        pass
