"""What there is to score: files, and rows in the pieces that were asked for."""

from __future__ import annotations

import csv
import json
import tracemalloc
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from scoringhost.batch.parts import Contract, Part
from scoringhost.batch.reading import InputUnusable, Source
from scoringhost.tabular.pieces import Rows, Size

FRAME = pd.DataFrame({"n": range(25), "text": [f"t{n}" for n in range(25)]})


@pytest.fixture
def table(tmp_path: Path) -> Any:
    """table(suffix): the 25 rows as a file."""

    def write(suffix: str) -> Path:
        path = tmp_path / f"rows{suffix}"
        if suffix == ".csv":
            FRAME.to_csv(path, index=False)
        elif suffix == ".parquet":
            FRAME.to_parquet(path)
        else:
            FRAME.to_json(path, orient="records", lines=True)
        return path

    return write


def parts(path: object, contract: Contract, size: Size | None = None) -> list[Part]:
    return list(Source.find(str(path)).parts(contract, size))


# -- files ------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.png", "sub/c.png", ".hidden", ".git/d.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "in"


def test_a_folder_is_read_with_its_subfolders_in_order_but_not_what_is_hidden(folder: Path) -> None:
    found = parts(folder, Contract.FILES, Size(2))
    assert [part.items for part in found] == [
        [str(folder / "a.png"), str(folder / "b.png")],
        [str(folder / "sub/c.png")],
    ]
    assert [(part.index, part.first, part.rows) for part in found] == [(0, 1, Rows.PATHS), (1, 3, Rows.PATHS)]
    assert [part.position for part in found] == [pytest.approx(2 / 3), 1.0]


def test_a_pattern_and_a_single_file(folder: Path) -> None:
    assert parts(f"{folder}/*.png", Contract.FILES)[0].items == [str(folder / "a.png"), str(folder / "b.png")]
    assert parts(folder / "b.png", Contract.FILES)[0].items == [str(folder / "b.png")]


def test_a_pattern_with_a_folder_above_it_is_not_hidden(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "sub")
    assert parts("../*.png", Contract.FILES)[0].items == [str(folder / "a.png"), str(folder / "b.png")]


def test_the_output_may_lie_in_the_same_folder(folder: Path) -> None:
    source = Source.find(str(folder), without=[folder / "b.png", folder / "not there"])
    assert source.names == ("a.png", "sub/c.png")


# BUG: --input same.csv --output same.csv --overwrite emptied the input.
@pytest.mark.parametrize("pattern", ["only.csv", "onl*.csv", "."])
def test_an_input_that_is_an_output_is_refused(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "only.csv").write_text("a\n1\n")
    (tmp_path / "link.csv.progress").symlink_to(tmp_path / "only.csv")
    for output in ("only.csv", "link.csv.progress"):
        with pytest.raises(
            InputUnusable, match=r"only\.csv.* is an output of this job|link.* is an output of this job"
        ):
            Source.find(str(tmp_path / pattern), without=[tmp_path / output])


# BUG: a link lost its name and the suffix that says what it is.
@pytest.mark.parametrize("pattern", ["in/rows.csv", "in/*.csv", "in", "other/../in"])
def test_a_link_keeps_its_name(tmp_path: Path, pattern: str) -> None:
    for name in ("blobs", "in", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "blobs/abc123").write_text("a\n1\n")
    (tmp_path / "in/rows.csv").symlink_to(tmp_path / "blobs/abc123")
    source = Source.find(str(tmp_path / pattern))
    assert source.paths == (tmp_path / "in/rows.csv",)
    before = source.identity()
    (tmp_path / "blobs/abc123").write_text("a\n1\n2\n")
    assert source.identity() != before


# BUG: a folder that the user named, but for its dot, was left out.
@pytest.mark.parametrize("pattern", [".git/*.png", "sub/../.git/*.png", ".g*/d.png", "**/.git/d.png", ".git"])
def test_a_hidden_folder_that_is_named_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    monkeypatch.chdir(folder)
    for text in (pattern, f"{folder}/{pattern}"):
        assert Source.find(text).paths == (folder / ".git/d.png",)


