"""scoringhost replay: what was kept is sent again, and what differs is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scoringhost.cli import main
from scoringhost.testing import serve

Write = Callable[..., Path]

FIRST = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    global factor
    factor = 2.0


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
def run(data):
    if data[0, 0] < 0:
        raise ValueError("negative")
    return data.sum(axis=1) * factor
"""
HEADERS = {"Content-Type": "application/json"}


def replay(*arguments: object, **environ: str) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)], env=environ)


def reported(*arguments: object) -> tuple[int, dict[str, Any]]:
    result = replay(*arguments, "--format", "json")
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    path = tmp_path / "v1" / "score.py"
    path.parent.mkdir()
    path.write_text(FIRST)
    return path


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A version that is wrong for large numbers, and does not fail for negative ones."""
    path = tmp_path / "v2" / "score.py"
    path.parent.mkdir()
    path.write_text(
        FIRST.replace('raise ValueError("negative")', "return data.sum(axis=1)").replace(
            "* factor", "* factor + (data[:, 0] > 100)"
        )
    )
    return path


@pytest.fixture(params=["jsonl", "parquet"])
def collected(request: pytest.FixtureRequest, first: Path, tmp_path: Path) -> Path:
    """Four requests to the first version: two that are answered, one that fails, and one that is refused."""
    folder = tmp_path / "collected"
    with serve(first, environ={}, collect_to=str(folder), collect_format=request.param) as client:
        for data in ([[1, 2.5]], [[200, 0.1]], [[-1, 0]], "no"):
            client.request("POST", "/score", body={"data": data}, headers=HEADERS)
    return folder


def test_the_same_version_answers_the_same(collected: Path, first: Path) -> None:
    result = replay(collected, first)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "4 requests: 4 the same, 0 different"
    assert [line.split()[0] for line in lines[3:]] == ["recorded", str(first)]


def test_another_version_is_held_against_what_was_recorded(collected: Path, second: Path) -> None:
    code, report = reported(collected, second)
    assert (code, report["requests"], report["same"], report["different"]) == (1, 4, 2, 2)
    found = [one["first"] for one in report["differences"]]
    assert found == [
        [{"at": "body[0]", "before": "400.2", "after": "401.2"}],
        [{"at": "status", "before": "500", "after": "200"}],
    ]
    assert report["before"]["latency_ms"]["p50"] > 0


def test_or_against_the_version_before_whatever_was_recorded(
    collected: Path, first: Path, second: Path, tmp_path: Path
) -> None:
    code, report = reported(collected, first, "--against", second)
    assert (code, report["same"], report["different"]) == (1, 2, 2)
    assert (report["before"]["name"], report["after"]["name"]) == (str(first), str(second))
    assert reported(collected, second, "--against", second)[0] == 0


def test_a_person_reads_which_requests_differ_and_how(collected: Path, second: Path) -> None:
    text = replay(collected, second, "--show", "1").stdout
    assert "4 requests: 2 the same, 2 different\n" in text
    assert "\n  body[0]: 400.2 -> 401.2\n" in text
    assert "and 1 more requests" in text


def test_tolerances_are_a_choice(collected: Path, second: Path) -> None:
    assert reported(collected, second, "--rtol", "0.01")[1]["different"] == 1
    assert reported(collected, second, "--atol", "1")[1]["different"] == 1


def test_no_more_are_sent_than_asked_for(collected: Path, second: Path) -> None:
    assert reported(collected, second, "--most", "1")[1]["requests"] == 1


def test_a_slower_version_is_a_difference_if_that_is_asked_for(collected: Path, first: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        FIRST.replace("factor\n", "factor\n", 1)
        .replace("    if data", "    time.sleep(0.2)\n    if data")
        .replace("import numpy", "import time\nimport numpy")
    )
    assert replay(collected, slow).exit_code == 0
    result = replay(collected, slow, "--max-slowdown", "1.5")
    assert result.exit_code == 1
    assert "the median time has grown by a factor of" in result.stderr


def test_what_was_cut_off_is_not_sent(first: Path, tmp_path: Path) -> None:
    folder = tmp_path / "collected"
    with serve(first, environ={}, collect_to=str(folder), keep_body_kb=1) as client:
        client.score({"data": [[1, 2]]})
        client.score({"data": [[1, 2]] * 1000})
        client.score({"data": [[0.1, 0.2]] * 80})  # whose answer is longer, 0.6000000000000001 for each row
    code, report = reported(folder, first)
    assert (code, report["requests"], report["status_only"]) == (0, 2, 1)
    assert report["not_sent"] == {"only the beginning of its body was kept": 1}


def test_keys_and_records_of_the_environment_are_not_those_of_a_replay(
    collected: Path, first: Path, tmp_path: Path
) -> None:
    environ = {"SCORINGHOST_PRIMARY_KEY": "k", "SCORINGHOST_COLLECT_TO": str(tmp_path / "more")}
    assert replay(collected, first, **environ).exit_code == 0
    assert not (tmp_path / "more").exists()


def test_recorded_failures_are_sent_again_one_by_one(first: Path, second: Path, tmp_path: Path) -> None:
    with serve(first, environ={}, record_failures=str(tmp_path / "r")) as client:
        client.request("POST", "/score", body={"data": [[-1, 2]]}, headers=HEADERS)
    (file,) = (tmp_path / "r").iterdir()
    assert replay(file, first).exit_code == 0
    assert replay(file, second).exit_code == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nothing.jsonl", None, "no such file or folder"),
        ("empty.jsonl", "", "holds no request that can be sent again"),
        ("torn.jsonl", "{", "cannot be read"),
        ("list.jsonl", "[1]", "line 1 holds no object"),
        ("other.jsonl", '{"method": "GET"}', "record 1 is none of scoringhost's"),
    ],
)
def test_what_cannot_be_read_is_named(first: Path, tmp_path: Path, name: str, content: str | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    result = replay(path, first)
    assert result.exit_code == 3
    assert said in result.stderr


def test_nobody_at_the_url_is_named(collected: Path, port_of_nobody: Callable[[], int]) -> None:
    result = replay(collected, f"http://127.0.0.1:{port_of_nobody()}")
    assert result.exit_code == 3
    assert "does not answer" in result.stderr


def test_a_url_of_fsspec_is_read_as_a_folder_is(first: Path) -> None:
    with serve(first, environ={}, collect_to="memory://replayed") as client:
        client.score({"data": [[1, 2]]})
    assert reported("memory://replayed", first)[1]["same"] == 1


def test_raw_bodies_queries_and_packed_ones_are_sent_as_they_came(tmp_path: Path) -> None:
    script = tmp_path / "raw.py"
    script.write_text(
        "from azureml.contrib.services.aml_request import AMLRequest, rawhttp\n"
        "from azureml.contrib.services.aml_response import AMLResponse\n"
        "def init(): pass\n"
        "@rawhttp\n"
        "def run(request):\n"
        "    return AMLResponse(request.get_data()[::-1] + request.args['n'].encode(), 200)\n"
    )
    with serve(script, environ={}, collect_to=str(tmp_path / "c")) as client:
        for body in (b"\xff\x00", "gr\u00fc\u00dfe".encode(), b"", b"\r\n"):
            answer = client.request("POST", "/score?n=a%20b", body=body, headers={"Content-Type": "image/png"})
            assert answer.body == body[::-1] + b"a b"
    assert reported(tmp_path / "c", script)[1]["same"] == 4
