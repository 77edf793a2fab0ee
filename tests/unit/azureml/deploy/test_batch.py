"""Many calls at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scoringhost.azureml.common import HttpException
from scoringhost.azureml.deploy import DeployClient
from tests.unit.azureml.deploy.conftest import Told, described

RECORDS = [{"x": 1, "y": 2.5}, {"x": 2, "y": None}]
PATH = "/api/my-svc/v1/batch"


@pytest.fixture
def service(told: Told, client: DeployClient) -> Any:
    told.will_answer("GET /services/my-svc", [described()])
    told.will_answer(f"POST {PATH}?parallelCount=3", {"batchExecutionId": "7", "BatchExecutionId": "7"}, status=202)
    return client.get_service("my-svc")


def _result(value: Any, error: str = "") -> dict[str, Any]:
    outputs = {} if error else {"answer": value}
    return {"success": not error, "errorMessage": error, "consoleOutput": "", "changedFiles": [], "outputFiles": {},
            "outputParameters": outputs}  # fmt: skip


@pytest.mark.parametrize(
    "records",
    [
        RECORDS,
        {"y": [2.5, float("nan")], "x": [1, 2.0], "more": ["a", "b"]},
        pd.DataFrame({"more": ["a", "b"], "y": [2.5, None], "x": [1, 2]}),
    ],
    ids=["list", "dict", "frame"],
)
def test_records_are_taken_in_all_three_forms(told: Told, service: Any, records: Any) -> None:
    batch = service.batch(records, parallel_count=3)
    assert batch.records == RECORDS
    assert batch.execution_id is None
    assert batch.start() is batch
    assert batch.start().execution_id == "7"
    assert told.sent() == RECORDS
    assert sum(one.method == "POST" for one in told.asked) == 1


@pytest.mark.parametrize(
    ("records", "named"),
    [
        ([], "records: there is none"),
        ({"x": [], "y": []}, "records: there is none"),
        ([{"x": 1, "y": 1}, {"x": 1.5, "y": 1}], "records[1]: input 'x'"),
        ([{"x": 1}], "records[0]: input 'y' is missing"),
        ([{"x": 1, "y": 1, "z": 1}], "records[0]: there is no input 'z'"),
        ([3], "records[0]: a dict of inputs"),
        ({"x": [1]}, "records: input 'y' is missing"),
        ({"x": [1, 2], "y": [1]}, "records: all inputs must have one length; they have x: 2, y: 1"),
        (3, "records: a DataFrame"),
        ({"x": [1, 2], "y": [1, "a"]}, "records[1]: input 'y'"),
    ],
    ids=str,
)
def test_records_that_do_not_fit_are_refused_by_name(service: Any, told: Told, records: Any, named: str) -> None:
    with pytest.raises(ValueError) as caught:
        service.batch(records)
    assert named in str(caught.value)
    assert told.asked[-1].method == "GET"


@pytest.mark.parametrize("count", [0, -1, 1.5, "3", True])
def test_how_many_at_once_is_a_number(service: Any, count: Any) -> None:
    with pytest.raises(ValueError, match="parallel_count"):
        service.batch(RECORDS, parallel_count=count)


def test_a_service_without_inputs_takes_a_list_of_empty_records(told: Told, client: DeployClient) -> None:
    told.will_answer("GET /services/my-svc", [described(inputParameterDefinitions=[])])
    service = client.get_service("my-svc")
    assert service.batch([{}, {}]).records == [{}, {}]
    with pytest.raises(ValueError, match="no inputs"):
        service.batch({})


def test_before_it_is_started_there_are_no_results_and_nothing_to_end(service: Any) -> None:
    batch = service.batch(RECORDS)
    assert batch.results() is None
    for action in (
        batch.cancel,
        lambda: batch.artifact(0, "a"),
        lambda: batch.list_artifacts(0),
        lambda: batch.download(0),
    ):
        with pytest.raises(ValueError, match="not started"):
            action()


def test_results_are_of_the_first_records_that_are_done(told: Told, service: Any) -> None:
    said = {"state": "InProgress", "completedItemCount": 2, "totalItemCount": 3,
            "batchExecutionResults": [_result(1.5), _result(None, "ValueError: two")]}  # fmt: skip
    told.will_answer(f"GET {PATH}/9?showPartialResult=true", said)
    told.will_answer(f"GET {PATH}/9?showPartialResult=false", said | {"batchExecutionResults": []})
    batch = service.get_batch("9")
    found = batch.results()
    assert (found.state, found.completed_item_count, found.total_item_count) == ("InProgress", 2, 3)
    assert (found.execution_id, found.execution(0).output("answer"), found.execution(-1).error) == (
        "9", 1.5, "ValueError: two",
    )  # fmt: skip
    assert found.execution(1).output("answer") is None
    with pytest.raises(IndexError, match="record 2"):
        found.execution(2)
    with pytest.raises(IndexError, match="record 0"):
        batch.results(show_partial_results=False).execution(0)
    assert "state: InProgress" in str(found)


def test_it_is_cancelled_and_listed(told: Told, service: Any) -> None:
    told.will_answer(f"DELETE {PATH}/9", ["9"])
    told.will_answer(f"GET {PATH}", ["9", "8"])
    service.get_batch("9").cancel()
    assert service.list_batch_executions() == ["9", "8"]
    with pytest.raises(HttpException) as caught:
        service.get_batch("5").cancel()
    assert caught.value.status == 404


def test_files_of_a_record_are_downloaded(
    told: Told, service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.will_answer(f"GET {PATH}/9/4/files", ["a.txt", "b c.png"])
    told.will_answer(f"GET {PATH}/9/4/files/a.txt", b"text")
    told.will_answer(f"GET {PATH}/9/4/files/b%20c.png", b"\x89")
    batch = service.get_batch("9")
    assert batch.list_artifacts(4) == ["a.txt", "b c.png"]
    assert batch.artifact(4, "a.txt") == b"text"
    assert batch.download(4, destination=tmp_path) == [str(tmp_path / "a.txt"), str(tmp_path / "b c.png")]
    assert (tmp_path / "b c.png").read_bytes() == b"\x89"
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert batch.download(4, file_name="a.txt") == [str(here / "a.txt")]
    with pytest.raises(ValueError, match="destination"):
        batch.download(4, destination=tmp_path / "nowhere")


def test_a_server_does_not_choose_where_files_are_written(told: Told, service: Any, tmp_path: Path) -> None:
    told.will_answer(f"GET {PATH}/9/0/files", ["../out.txt"])
    with pytest.raises(ValueError, match=r"\.\./out\.txt"):
        service.get_batch("9").download(0, destination=tmp_path)