def test_a_wildcard_does_not_stand_for_what_is_hidden(folder: Path) -> None:
    assert Source.find(f"{folder}/**/*").names == tuple(str(folder / name) for name in ("a.png", "b.png", "sub/c.png"))


def test_a_source_is_the_same_until_a_file_changes(folder: Path) -> None:
    before = Source.find(str(folder)).identity()
    assert Source.find(str(folder)).identity() == before
    (folder / "a.png").write_text("longer than it was")
    assert Source.find(str(folder)).identity() != before


def test_files_are_counted_not_measured(folder: Path) -> None:
    with pytest.raises(InputUnusable, match="files are counted"):
        parts(folder, Contract.FILES, Size(10, True))


def test_files_that_are_no_tables_are_requests_as_a_whole(folder: Path) -> None:
    assert parts(folder, Contract.REQUESTS)[0].rows is Rows.PATHS


def test_nothing_to_score_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for text in (tmp_path / "empty", tmp_path / "nowhere", tmp_path / "*.csv"):
        with pytest.raises(InputUnusable, match="no such file or folder, or no file in it"):
            Source.find(str(text))


# -- rows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "rows", "first", "last"),
    [
        (".csv", Rows.TEXTS, ["0", "t0"], ["24", "t24"]),
        (".jsonl", Rows.LINES, '{"n":0,"text":"t0"}', '{"n":24,"text":"t24"}'),
        (".parquet", Rows.VALUES, [0, "t0"], [24, "t24"]),
    ],
)
def test_rows_come_in_pieces_and_know_their_numbers(table: Any, suffix: str, rows: Rows, first: Any, last: Any) -> None:
    found = parts(table(suffix), Contract.REQUESTS, Size(10))
    assert [(part.index, part.first, len(part), part.rows) for part in found] == [
        (0, 1, 10, rows),
        (1, 11, 10, rows),
        (2, 21, 5, rows),
    ]
    assert (found[0].items[0], found[-1].items[-1]) == (first, last)
    assert found[-1].position == 1.0
    assert found[0].columns == (() if suffix == ".jsonl" else ("n", "text"))


# BUG: the head of a piece of a Parquet file was that of the piece, so that what is found out from it differed.
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_piece_comes_with_the_first_rows_of_the_file(table: Any, suffix: str) -> None:
    heads = [list(part.head) for part in parts(table(suffix), Contract.REQUESTS, Size(2))]
    assert len(heads[0]) == 25
    assert all(head == heads[0] for head in heads)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_frames_are_those_of_the_file(table: Any, suffix: str) -> None:
    found = parts(table(suffix), Contract.TABLE, Size(10))
    assert [(part.first, len(part), part.rows) for part in found] == [
        (1, 10, Rows.FRAME),
        (11, 10, Rows.FRAME),
        (21, 5, Rows.FRAME),
    ]
    together = pd.concat([part.items for part in found], ignore_index=True)
    pd.testing.assert_frame_equal(together, FRAME, check_dtype=False)
    assert [list(part.items.index) for part in found] == [list(range(10)), list(range(10)), list(range(5))]


def test_a_column_has_one_dtype_in_all_frames_of_a_file(tmp_path: Path) -> None:
    """pandas guesses anew for each piece: whole numbers here, fractions there, text at last."""
    (tmp_path / "rows.csv").write_text("a,b\n" + "1,1\n" * 1500 + "2.5,x\n" * 10)
    found = parts(tmp_path / "rows.csv", Contract.TABLE, Size(500))
    assert [part.items.dtypes["a"].kind for part in found] == ["f"] * 4
    assert len({part.items.dtypes["b"] for part in found}) == 1
    assert found[0].items["b"].tolist() == ["1"] * 500


