"""scoringhost infer as a user types it, against a server that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

PROGRAM = Path(sys.executable).with_name("scoringhost")
SCRIPT = Path(__file__).parent / "scripts" / "no_threes.py"


def infer(*words: object, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAM), "infer", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, env=environ or None)


def lines_of(numbers: Sequence[int]) -> str:
    tensors = [{"name": "data", "datatype": "INT64", "shape": [1], "data": [number]} for number in numbers]
    return "".join(json.dumps({"id": f"r{at}", "inputs": [tensor]}) + "\n" for at, tensor in enumerate(tensors))


def read(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def url(start: Callable[..., Served]) -> str:
    return f"localhost:{start(SCRIPT).wait_ready().port}"


@pytest.mark.parametrize("how", [[], ["-s", "4"], ["-b"], ["-b", "-s", "4"]], ids=["json", "batches", "binary", "both"])
def test_every_line_is_answered_and_a_bad_one_costs_no_other(url: str, tmp_path: Path, how: list[str]) -> None:
    requests = tmp_path / "requests.jsonl"
    requests.write_text(lines_of(range(20)) + "no json\n")
    done = infer("-u", url, "-i", requests, "-o", tmp_path / "responses.jsonl", *how)
    assert done.returncode == 1, done.stderr
    assert "19 answered, 2 failed" in done.stderr
    found = {line["parameters"]["batch_index"]: line for line in read((tmp_path / "responses.jsonl").read_text())}
    assert sorted(found) == list(range(21))
    assert found[3]["error"]["status"] == 500
    assert "line is not JSON" in found[20]["error"]["msg"]
    answers = {at: line["outputs"][0]["data"] for at, line in found.items() if "outputs" in line}
    assert answers == {at: [2 * at] for at in range(20) if at != 3}
    assert found[7]["id"] == "r7"


def test_standard_input_to_standard_output_in_order(url: str) -> None:
    done = infer("-u", url, "-i", "-", "-o", "-", "--keep-order", stdin=lines_of(range(10, 40)))
    assert done.returncode == 0, done.stderr
    assert [line["outputs"][0]["data"] for line in read(done.stdout)] == [[2 * number] for number in range(10, 40)]


def test_the_variables_of_mlserver_are_read(url: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(lines_of([5]))
    environ = {
        "MLSERVER_INFER_URL": url,
        "MLSERVER_INFER_MODEL_NAME": "no_threes",
        "MLSERVER_INFER_INPUT_DATA_PATH": str(tmp_path / "in.jsonl"),
        "MLSERVER_INFER_OUTPUT_DATA_PATH": str(tmp_path / "out.jsonl"),
    }
    done = infer(**environ)
    assert done.returncode == 0, done.stderr
    assert read((tmp_path / "out.jsonl").read_text())[0]["outputs"][0]["data"] == [10]


def test_the_same_over_grpc(start: Callable[..., Served], port_of_nobody: Callable[[], int]) -> None:
    pytest.importorskip("grpc")
    port = port_of_nobody()
    start(SCRIPT, "--grpc-port", str(port)).wait_ready()
    words = ["-u", f"localhost:{port}", "-m", "no_threes", "-t", "grpc", "-i", "-", "-o", "-", "--keep-order"]
    done = infer(*words, "-r", 0, stdin=lines_of([1, 3, 5]))
    assert done.returncode == 1, done.stderr
    first, second, third = read(done.stdout)
    assert [first["outputs"][0]["data"], third["outputs"][0]["data"]] == [[2], [10]]
    assert first["id"] == "r0"
    assert second["error"]["status"] == "INTERNAL"
    unknown = infer(*words, "-m", "other", stdin=lines_of([1]))
    assert read(unknown.stdout)[0]["error"]["status"] == "NOT_FOUND"


def test_nobody_on_the_port_is_exit_code_3(port_of_nobody: Callable[[], int], tmp_path: Path) -> None:
    done = infer("-u", f"localhost:{port_of_nobody()}", "-m", "m", "-i", "-", "-o", "-", "-r", 0, stdin=lines_of([1]))
    assert done.returncode == 3
    assert "does not answer" in done.stderr
    assert read(done.stdout)[0]["error"]["status"] == 0


def test_an_output_that_is_there_is_not_lost(url: str, tmp_path: Path) -> None:
    kept = tmp_path / "out.jsonl"
    kept.write_text("dear")
    done = infer("-u", url, "-i", "-", "-o", kept, stdin=lines_of([1]))
    assert (done.returncode, kept.read_text()) == (3, "dear")
    assert "--overwrite" in done.stderr
    assert infer("-u", url, "-i", "-", "-o", kept, "--overwrite", stdin=lines_of([1])).returncode == 0


def test_an_unknown_model_is_named_in_each_line(url: str) -> None:
    done = infer("-u", url, "-m", "other", "-i", "-", "-o", "-", stdin=lines_of([1]))
    assert done.returncode == 1
    assert read(done.stdout)[0]["error"]["status"] == 404
    assert "other" in read(done.stdout)[0]["error"]["msg"]


def test_a_key_goes_along(start: Callable[..., Served]) -> None:
    key = "0123456789abcdef0123456789abcdef"
    port = start(SCRIPT, SCORINGHOST_PRIMARY_KEY=key).wait_ready().port
    without = infer("-u", f"localhost:{port}", "-m", "no_threes", "-i", "-", "-o", "-", stdin=lines_of([1]))
    assert (without.returncode, read(without.stdout)[0]["error"]["status"]) == (1, 401)
    words = ["-H", f"Authorization: Bearer {key}"]
    having = infer("-u", f"localhost:{port}", "-i", "-", "-o", "-", *words, stdin=lines_of([1]))
    assert having.returncode == 0, having.stderr
