"""Data collection: what is kept of requests, of streams, and of what scripts collect themselves."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from scoringhost.errors import MissingExtra, SettingsError
from scoringhost.recording.collection import is_in_share
from scoringhost.testing import Client, serve

Kept = Callable[[Path], list[dict[str, Any]]]
ROW = {"data": [[1.5, 2.0]], "act": "add"}


def score(client: Client, act: str = "add", **headers: str) -> int:
    body = json.dumps({**ROW, "act": act})
    given = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.request("POST", "/score", body=body, headers=given).status


def requests_of(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if "method" in record]


def test_a_request_and_its_answer_are_a_line_of_json_by_service_version_and_date(
    script: Path, tmp_path: Path, kept: Kept
) -> None:
    out = tmp_path / "out"
    with serve(
        script, environ={}, collect_to=str(out), service_name="../house prices", service_version="2.1"
    ) as client:
        assert score(client, X_Mine="yes") == 200
    (record,) = kept(out)
    assert record["request_body"] == ROW
    assert (record["response_body"], record["status"], record["response_bytes"]) == ([3.5], 200, 5)
    assert (record["service"], record["version"], record["method"], record["path"]) == (
        *("../house prices", "2.1"),
        *("POST", "/score"),
    )
    assert record["request_headers"]["x-mine"] == "yes"
    assert record["id"] == record["response_headers"]["x-request-id"]
    assert record["elapsed_ms"] > 0
    (file,) = (path for path in out.rglob("*") if path.is_file())
    name = file.relative_to(out).as_posix()
    assert re.fullmatch(r"_house_prices/2\.1/\d{4}-\d\d-\d\d/requests-\d{6}-[\w.-]+\.jsonl", name), name
    assert record["time"].startswith(file.parent.name)


def test_nothing_is_kept_unless_it_is_asked_for(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with serve(script, environ={}) as client:
        assert score(client, "collect") == 200
        assert client._site.closings == []
    assert not (tmp_path / "collected").exists()


def test_azures_variable_collects_beside_the_service(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    monkeypatch.chdir(tmp_path)
    with serve(script, environ={"AML_MODEL_DC_STORAGE_ENABLED": "true"}) as client:
        score(client)
    assert len(kept(tmp_path / "collected")) == 1


def test_secrets_are_in_no_record(script: Path, tmp_path: Path) -> None:
    secret = "s3cr3t"
    headers = ("Authorization", "x-api-key", "Cookie", "x-functions-key", "Proxy-Authorization", "x-ms-token-aad")
    with serve(script, environ={}, collect_to=str(tmp_path / "out"), primary_key=secret) as client:
        for at in range(2):
            name = ("Authorization", "x-api-key")[at]
            value = f"Bearer {secret}" if at == 0 else secret
            given = {header: secret for header in headers if header not in ("Authorization", "x-api-key")}
            answer = client.request(
                "POST",
                f"/score?code={secret}&n=1&api_key={secret}",
                body=ROW,
                headers={**given, name: value, "Content-Type": "application/json"},
            )
            assert answer.status == 200
    (file,) = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    text = file.read_text()
    assert text.count("/score?code=removed&n=1&api_key=removed") == 2
    assert secret not in text
    assert '"caller":"primary"' in text


def test_what_a_guard_refuses_is_not_kept(script: Path, tmp_path: Path, kept: Kept) -> None:
    with serve(script, environ={}, collect_to=str(tmp_path / "out"), primary_key="k") as client:
        assert score(client) == 401
    assert kept(tmp_path / "out") == []


def test_neither_health_nor_documents_are_kept_and_failures_are(script: Path, tmp_path: Path, kept: Kept) -> None:
    with serve(script, environ={}, collect_to=str(tmp_path / "out")) as client:
        statuses = [client.request("GET", path).status for path in ("/", "/swagger.json", "/nothing")]
        assert statuses == [200, 200, 404]
        assert score(client, "fail") == 500
        assert client.request("POST", "/score", body="{", headers={"Content-Type": "application/json"}).status == 400
    assert [record["status"] for record in kept(tmp_path / "out")] == [500, 400]


def test_a_stream_is_kept_once_it_has_ended(script: Path, tmp_path: Path, kept: Kept) -> None:
    with serve(script, environ={}, collect_to=str(tmp_path / "out")) as client:
        assert score(client, "stream") == 200
        assert score(client, "break") == 200
    whole, broken = kept(tmp_path / "out")
    assert (whole["response_body"], whole["response_form"], whole["response_cut"]) == ("3.5\n", "text", False)
    assert (broken["response_body"], broken["response_cut"]) == ("1\n", True)


def test_a_long_body_is_cut_off(script: Path, tmp_path: Path, kept: Kept) -> None:
    with serve(script, environ={}, collect_to=str(tmp_path / "out"), keep_body_kb=1) as client:
        assert client.score({"data": [[1.25, 2]] * 900, "act": "add"}) == [3.25] * 900
    (record,) = kept(tmp_path / "out")
    assert (record["request_cut"], record["response_cut"]) == (True, True)
    assert len(record["request_body"]) == len(record["response_body"]) == 1024
    assert record["request_bytes"] > 8000


def test_a_packed_body_is_kept_unpacked(script: Path, tmp_path: Path, kept: Kept) -> None:
    body = gzip.compress(json.dumps(ROW).encode())
    with serve(script, environ={}, collect_to=str(tmp_path / "out"), redact="hide") as client:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        assert client.request("POST", "/score", body=body, headers=headers).status == 200
        assert client.request("POST", "/score", body=b"no gzip", headers=headers).status == 400
    record, unreadable = kept(tmp_path / "out")
    assert record["request_body"] == {"data": "hidden", "act": "add"}
    assert "content-encoding" not in record["request_headers"]
    assert (unreadable["request_body"], unreadable["request_cut"]) == ("", True)


def test_a_share_is_chosen_by_the_id_of_the_request(script: Path, tmp_path: Path, kept: Kept) -> None:
    ids = [f"request-{number}" for number in range(200)]
    chosen = [one for one in ids if is_in_share(one, 0.25)]
    assert 20 < len(chosen) < 80
    assert not any(is_in_share(one, 0.0) for one in ids)
    with serve(script, environ={}, collect_to=str(tmp_path / "out"), collect_share=0.25) as client:
        for one in ids:
            assert score(client, "collect", x_request_id=one) == 200
    records = kept(tmp_path / "out")
    assert [record["id"] for record in requests_of(records)] == chosen
    assert {record["request_id"] for record in records if "collector" in record} == set(chosen)


# -- what scripts collect -------------------------------------------------------------------------


def test_azures_collectors_write_beside_the_requests(script: Path, tmp_path: Path, kept: Kept) -> None:
    with serve(script, environ={}, collect_to=str(tmp_path / "out")) as client:
        assert score(client, "collect") == 200
        assert [type(error).__name__ for error in client.module.errors] == ["ResultNotEncodable"]
    records = kept(tmp_path / "out")
    by_name = {record.get("collector", "requests"): record for record in records}
    assert sorted(by_name) == ["model_inputs", "model_outputs", "requests", "ridge.inputs"]
    inputs, outputs, older = by_name["model_inputs"], by_name["model_outputs"], by_name["ridge.inputs"]
    assert inputs["data_body"] == [[1.5, 2.0]], "as they were when they were collected"
    assert outputs["data_body"] == {"sums": [5.5]}
    assert inputs["id"] == outputs["id"]
    assert older["feature_names"] == ["a", "b"]
    assert older["id"] == inputs["request_id"] == by_name["requests"]["id"]


def test_each_of_two_scripts_in_one_process_collects_for_itself(script: Path, tmp_path: Path, kept: Kept) -> None:
    other = tmp_path / "other" / "score.py"
    other.parent.mkdir()
    other.write_text(script.read_text())
    with (
        serve(script, environ={}, collect_to=str(tmp_path / "a")) as first,
        serve(other, environ={}, collect_to=str(tmp_path / "b")) as second,
    ):
        score(second, "collect")
        score(first)
    assert len([record for record in kept(tmp_path / "b") if "collector" in record]) == 3
    assert [record.get("collector") for record in kept(tmp_path / "a")] == [None]


# -- redaction ------------------------------------------------------------------------------------


def test_every_record_goes_through_a_function_of_the_script(script: Path, tmp_path: Path, kept: Kept) -> None:
    with serve(script, environ={}, collect_to=str(tmp_path / "out"), redact="hide") as client:
        score(client)
    assert kept(tmp_path / "out")[0]["request_body"] == {"data": "hidden", "act": "add"}


def test_or_through_one_of_another_module(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    (tmp_path / "redaction_of_mine.py").write_text("def hide(record):\n    return {'only': record['status']}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with serve(script, environ={}, collect_to=str(tmp_path / "out"), redact="redaction_of_mine:hide") as client:
        score(client)
    assert kept(tmp_path / "out") == [{"only": 200}]


@pytest.mark.parametrize(
    ("redact", "said"),
    [
        ("hide_badly", "1 of the collected requests are lost: redact() failed"),
        ("hide_wrongly", "1 of the collected requests are lost: redact() must return a dict"),
        ("hide_all", ""),
    ],
)
def test_a_record_that_was_not_redacted_is_not_kept(
    script: Path, tmp_path: Path, kept: Kept, caplog: pytest.LogCaptureFixture, redact: str, said: str
) -> None:
    with serve(script, environ={}, collect_to=str(tmp_path / "out"), redact=redact) as client:
        assert score(client) == 200
    assert kept(tmp_path / "out") == []
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert [said in line for line in warnings] == ([True] if said else [])


@pytest.mark.parametrize("name", ["nothing", "no_such_module:hide", "__name__"])
def test_a_function_that_is_not_there_keeps_the_service_from_starting(script: Path, tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(SettingsError, match="redact"),
        serve(script, environ={}, collect_to=str(tmp_path / "out"), redact=name),
    ):
        pass


# -- files ----------------------------------------------------------------------------------------


def test_parquet_has_a_column_for_each_field(script: Path, tmp_path: Path) -> None:
    import pandas as pd

    with serve(script, environ={}, collect_to=str(tmp_path / "out"), collect_format="parquet") as client:
        score(client)
        score(client, "stream")
    (file,) = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    frame = pd.read_parquet(file)
    assert frame["status"].tolist() == [200, 200]
    assert json.loads(frame["request_body"][0]) == ROW
    assert json.loads(frame["request_headers"][0])["content-type"] == "application/json"
    assert frame["response_body"].tolist() == ["[3.5]", "3.5\n"]
    assert frame["response_cut"].tolist() == [False, False]


def test_another_file_is_begun_when_one_is_large(script: Path, tmp_path: Path, kept: Kept) -> None:
    rows = {"data": [[0.1, 0.2]] * 20_000, "act": "add"}  # 240 KB in, 360 KB out
    with serve(script, environ={}, collect_to=str(tmp_path / "out"), collect_file_mb=1, keep_body_kb=1000) as client:
        for _ in range(3):
            client.score(rows)
            client._site.closings[0]()  # as if each had come after the one before was written
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == 3
    assert len(kept(tmp_path / "out")) == 3


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_any_url_of_fsspec_will_do(script: Path, suffix: str) -> None:
    memory = fsspec.filesystem("memory")
    with serve(script, environ={}, collect_to=f"memory://bucket-{suffix}/here/", collect_format=suffix) as client:
        score(client)
        score(client, "collect")
    files = memory.find(f"/bucket-{suffix}/here")
    assert [path.split("/")[3:5] for path in files] == [["ML_service", "1.0"]] * 4
    assert all(memory.size(path) > 100 and path.endswith(suffix) for path in files)


@pytest.mark.parametrize(
    "url", ["nowhere://bucket", "ftp://me:password@host/x", "https://x.blob.core.windows.net/c?sv=1&sig=abc"]
)
def test_a_url_that_is_unknown_or_holds_a_password_keeps_the_service_from_starting(script: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="collect_to") as refused, serve(script, environ={}, collect_to=url):
        pass
    assert "password@" not in str(refused.value)
    assert "sig=abc" not in str(refused.value)


def test_a_missing_package_is_named(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(MissingExtra, match="fsspec"), serve(script, environ={}, collect_to="memory://x"):
        pass


# -- what goes wrong ------------------------------------------------------------------------------


def test_what_run_answers_itself_is_kept_whatever_its_status(tmp_path: Path, kept: Kept) -> None:
    raw = tmp_path / "raw.py"
    raw.write_text(
        "from azureml.contrib.services.aml_request import rawhttp\n"
        "from azureml.contrib.services.aml_response import AMLResponse\n"
        "def init(): pass\n"
        "@rawhttp\n"
        "def run(request): return AMLResponse('none', 404)\n"
    )
    with serve(raw, environ={}, collect_to=str(tmp_path / "out")) as client:
        assert client.request("POST", "/score", body=b"x").status == 404
    assert [record["status"] for record in kept(tmp_path / "out")] == [404]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs to be root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_fails_no_request_and_what_is_kept_stays_whole(
    script: Path, small_disk: Path, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    rows = {"data": [[0.1, 0.2]] * 2000, "act": "add"}  # 24 KB in, 40 KB out
    with serve(script, environ={}, collect_to=str(small_disk / "c"), record_failures=str(small_disk / "r")) as client:
        for _ in range(12):
            assert len(client.score(rows)) == 2000
            assert score(client, "fail") == 500
            client._site.closings[0]()
    records = requests_of(kept(small_disk / "c"))
    assert 2 <= len(records) < 24
    assert all(record["request_cut"] is False for record in records)
    lost = [one.getMessage() for one in caplog.records if "collected requests are lost" in one.getMessage()]
    assert "No space left" in lost[0]
    assert len(lost) <= 13, "it is said now and then, and not for each request"


def test_a_place_that_cannot_be_written_to_fails_no_request(
    script: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with serve(script, environ={}, collect_to=str(tmp_path / "file"), record_failures=str(tmp_path / "file")) as client:
        assert [score(client), score(client, "fail"), score(client, "collect")] == [200, 500, 200]
    said = [one.getMessage() for one in caplog.records]
    assert any(re.match(r"\d of the collected requests are lost: \w+Error", line) for line in said)
    assert any(re.match(r"1 of the recorded requests are lost: \w+Error", line) for line in said)


def test_metrics_count_what_was_kept_and_what_was_lost(script: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with serve(
        script,
        environ={},
        metrics=True,
        collect_to=str(tmp_path / "out"),
        record_failures=str(tmp_path / "file"),
    ) as client:
        score(client, "fail")
        for close in client._site.closings:
            close()
        text = client.request("GET", "/metrics").text
    assert "scoringhost_kept_requests_total 1.0" in text
    assert "scoringhost_lost_records_total 1.0" in text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_leaves_what_is_queued_to_its_parent(script: Path, tmp_path: Path, kept: Kept) -> None:
    with serve(script, environ={}, collect_to=str(tmp_path / "out")) as client:
        score(client)
        child = os.fork()
        if child == 0:
            client._site.closings[0]()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        score(client)
    assert len(kept(tmp_path / "out")) == 2