# BUG: pandas took the first column for an index, and the others moved by one.
@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a,b\n1,2,3\n4,5\n", 2),
        ("a,b\n0,2,3\n1,4,5\n", 2),
        ("a,b\n1,2,3,4\n", 2),
        ("a,b\n \n1,2,\n", 3),
        ("a,b\n1,2\n3,4\n5,6,7\n", 4),
    ],
)
@pytest.mark.parametrize("rows", [1, 2, 10])
def test_a_csv_row_of_too_many_values_is_refused_for_frames(tmp_path: Path, content: str, line: int, rows: int) -> None:
    (tmp_path / "rows.csv").write_text(content)
    with pytest.raises(InputUnusable, match=f"Expected 2 fields in line {line}, saw .$"):
        parts(tmp_path / "rows.csv", Contract.TABLE, Size(rows))


# BUG: what pandas keeps of each chunk grew with the file.
def test_the_memory_that_dtypes_take_does_not_grow_with_the_file(tmp_path: Path) -> None:
    with (tmp_path / "rows.csv").open("w") as file:
        file.write("a,b\n")
        file.writelines(f"{n},{n}\n" for n in range(200_000))
    found = Source.find(str(tmp_path / "rows.csv")).parts(Contract.TABLE, None)
    tracemalloc.start()
    try:
        assert len(next(found)) == 1000
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


# BUG: pandas guessed that text is a number or a date, in each piece anew.
@pytest.mark.parametrize(
    "values",
    [
        ["007", "1e5", "2024-01-01"],
        [1, 2.5, None],
        [1, 2, None],
        [None, None, 1],
        [True, False, None],
        [True, 1, "x"],
        [2**63, 1, 2],
        [2**70, 1, 1.5],
        [[1], {"a": 1}, None],
        [None, "x", None],
        [None, None, None],
    ],
)
def test_frames_of_json_lines_have_the_values_and_one_dtype(tmp_path: Path, values: list[Any]) -> None:
    path = lines(tmp_path / "rows.jsonl", *({"date": value, "id": n} for n, value in enumerate(values)))
    found = [part.items for part in parts(path, Contract.TABLE, Size(1))]
    whole = pd.DataFrame({"date": values, "id": range(len(values))})
    assert [list(frame.dtypes) for frame in found] == [list(whole.dtypes)] * len(values)
    for frame, value in zip(found, values, strict=True):
        got = frame["date"][0]
        assert pd.isna(got) if value is None else got == value


def test_frames_of_json_lines_have_the_columns_of_all_lines(tmp_path: Path) -> None:
    path = lines(tmp_path / "rows.jsonl", {"a": 1}, "", {"b": "x"}, {"a": 2, "b": "y"})
    found = [part.items for part in parts(path, Contract.TABLE, Size(1))]
    assert [list(frame.columns) for frame in found] == [["a", "b"]] * 3
    assert {str(frame["a"].dtype) for frame in found} == {"float64"}
    assert len({frame["b"].dtype for frame in found}) == 1
    assert pd.isna(found[0]["b"][0])
    assert found[2]["b"][0] == "y"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "line 3 is no object"),
        ("{", "line 3: Expecting"),
        ("[" * 200_000, "line 3: the JSON is nested too deeply"),
    ],
)
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = lines(tmp_path / "rows.jsonl", {"a": 1}, "", line)
    with pytest.raises(InputUnusable, match=message):
        parts(path, Contract.TABLE)


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_file_without_rows_has_no_frames(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a,b\n" if name == "rows.csv" else "\n")
    assert parts(tmp_path / name, Contract.TABLE) == []


# BUG: whole numbers were int64 in one frame and float64 in the next, where one is missing.
@pytest.mark.parametrize("statistics", [True, False])
def test_frames_of_parquet_have_the_dtypes_of_the_file(tmp_path: Path, statistics: bool) -> None:
    columns = {
        "whole": pa.array([1, 2, 3, 4]),
        "gaps": pa.array([1, 2, None, 4], pa.int8()),
        "truth.s": pa.array([True, False, None, True]),
        "whole truth": pa.array([True, False, True, True]),
        "text": pa.array(["a", "b", None, "d"]),
        "lists": pa.array([[1], [None], None, []]),
    }
    table = pa.table(columns)
    parquet.write_table(table, tmp_path / "rows.parquet", write_statistics=statistics, row_group_size=2)
    found = [part.items for part in parts(tmp_path / "rows.parquet", Contract.TABLE, Size(1))]
    assert [list(frame.dtypes) for frame in found] == [list(table.to_pandas().dtypes)] * 4
    assert [frame["truth.s"][0] for frame in found] == [True, False, None, True]


def test_parquet_keeps_the_dtypes_of_pandas_that_have_room_for_gaps(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": pd.array([1, None, 3], "Int64"), "t": pd.array([True, None, True], "boolean")})
    frame.to_parquet(tmp_path / "rows.parquet")
    for part in parts(tmp_path / "rows.parquet", Contract.TABLE, Size(1)):
        assert list(part.items.dtypes) == list(frame.dtypes)


# BUG: of two columns with the same name the last was taken without a word.
@pytest.mark.parametrize("contract", [Contract.REQUESTS, Contract.TABLE])
def test_parquet_columns_of_the_same_name_are_refused(tmp_path: Path, contract: Contract) -> None:
    parquet.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), tmp_path / "rows.parquet")
    with pytest.raises(InputUnusable, match="two of its columns have the same name"):
        parts(tmp_path / "rows.parquet", contract)


