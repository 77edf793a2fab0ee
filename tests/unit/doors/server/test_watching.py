"""Watching the files of a service."""

from __future__ import annotations

from pathlib import Path

from scoringhost.doors.server.watching import Watch


def test_a_change_is_told_once_and_only_when_it_is_over(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("1")
    watch = Watch([tmp_path], [])
    assert watch.changed() == []
    script.write_text("22")
    assert watch.changed() == []  # it may still be written
    assert watch.changed() == [str(script)]
    assert watch.changed() == []


def test_new_and_lost_files_are_changes(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("")
    watch = Watch([tmp_path], [])
    (tmp_path / "old.py").unlink()
    (tmp_path / "new.py").write_text("")
    assert [watch.changed(), watch.changed()] == [[], [str(tmp_path / "new.py"), str(tmp_path / "old.py")]]


def test_only_python_files_of_code_count_and_all_files_of_data(tmp_path: Path) -> None:
    code, data = tmp_path / "code", tmp_path / "data"
    for folder in (code / "__pycache__", code / ".git", data):
        folder.mkdir(parents=True)
    watch = Watch([code], [data])
    for path in (code / "notes.txt", code / "__pycache__" / "a.py", code / ".git" / "b.py", data / "weights.bin"):
        path.write_text("x")
    assert [watch.changed(), watch.changed()] == [[], [str(data / "weights.bin")]]


def test_a_change_that_is_taken_back_is_none(tmp_path: Path) -> None:
    watch = Watch([tmp_path], [])
    (tmp_path / "a.py").write_text("x")
    assert watch.changed() == []
    (tmp_path / "a.py").unlink()
    assert [watch.changed(), watch.changed()] == [[], []]
