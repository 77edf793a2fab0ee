"""Datasets, as far as models and profiles need them."""

from pathlib import Path

import pytest

from scoringhost.azureml.core import Dataset, Datastore, Workspace
from scoringhost.azureml.data import dataset_type_definitions
from scoringhost.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from scoringhost.azureml.exceptions import UserErrorException


def test_lines_of_one_column_are_texts_as_profiling_wants_them(ws: Workspace, here: Path):
    (here / "requests.txt").write_text('{"data": [1, 2]}\n{"data": [3, 4]}\n')
    store = Datastore.get_default(ws)
    store.upload_files(["./requests.txt"], target_path="sample")
    made = Dataset.Tabular.from_delimited_files(
        [(store, "sample/requests.txt")],
        separator="\n",
        infer_column_types=True,
        header=dataset_type_definitions.PromoteHeadersBehavior.NO_HEADERS,
    ).register(workspace=ws, name="sample", create_new_version=True)
    assert list(made.rows()) == [['{"data": [1, 2]}'], ['{"data": [3, 4]}']]
    assert (made.name, made.version) == ("sample", 1)
    found = Dataset.get_by_name(ws, "sample")
    assert found.take(1) == [['{"data": [1, 2]}']]
    assert Dataset.get_by_id(ws, made.id).id == made.id
    assert list(ws.datasets) == ["sample"]


@pytest.mark.parametrize(("header", "rows"), [
    (True, ["1", "3"]), (False, ["a", "1", "a", "3"]),
    (PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS, ["1", "a", "3"]),
])  # fmt: skip
def test_headers_are_left_out_as_it_is_said(here: Path, header: object, rows: list[str]):
    (here / "1.csv").write_text("a,b\n1,2\n")
    (here / "2.csv").write_text("a,b\n3,4\n")
    made = Dataset.Tabular.from_delimited_files(["1.csv", "2.csv"], header=header)  # type: ignore[arg-type]
    assert [row[0] for row in made.rows()] == rows


def test_another_dataset_of_a_name_needs_leave_for_a_new_version(ws: Workspace, here: Path):
    first = Dataset.File.from_files("1.csv").register(ws, "d")
    assert Dataset.File.from_files("1.csv").register(ws, "d").version == first.version == 1
    with pytest.raises(UserErrorException, match="create_new_version=True"):
        Dataset.File.from_files("2.csv").register(ws, "d")
    assert Dataset.File.from_files("2.csv").register(ws, "d", create_new_version=True).version == 2
    assert Dataset.get_by_name(ws, "d", version=1).id == first.id


def test_files_are_found_by_pattern_and_copied(here: Path):
    for name in ("in/a.txt", "in/b/c.txt", "in/b/d.csv"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    assert [Path(one).name for one in Dataset.File.from_files("in/**/*.txt").to_path()] == ["a.txt", "c.txt"]
    assert len(Dataset.File.from_files("in").to_path()) == 3
    made = Dataset.File.from_files("in/a.txt")
    assert made.download("out") == ["out/a.txt"]
    with pytest.raises(UserErrorException, match="there already"):
        made.download("out")
    with pytest.raises(UserErrorException, match="no file at"):
        Dataset.File.from_files("nothing").to_path()


def test_lines_of_json_are_rows(here: Path):
    (here / "a.jsonl").write_text('{"a": 1, "b": "x"}\n\n{"a": 2, "b": "y"}\n')
    assert Dataset.Tabular.from_json_lines_files("a.jsonl").take(9) == [[1, "x"], [2, "y"]]


@pytest.mark.parametrize("given", ["https://host/x.csv", 3, []])
def test_what_is_no_path_of_this_machine_is_refused(given: object):
    with pytest.raises(UserErrorException):
        Dataset.Tabular.from_delimited_files(given)


def test_nothing_is_written_out_of_the_datastore(ws: Workspace, here: Path):
    (here / "a.txt").write_text("1")
    store = ws.get_default_datastore()
    with pytest.raises(UserErrorException, match="not in the datastore"):
        store.upload_files(["a.txt"], target_path="../..")
    store.upload_files(["a.txt"])
    (here / "a.txt").write_text("2")
    store.upload_files(["a.txt"])
    assert store.path("a.txt").local.read_text() == "1"
    store.upload(".", overwrite=True)
    assert store.path("a.txt").local.read_text() == "2"
    with pytest.raises(UserErrorException, match="workspaceblobstore"):
        Datastore.get(ws, "other")