# BUG: rows with decimals or durations could not be sent as requests; then 90 seconds were 90 nanoseconds in a frame.
def test_decimals_of_parquet_are_floats_and_durations_the_texts_that_frames_read(tmp_path: Path) -> None:
    price, wait = Decimal("1.25"), timedelta(seconds=90, milliseconds=500)
    columns = {
        "price": [None, price],
        "wait": [wait, None],
        "prices": [[price], []],
        "all": [None, {"wait": wait, "deep": [{"price": price}]}],
        "day": [date(2024, 1, 2), None],
        "n": [2**60 + 1, None],
    }
    parquet.write_table(pa.table(columns), tmp_path / "rows.parquet")
    [part] = parts(tmp_path / "rows.parquet", Contract.REQUESTS)
    assert part.items == [
        [None, "P0DT0H1M30.5S", [1.25], None, date(2024, 1, 2), 2**60 + 1],
        [1.25, None, [], {"wait": "P0DT0H1M30.5S", "deep": [{"price": 1.25}]}, None, None],
    ]
    assert type(part.items[1][0]) is float


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("contract", [Contract.REQUESTS, Contract.TABLE])
def test_a_size_in_bytes_is_about_that_many(tmp_path: Path, suffix: str, contract: Contract) -> None:
    frame = pd.DataFrame({"n": range(10_000), "m": range(10_000)})
    path = tmp_path / f"rows{suffix}"
    write = {".csv": lambda: frame.to_csv(path, index=False), ".parquet": lambda: frame.to_parquet(path)}
    write.get(suffix, lambda: frame.to_json(path, orient="records", lines=True))()
    found = parts(path, contract, Size(16 * 1024, True))
    assert sum(map(len, found)) == 10_000
    assert 3 <= len(found) <= 40


def test_numbers_of_rows_begin_anew_in_each_file_and_files_are_named(table: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "in" / name).mkdir(parents=True)
        table(".csv").rename(tmp_path / "in" / name / "rows.csv")
    found = parts(tmp_path / "in", Contract.REQUESTS, Size(20))
    assert [(part.index, part.file, part.first) for part in found] == [
        (0, "a/rows.csv", 1),
        (1, "a/rows.csv", 21),
        (2, "b/rows.csv", 1),
        (3, "b/rows.csv", 21),
    ]
    assert str(found[1].place(3)) == "a/rows.csv, row 24"


def test_csv_with_quotes_line_breaks_empty_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('a,b\n"x,\n""y""",1\n\n2\n1,2,3\n', encoding="utf-8-sig")
    [part] = parts(tmp_path / "rows.csv", Contract.REQUESTS)
    assert part.columns == ("a", "b")
    assert part.items == [['x,\n"y"', "1"], ["2", ""], ["1", "2", "3"]]


