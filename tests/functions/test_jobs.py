"""Scoring in the background, against a real storage emulator: jobs, files, and what is poisonous."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

if TYPE_CHECKING:
    from tests.conftest import Reply
    from tests.functions.conftest import RunningApp

SCRIPTS = Path(__file__).parent / "scripts"
ECHO = SCRIPTS.parent.parent / "conformance" / "scripts" / "text.py"
JSON = [("Content-Type", "application/json"), ("x-request-id", "mine")]
WITHIN_S = 30.0


@pytest.fixture(scope="session")
def blobs(storage: str) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(storage) as client:
        yield client


@pytest.fixture(scope="module")
def with_jobs(
    launch: Callable[..., RunningApp], app_folder: Callable[..., Path], storage: str, tmp_path_factory: Any
) -> Iterator[Callable[..., RunningApp]]:
    """with_jobs(script): a function app with jobs, one at a time, as all take from the same queue."""
    running: list[RunningApp] = []

    def with_jobs(script: Path, **settings: object) -> RunningApp:
        while running:
            running.pop().close()
        folder = app_folder(tmp_path_factory.mktemp("app"))
        app = launch(folder, "--storage", storage, script=script, jobs=True, AzureWebJobsStorage=storage, **settings)
        running.append(app)
        return app.wait_ready()

    yield with_jobs
    for app in running:
        app.close()


@pytest.fixture(scope="module")
def app(with_jobs: Callable[..., RunningApp], tmp_path_factory: Any) -> RunningApp:
    return with_jobs(SCRIPTS / "jobs.py", DEATHS=tmp_path_factory.mktemp("deaths") / "deaths")


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline_s = time.monotonic() + WITHIN_S
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"waited in vain for {what}"
    return found


def submit(app: RunningApp, body: bytes | str, *headers: tuple[str, str]) -> str:
    """Start a job; answers its location."""
    data = body.encode() if isinstance(body, str) else body
    reply = app.ask("POST", "/jobs", headers=list(headers) or JSON, body=data)
    assert reply.status == 202, reply.body
    location = reply.header("Location")
    assert location
    assert reply.json() == {"id": location.removeprefix("/jobs/"), "state": "pending"}
    return location


def outcome(app: RunningApp, location: str) -> Any:
    """The document of a job, once it is over."""

    def over() -> Any:
        reply = app.ask("GET", location)
        assert reply.status == 200, reply.body
        found = reply.json()
        assert (reply.header("Retry-After") is not None) is (found["state"] == "pending")
        return found if found["state"] != "pending" else None

    return until(over, f"the end of {location}")


def ended(state: str, status: int, **rest: object) -> dict[str, object]:
    return {"state": state, "status": status, **rest}


def without_id(document: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in document.items() if name != "id"}


# -- jobs -----------------------------------------------------------------------------------------


def test_a_job_is_accepted_scored_and_read(app: RunningApp) -> None:
    location = submit(app, '{"data": [[1, 2], [3, 4]]}')
    assert without_id(outcome(app, location)) == ended("done", 200, result=[3.0, 7.0])


def test_a_job_is_scored_under_the_id_of_the_request_that_brought_it(app: RunningApp) -> None:
    headers = [JSON[0], ("x-request-id", "of-the-job")]
    outcome(app, submit(app, '{"data": [[1, 2]]}', *headers))
    assert app.log.wait_for(r"POST /jobs 202 .*\[of-the-job")
    assert app.log.wait_for(r"POST /score 200 .*\[of-the-job")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ('{"data": [[1]]}', 400, "'data'"),
        ("no json", 400, "JSON"),
        ('{"data": [[-1, 0]]}', 500, "scoring script"),
    ],
)
def test_a_job_that_fails_says_what_score_would_have_said(app: RunningApp, body: str, status: int, words: str) -> None:
    found = outcome(app, submit(app, body))
    direct = app.score(body, *JSON)
    assert direct.status == status
    assert without_id(found) == ended("error", status, error=direct.json())
    assert words in direct.message


def test_a_body_that_does_not_fit_into_a_message_is_scored_too(app: RunningApp, blobs: BlobServiceClient) -> None:
    rows = [[float(number), 0.5] for number in range(50_000)]
    body = json.dumps({"data": rows})
    assert len(body) > 600_000
    location = submit(app, body)
    found = outcome(app, location)
    assert found["result"] == [number + 0.5 for number in range(50_000)]
    name = location.removeprefix("/jobs/") + ".body"
    container = blobs.get_container_client("scoring-jobs")
    until(lambda: not list(container.list_blobs(name_starts_with=name)), "the body's end")


@pytest.mark.parametrize("job_id", ["0" * 32, "nothing", "..%2Fpoison", "x/y"])
def test_an_unknown_job_is_a_404_in_json(app: RunningApp, job_id: str) -> None:
    reply = app.ask("GET", f"/jobs/{job_id}", headers=[("x-request-id", "mine")])
    assert (reply.status, reply.header("Content-Type")) == (404, "application/json")
    assert reply.header("x-request-id") == "mine"


@pytest.mark.parametrize(("method", "target", "allowed"), [("GET", "/jobs", "POST"), ("PUT", "/jobs/0", "GET, HEAD")])
def test_another_method_is_a_405(app: RunningApp, method: str, target: str, allowed: str) -> None:
    reply = app.ask(method, target)
    assert (reply.status, reply.header("Allow")) == (405, allowed)


# -- what is poisonous ----------------------------------------------------------------------------


def send(storage: str, text: str) -> None:
    """Put a message into the queue, as somebody else would."""
    from azure.storage.queue import QueueClient

    with QueueClient.from_connection_string(storage, "scoring-jobs") as queue:
        queue.send_message(base64.b64encode(text.encode()).decode())


@pytest.mark.parametrize("text", ["no json", "[]", '{"id": "x"}', '{"id":"../x","query":"","headers":{},"body":null}'])
def test_a_message_that_is_none_ends_as_an_error_document(
    app: RunningApp, blobs: BlobServiceClient, storage: str, text: str
) -> None:
    container = blobs.get_container_client("scoring-jobs")
    before = {blob.name for blob in container.list_blobs(name_starts_with="poison/")}
    send(storage, text)

    def added() -> set[str]:
        return {blob.name for blob in container.list_blobs(name_starts_with="poison/")} - before

    (name,) = until(added, "the document of the poison")
    found = json.loads(container.download_blob(name).readall())
    assert (found["state"], found["status"]) == ("error", 400)
    assert found["error"]["message"]


def test_a_job_that_kills_its_worker_ends_as_an_error_and_not_as_an_endless_retry(
    with_jobs: Callable[..., RunningApp], tmp_path: Path
) -> None:
    deaths = tmp_path / "deaths"
    app = with_jobs(SCRIPTS / "jobs.py", DEATHS=deaths)
    location = submit(app, '{"data": [[-2, 0]]}')

    def over() -> Any:
        reply = app.ask("GET", location)  # a bare 500 while the host starts another worker
        return reply.json() if reply.status == 200 and reply.json()["state"] != "pending" else None

    found = until(over, "the end of the job")
    assert (found["state"], found["status"]) == ("error", 500)
    assert "3 attempts" in found["error"]["message"]
    assert deaths.read_text(encoding="utf-8") == "xxx"
    assert without_id(outcome(app, submit(app, '{"data": [[1, 2]]}'))) == ended("done", 200, result=[3.0])


# -- files ----------------------------------------------------------------------------------------


def upload(blobs: BlobServiceClient, name: str, content: bytes | str) -> None:
    container = blobs.get_container_client("scoring-files")
    if not container.exists():
        container.create_container()
    container.upload_blob(f"in/{name}", content, overwrite=True)


def result_of(blobs: BlobServiceClient, name: str) -> Any:
    def read() -> Any:
        try:
            found = json.loads(blobs.get_blob_client("scoring-files", f"out/{name}.json").download_blob().readall())
        except ResourceNotFoundError:
            return None
        return found if found["state"] != "pending" else None

    return until(read, f"the result of {name}")


def test_each_line_of_a_jsonl_file_is_scored(with_jobs: Callable[..., RunningApp], blobs: BlobServiceClient) -> None:
    with_jobs(SCRIPTS / "jobs.py")
    upload(blobs, "rows.jsonl", '{"data": [[1, 2]]}\n\n{"data": [[1]]}\n{"data": [[3, 4]]}\n')
    found = result_of(blobs, "rows.jsonl")
    assert (found["state"], found["rows"], found["failed"]) == ("done", 3, 1)
    assert found["results"][0] == {"first": 1, "rows": 1, "status": 200, "result": [3.0]}
    assert (found["results"][1]["status"], "'data'" in found["results"][1]["error"]["message"]) == (400, True)
    assert found["results"][2]["result"] == [7.0]


def test_the_rows_of_a_csv_file_are_scored_together(blobs: BlobServiceClient) -> None:
    upload(blobs, "rows.csv", "a,b\n" + "".join(f"{number},0.5\n" for number in range(2500)))
    found = result_of(blobs, "rows.csv")
    assert (found["rows"], found["failed"]) == (2500, 0)
    assert [(part["first"], part["rows"]) for part in found["results"]] == [(1, 1000), (1001, 1000), (2001, 500)]
    assert [one for part in found["results"] for one in part["result"]] == [number + 0.5 for number in range(2500)]


def test_a_bad_row_of_a_csv_file_fails_alone(blobs: BlobServiceClient) -> None:
    rows = [f"{number},0.5" for number in range(1200)]
    rows[700] = "bad,0.5"
    upload(blobs, "bad.csv", "a,b\n" + "\n".join(rows))
    found = result_of(blobs, "bad.csv")
    assert (found["rows"], found["failed"]) == (1200, 1)
    (bad,) = [part for part in found["results"] if part["status"] == 400]
    assert (bad["first"], bad["rows"], "bad" in bad["error"]["message"]) == (701, 1, True)
    fine = [one for part in found["results"] for one in part.get("result", [])]
    assert fine == [number + 0.5 for number in range(1200) if number != 700]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("notes.txt", b"x", "csv"), ("empty.csv", b"a,b\n", "no rows"), ("latin.jsonl", b"\xff\xfe", "UTF-8")],
)
def test_a_file_that_cannot_be_read_ends_as_an_error(
    blobs: BlobServiceClient, name: str, content: bytes, words: str
) -> None:
    upload(blobs, name, content)
    found = result_of(blobs, name)
    assert (found["state"], words in found["error"]["message"]) == ("error", True)


def test_a_file_that_kills_its_worker_ends_as_an_error(
    with_jobs: Callable[..., RunningApp], blobs: BlobServiceClient, tmp_path: Path
) -> None:
    deaths = tmp_path / "deaths"
    with_jobs(SCRIPTS / "jobs.py", DEATHS=deaths)
    upload(blobs, "deadly.csv", "a,b\n-2,0\n")
    found = result_of(blobs, "deadly.csv")
    assert (found["state"], "3 attempts" in found["error"]["message"]) == ("error", True)
    assert deaths.read_text(encoding="utf-8") == "xxx"


def test_the_columns_of_a_csv_file_are_those_of_a_declared_table(
    with_jobs: Callable[..., RunningApp], blobs: BlobServiceClient
) -> None:
    with_jobs(SCRIPTS / "table.py")
    upload(blobs, "people.csv", "age,zip,size\n30,01067,1.75\n41,80331,\n")
    assert [part["result"] for part in result_of(blobs, "people.csv")["results"]] == [["01067/30", "80331/41"]]


def test_an_undecorated_run_gets_one_row_at_a_time(
    with_jobs: Callable[..., RunningApp], blobs: BlobServiceClient
) -> None:
    app: Any = with_jobs(ECHO)
    upload(blobs, "text.csv", "a,b\n1,x\n2,\n")
    texts = [json.loads(part["result"]["text"]) for part in result_of(blobs, "text.csv")["results"]]
    assert texts == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert app.log.wait_for("file text.csv: 2 rows, 0 failed")


# -- without a storage account --------------------------------------------------------------------


def test_without_a_storage_account_a_job_is_refused_with_the_reason(
    launch: Callable[..., RunningApp], app_folder: Callable[..., Path], tmp_path: Path
) -> None:
    app = launch(app_folder(tmp_path / "app"), script=ECHO, jobs=True).wait_ready()
    try:
        reply: Reply = app.ask("POST", "/jobs", body=b"x")
        assert (reply.status, "AzureWebJobsStorage" in reply.message) == (500, True)
        assert app.score("x").status == 200
    finally:
        app.close()
