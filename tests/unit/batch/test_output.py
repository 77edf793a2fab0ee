"""The files of a job: lines, columns, failures, and the record of its progress."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from scoringhost.batch.output import Output, OutputUnusable, Places, make_folder
from scoringhost.batch.parts import Failure, Outcome, Place


def put(output: Output, outcome: Outcome) -> list[Failure]:
    rendered = output.render(outcome)
    output.add(rendered)
    return rendered.failures


IDENTITY = {"script": "score.py", "input": [["a", 1, 2]]}


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """written(*values, name=...): the text of a file of these results, and what failed to be written."""

    def write(*results: Any, name: str = "out.csv") -> tuple[str, list[Failure]]:
        with Output(Places.beside(tmp_path / name), IDENTITY) as output:
            failures = put(output, Outcome(list(results), scored=len(results)))
            output.finish()
        return (tmp_path / name).read_text(encoding="utf-8"), failures

    return write


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a.png: 3", "a.png: 3\n"),
        ('x,"y"', 'x,"y"\n'),
        ("two\nlines", '"two\nlines"\n'),
        (1.5, "1.5\n"),
        (None, '""\n'),
        (True, "true\n"),
        (["a,b", 1, None, [1, 2], {"k": 1}, False], '"a,b",1,,"[1,2]","{""k"":1}",false\n'),
        ({"file": "a", "digit": 3}, "file,digit\na,3\n"),
    ],
)
def test_a_result_of_a_mini_batch_as_a_line_of_csv(written: Any, value: Any, line: str) -> None:
    assert written((None, value))[0] == line


def test_a_result_of_a_row_as_a_line_of_csv(written: Any) -> None:
    assert written((Place("", 7), 1.5))[0] == "row,result\n7,1.5\n"


def test_a_result_of_a_row_of_one_of_several_files(written: Any) -> None:
    assert written((Place("b/rows.csv", 7), {"x": 1, "y": 2}))[0] == "file,row,x,y\nb/rows.csv,7,1,2\n"


def test_results_as_json_lines(written: Any) -> None:
    text = written((None, "a"), (None, [10**30]), (Place("", 2), {"x": 1}), name="out.jsonl")[0]
    assert [json.loads(line) for line in text.splitlines()] == ["a", [10**30], {"row": 2, "result": {"x": 1}}]


def test_missing_fields_are_empty_and_new_ones_are_failures(written: Any) -> None:
    text, failures = written((Place("", 1), {"x": 1, "y": 2}), (Place("", 2), {"y": 3}), (Place("", 3), {"z": 4}))
    assert text == "row,x,y\n1,1,2\n2,,3\n"
    [failure] = failures
    assert (failure.place.row, failure.count) == (3, 1)
    assert (
        failure.error == "the results before this one have no z, so it does not fit their columns; write a .jsonl file"
    )


def test_failures_are_kept_beside_the_results(tmp_path: Path) -> None:
    failing = Outcome(
        failures=[Failure(Place("a.png"), 1, "bad", 500, "Traceback ..."), Failure(Place("", 3), 2, "worse")]
    )
    with Output(Places.beside(tmp_path / "out.csv"), IDENTITY) as output:
        put(output, failing)
        output.finish()
        assert (output.progress.scored, output.progress.failed) == (0, 3)
    assert [json.loads(line) for line in (tmp_path / "out.csv.errors.jsonl").read_text().splitlines()] == [
        {"file": "a.png", "count": 1, "error": "bad", "status": 500, "traceback": "Traceback ..."},
        {"row": 3, "count": 2, "error": "worse"},
    ]


# BUG: the script's own `row` took the place of the number of the row.
def test_a_field_of_the_scripts_own_does_not_hide_where_a_result_is_from(written: Any) -> None:
    text, _ = written((Place("", 7), {"row": "R", "x": 1}))
    assert text == "row,result.row,x\n7,R,1\n"


# BUG: the header of a result with columns came in the middle of the file.
@pytest.mark.parametrize(("first", "second"), [("plain", {"x": 1}), ({"x": 1}, "plain"), ({"x": 1}, [1, 2])])
def test_results_with_and_without_columns_do_not_share_a_file(written: Any, first: Any, second: Any) -> None:
    text, [failure] = written((None, first), (None, second))
    assert text == ("plain\n" if first == "plain" else "x\n1\n")
    assert failure.error.startswith("the results before this one are of another kind")


# BUG: the surrogates of such a name were written, which are neither the name nor UTF-8.
def test_a_name_that_is_no_utf8_is_written_as_it_is(tmp_path: Path) -> None:
    with Output(Places.beside(tmp_path / "out.csv"), IDENTITY) as output:
        put(output, Outcome([(None, os.fsdecode(b"caf\xe9.png"))], scored=1))
    assert (tmp_path / "out.csv").read_bytes() == b"caf\xe9.png\n"


def test_where_results_are_not_kept_none_can_fail_to_fit(tmp_path: Path) -> None:
    with Output(Places.within(tmp_path), IDENTITY) as output:
        assert put(output, Outcome([(None, {"x": 1}), (None, "plain")], scored=2)) == []
        assert output.progress.scored == 2


# BUG: both commands wrote, and lines were torn.
def test_an_output_that_another_command_is_writing_is_refused(tmp_path: Path) -> None:
    places = Places.beside(tmp_path / "out.csv")
    with Output(places, IDENTITY) as output:
        put(output, Outcome([(None, "mine")], scored=1))
        with (
            pytest.raises(OutputUnusable, match="another command is writing"),
            Output(places, IDENTITY, overwrite=True),
        ):
            pass
        output.finish()
    assert (tmp_path / "out.csv").read_text() == "mine\n"


def test_what_another_command_has_finished_meanwhile_is_not_gone_on_with(tmp_path: Path) -> None:
    places = Places.beside(tmp_path / "out.csv")
    begin(tmp_path, 1)
    late = Output(places, IDENTITY)  # it has seen the record
    with Output(places, IDENTITY) as output:
        put(output, Outcome([(Place("", 3), {"x": 3})], scored=1))
        output.finish()
    with pytest.raises(OutputUnusable, match="is there already"), late:
        pass
    assert (tmp_path / "out.csv").read_text() == "row,x\n1,0\n3,3\n"


def test_a_disk_that_takes_no_more_is_said_and_the_record_is_of_what_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Output(Places.beside(tmp_path / "out.csv"), IDENTITY) as output:
        put(output, Outcome([(None, "taken")], scored=1))
        output.save()
        monkeypatch.setattr(os, "fsync", full)
        put(output, Outcome([(None, "lost")], scored=1))
        with pytest.raises(OutputUnusable, match="No space left"):
            output.save()
    assert json.loads((tmp_path / "out.csv.progress").read_bytes())["done"] == 1
    assert not (tmp_path / "out.csv.progress.new").exists()


def full(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def begin(folder: Path, count: int) -> None:
    """A job that is cut short after some mini-batches of one row."""
    with Output(Places.beside(folder / "out.csv"), IDENTITY) as output:
        for number in range(count):
            put(output, Outcome([(Place("", number + 1), {"x": number})], scored=1))
        put(output, Outcome(failures=[Failure(Place("", count + 1), 1, "bad")]))
        output.save()


def test_a_job_goes_on_behind_what_is_recorded(tmp_path: Path) -> None:
    begin(tmp_path, 2)
    for name in ("out.csv", "out.csv.errors.jsonl"):
        with (tmp_path / name).open("a") as file:
            file.write("written after the last record")
    with Output(Places.beside(tmp_path / "out.csv"), IDENTITY) as output:
        assert output.is_resumed
        assert (output.progress.done, output.progress.scored, output.progress.failed) == (3, 2, 1)
        put(output, Outcome([(Place("", 4), {"x": 9})], [Failure(Place("", 5), 1, "bad, too")], 1))
        output.finish()
    assert (tmp_path / "out.csv").read_text() == "row,x\n1,0\n2,1\n4,9\n"
    assert len((tmp_path / "out.csv.errors.jsonl").read_text().splitlines()) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.csv.errors.jsonl"]


def test_failures_of_an_earlier_job_are_not_those_of_this_one(tmp_path: Path) -> None:
    begin(tmp_path, 1)
    with Output(Places.beside(tmp_path / "out.csv"), IDENTITY, overwrite=True) as output:
        output.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_an_output_that_was_cut_short_by_somebody_else_is_refused(tmp_path: Path) -> None:
    begin(tmp_path, 5)
    (tmp_path / "out.csv").write_text("row")
    with (
        pytest.raises(OutputUnusable, match="is shorter than it was"),
        Output(Places.beside(tmp_path / "out.csv"), IDENTITY),
    ):
        pass


@pytest.mark.parametrize("record", ["", "{}", "[1]", '{"job": {}, "unknown": 1}'])
def test_a_record_that_cannot_be_read_is_refused(tmp_path: Path, record: str) -> None:
    (tmp_path / "out.csv.progress").write_text(record)
    with pytest.raises(OutputUnusable, match="--overwrite begins anew"):
        Output(Places.beside(tmp_path / "out.csv"), IDENTITY)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputUnusable, match="out: Not a directory"):
        make_folder(tmp_path / "file" / "out")
    with pytest.raises(OutputUnusable, match="file"), Output(Places.beside(tmp_path / "file" / "out.csv"), IDENTITY):
        pass