def test_a_field_may_be_long_and_the_limit_of_others_stays(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    (tmp_path / "rows.csv").write_text(f"a\n{'x' * 200_000}\n")
    [part] = parts(tmp_path / "rows.csv", Contract.REQUESTS)
    assert len(part.items[0][0]) == 200_000
    assert csv.field_size_limit() == before


# BUG: a long name of a column was an error of the csv module.
def test_the_name_of_a_column_may_be_long(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    (tmp_path / "rows.csv").write_text(f"{'x' * 200_000}\n1\n")
    [part] = parts(tmp_path / "rows.csv", Contract.REQUESTS)
    assert (len(part.columns[0]), part.items) == (200_000, [["1"]])
    assert csv.field_size_limit() == before


# BUG: a quote that is never closed made one value of the rest of the file.
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('a,b\n1,2\n\n3,"4\n5,6\n', "begins in line 4: unexpected end of data"),
        ('a,b\n"1\n2",2\n3,"4\n5,"6"\n', "begins in line 4: "),
        ('a,"b\n1,2\n', "begins in line 1: unexpected end of data"),
    ],
)
def test_a_quote_that_is_not_closed_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "rows.csv").write_text(content)
    with pytest.raises(InputUnusable, match=message):
        parts(tmp_path / "rows.csv", Contract.REQUESTS)


# BUG: the share of the file that is read was that of its buffer: all of it at once.
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("contract", [Contract.REQUESTS, Contract.TABLE])
def test_the_position_is_that_of_the_rows(table: Any, suffix: str, contract: Contract) -> None:
    found = parts(table(suffix), contract, Size(5))
    assert [part.position for part in found] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], abs=0.05)
    assert found[-1].position == 1.0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", '\ufeffa\r\n"ä\r\nö"\r\n2\r\n3\r\n4\r\n\r\n'),
        ("rows.jsonl", '\ufeff["ä"]\r\n2\r\n[3]\r\n4\r\n\r\n'),
    ],
)
def test_the_position_grows_to_the_end(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    found = [part.position for part in parts(tmp_path / name, Contract.REQUESTS, Size(1))]
    assert (len(found), sorted(set(found)), found[-1]) == (4, found, 1.0)


def test_a_line_of_json_keeps_its_own_line_breaks(tmp_path: Path) -> None:
    lines = [json.dumps({"a": "\u2028 \x0b"}, ensure_ascii=False), "", "[1]"]
    (tmp_path / "rows.ndjson").write_text("\n".join(lines), encoding="utf-8")
    [part] = parts(tmp_path / "rows.ndjson", Contract.REQUESTS)
    assert part.items == [lines[0], "[1]"]


# BUG: as DataFrames, two columns of one name were called a and a.1.
@pytest.mark.parametrize("contract", [Contract.REQUESTS, Contract.TABLE])
@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no first line"), (b"a,a\n1,2\n", "two of its columns"), (b"a\n\xff\n", "utf-8")],
)
def test_a_csv_file_that_cannot_be_read_is_named(
    tmp_path: Path, contract: Contract, content: bytes, message: str
) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(InputUnusable, match=message) as refused:
        parts(tmp_path / "rows.csv", contract)
    assert str(tmp_path / "rows.csv") in str(refused.value)


def test_a_parquet_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"nonsense")
    with pytest.raises(InputUnusable, match=r"rows\.parquet"):
        parts(tmp_path / "rows.parquet", Contract.REQUESTS)


# -- halves -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", [Contract.REQUESTS, Contract.TABLE])
def test_halves_know_where_their_items_are_from(table: Any, contract: Contract) -> None:
    part = parts(table(".csv"), contract)[0]
    first, second = part.halves()
    assert [(half.first, len(half)) for half in (first, second)] == [(1, 12), (13, 13)]
    assert first.halves()[1].first == 7
    assert parts(table(".csv"), contract, Size(1))[0].halves() == []
