"""Files that URLs name: found and read as those that paths name are."""

from __future__ import annotations

import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from scoringhost.batch.parts import Contract
from scoringhost.batch.reading import InputUnusable, Source
from scoringhost.errors import MissingExtra
from scoringhost.tabular.pieces import Size
from scoringhost.tabular.url_files import UrlFile, file_of, find


@pytest.fixture
def store() -> Iterator[fsspec.AbstractFileSystem]:
    """The file system memory://, with three files of rows and one that is hidden."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/in/a.csv", b"\xef\xbb\xbfx,y\n1,2\n\xc3\xa9,\n")
    memory.pipe("/in/sub/b.jsonl", b'{"x": 1}\n{"x": null}\n')
    memory.pipe("/in/.hidden/c.csv", b"x\n1\n")
    with memory.open("/in/c.parquet", "wb") as file:
        pd.DataFrame({"x": [1, None]}).to_parquet(file)
    yield memory
    memory.rm("/in", recursive=True)


def local_copy(store: fsspec.AbstractFileSystem, folder: Path) -> Path:
    store.get("/in/", str(folder / "in"), recursive=True)
    return folder / "in"


@pytest.mark.parametrize("contract", [Contract.REQUESTS, Contract.TABLE])
@pytest.mark.parametrize("size", [Size(1), Size(1000), Size(10, bytes=True)], ids=str)
def test_mini_batches_of_urls_are_those_of_the_same_files(
    store: fsspec.AbstractFileSystem, tmp_path: Path, contract: Contract, size: Size
) -> None:
    paths = list(Source.find(str(local_copy(store, tmp_path))).parts(contract, size))
    urls = list(Source.find("memory://in").parts(contract, size))
    assert [str(part) for part in urls] == [str(part) for part in paths]
    assert [part.file for part in urls] != []


def test_a_file_a_folder_and_a_pattern_are_found(store: fsspec.AbstractFileSystem) -> None:
    assert find("memory://in/a.csv")[1] == [""]
    assert find("memory://in")[1] == ["a.csv", "c.parquet", "sub/b.jsonl"]
    assert [str(file) for file in find("memory://in/*.csv")[0]] == ["memory:///in/a.csv"]
    assert find("memory://nowhere") == ([], [])


def test_whole_files_are_handed_on_by_their_urls(store: fsspec.AbstractFileSystem) -> None:
    [part] = Source.find("memory://in").parts(Contract.FILES, None)
    assert part.items[0] == "memory:///in/a.csv"
    with file_of(part.items[0]).open("rb") as file:
        assert file.read().endswith(b"\xc3\xa9,\n")


def test_a_file_that_has_changed_is_another_input(store: fsspec.AbstractFileSystem) -> None:
    before = Source.find("memory://in").identity()
    assert Source.find("memory://in").identity() == before
    store.pipe("/in/a.csv", b"x,y\n1,2\n5,6\n")
    assert Source.find("memory://in").identity() != before


def test_files_in_an_archive_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
        archive.writestr("in/a.csv", "x\n1\n")
    [part] = Source.find(f"zip://in/*.csv::file://{tmp_path}/rows.zip").parts(Contract.REQUESTS, None)
    assert (part.items, part.file) == ([["1"]], "in/a.csv")


def test_it_is_pickled_without_its_connection(store: fsspec.AbstractFileSystem) -> None:
    file = pickle.loads(pickle.dumps(UrlFile("memory://in", "/in/a.csv")))
    assert (file.suffix, file.stat().st_size) == (".csv", 15)


def test_arrows_file_system_is_taken_where_fsspec_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for s3:// without s3fs: here fsspec does not know file:// any more, and Arrow does."""
    (tmp_path / "a.csv").write_text("x\n1\n")

    def unknown(url: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", unknown)
    source = Source.find(f"file://{tmp_path}")
    [part] = source.parts(Contract.REQUESTS, None)
    assert (part.items, part.file) == ([["1"]], "a.csv")
    assert source.identity() == Source.find(f"file://{tmp_path}").identity()


def test_what_cannot_be_found_or_read_is_told() -> None:
    with pytest.raises(InputUnusable, match="memory://in: there is no such file or folder"):
        Source.find("memory://in")
    with pytest.raises(InputUnusable, match="unheard-of"):
        Source.find("unheard-of://in")


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtra, match="fsspec is not installed"):
        Source.find("memory://not-asked-for-before")
