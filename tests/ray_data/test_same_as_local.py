"""The engine Ray against processes of this machine: the same rows give the same results and the same errors."""

from __future__ import annotations

import json
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

SUMS = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema

def init():
    pass

@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
def run(data):
    if (data[:, 0] < 0).any():
        raise ValueError("negative")
    return data.sum(axis=1) * 2
"""

KINDS = """
import pandas as pd

def init():
    pass

def run(mini_batch: pd.DataFrame, mini_batch_context):
    for _, row in mini_batch.iterrows():
        if row.get("n") == 13:
            raise ValueError("thirteen")
        kinds = {name: str(kind) for name, kind in mini_batch.dtypes.items()}
        yield {"values": {name: repr(value) for name, value in row.items()}, "kinds": kinds,
               "index": mini_batch_context.minibatch_index, "dataset": mini_batch_context.dataset}
"""

ECHO = """
import json

def init():
    pass

def run(raw):
    return json.loads(raw)
"""

FILES = """
import os, signal, time

def init():
    pass

def run(mini_batch):
    results = []
    for path in mini_batch:
        text = open(path).read()
        if text == "raise":
            raise ValueError("this one is bad")
        if text == "die":
            os._exit(7)
        if text == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if text == "hang":
            time.sleep(3600)
        if text != "skip":
            results.append(f"{os.path.basename(path)}: {text}")
    return results
"""


def test_rows_of_several_csv_files_with_bad_ones_and_files_without_rows(both: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows = [f"{number},1" for number in range(900)]
    rows[17], rows[120], rows[300], rows[899] = "-1,1", "a word,1", ",1", "1,2,3"
    (tmp_path / "in/a.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    (tmp_path / "in/b.jsonl").write_text("")
    (tmp_path / "in/c.csv").write_text("x,y\n")
    (tmp_path / "in/d.csv").write_text("x,y\n1,2\n-1,2\n3,4\n")
    text = both(SUMS, "in", "csv", "--mini-batch-size", "50")
    assert len(text.splitlines()) == 1 + 897 + 2


def test_texts_of_a_csv_file_in_any_script(both: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        'id,näme,when,flag\n007,"a, ""b""\nc",2026-11-30,TRUE\n1.10,日本語,,\n,é,2026-11-30T10:00:00Z,false\n',
        encoding="utf-8-sig",
    )
    lines = both(ECHO, "rows.csv", "jsonl", "--mini-batch-size", "1").splitlines()
    assert json.loads(lines[1])["result"]["näme"] == "日本語"


def frame() -> pd.DataFrame:
    """All kinds of columns, with values missing where their kinds allow it."""
    return pd.DataFrame(
        {
            "n": range(40),
            "gaps": pd.array([None if n % 7 == 0 else n for n in range(40)], dtype="Int64"),
            "x": [None if n % 5 == 0 else n / 3 for n in range(40)],
            "flag": [None if n % 9 == 0 else n % 2 == 0 for n in range(40)],
            "text": [None if n % 4 == 0 else f"é{n}" for n in range(40)],
            "day": [date(2026, 11, 1) + timedelta(days=n) for n in range(40)],
            "when": [None if n == 3 else datetime(2026, 11, 30, 10, n) for n in range(40)],
            "there": pd.date_range("2026-03-28", periods=40, freq="h", tz="Europe/Berlin"),
            "spent": [timedelta(seconds=n, microseconds=5) for n in range(40)],
            "price": [Decimal(n) / 4 for n in range(40)],
            "list": [[n, n + 1] for n in range(40)],
        }
    )


def test_all_kinds_of_columns_of_parquet_files_as_rows(both: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    frame().to_parquet(tmp_path / "in/a.parquet")
    frame()[::-1].to_parquet(tmp_path / "in/b.parquet")
    frame()[:0].to_parquet(tmp_path / "in/empty.parquet")
    lines = both(ECHO, "in", "jsonl", "--mini-batch-size", "7").splitlines()
    assert list(json.loads(lines[0])["result"]) == list(frame().columns)
    assert len(lines) == 80


def test_parquet_as_tables_with_the_number_of_each_mini_batch(both: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    frame().to_parquet(tmp_path / "in/a.parquet")
    (tmp_path / "in/b.jsonl").write_text('{"n": 13}\n{"n": null, "more": "1.10"}\n\n{"n": 2, "more": true}\n')
    (tmp_path / "in/c.csv").write_text("n,day\n1,2026-11-30\n2,\n,x\n")
    lines = both(KINDS, "in", "jsonl", "--mini-batch-size", "8").splitlines()
    assert len(lines) == 39 + 2 + 3
    assert json.loads(lines[-1])["index"] == 6


def test_files_that_end_the_process_or_never_end_fail_alone(both: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number, text in enumerate(["a", "raise", "b", "die", "c", "kill", "hang", "d", "skip"]):
        (tmp_path / "in" / f"{number}.txt").write_text(text)
    text = both(FILES, "in", "csv", "--timeout", "2", "--mini-batch-size", "4")
    assert text == "0.txt: a\n2.txt: b\n4.txt: c\n7.txt: d\n"


def test_rows_that_urls_name(both: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
        archive.writestr("in/a.csv", "x,y\n1,2\n-1,2\n")
        archive.writestr("in/b.jsonl", "[3, 4]\n[5]\n")
        frame()[["x", "gaps"]].to_parquet(tmp_path / "c.parquet")
        archive.write(tmp_path / "c.parquet", "in/c.parquet")
    text = both(SUMS, f"zip://in/*::file://{tmp_path}/rows.zip", "csv")
    assert text.startswith("file,row,result\nin/a.csv,1,6.0\nin/b.jsonl,1,14.0\n")


def test_an_input_without_rows_and_one_that_breaks_off(both: Any, on_ray: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x,y\n")
    assert both(SUMS, "rows.csv", "csv") == ""
    (tmp_path / "rows.csv").write_text("x,y\n" + "1,2\n" * 25 + '"never closed,1\n')
    done = on_ray(SUMS, "--input", "rows.csv", "--output", "out.csv", "--mini-batch-size", "5")
    assert done.returncode == 2
    assert "rows.csv: " in done.stderr
    assert "the same command goes on" not in done.stderr
