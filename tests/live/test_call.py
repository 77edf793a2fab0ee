"""scoringhost call as a user types it: against a script, and against a server that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Served

SAMPLE = Path(__file__).parents[2] / "samples" / "diabetes"
PROGRAM = Path(sys.executable).with_name("scoringhost")


def call(*words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, "call", *map(str, words)], input=stdin, capture_output=True, text=True, timeout=60)


def test_script_and_server_answer_the_same(start: Callable[..., Served]) -> None:
    served = start(SAMPLE).wait_ready()
    by_url = call(f"http://127.0.0.1:{served.port}")
    by_script = call(SAMPLE)
    from_file = call(f"http://127.0.0.1:{served.port}/score", SAMPLE / "request.json", "--repeat", 5)
    assert by_url.returncode == by_script.returncode == from_file.returncode == 0, by_url.stderr + by_script.stderr
    assert by_url.stdout == by_script.stdout == from_file.stdout
    assert len(json.loads(by_url.stdout)) == 2
    assert "5 requests, 0 failed" in from_file.stderr


def test_request_json_beside_the_script_is_sent_and_shown_to_others(
    start: Callable[..., Served], tmp_path: Path
) -> None:
    script = tmp_path / "score.py"
    script.write_text("import json\ndef init(): pass\ndef run(text): return sum(json.loads(text)['rows'])\n")
    nothing = call(script)
    assert (nothing.returncode, "put a request.json beside the script" in nothing.stderr) == (1, True)
    (tmp_path / "request.json").write_text('{"rows": [1, 2]}')
    assert json.loads(call(script).stdout) == 3
    assert json.loads(call(f"http://127.0.0.1:{start(script).wait_ready().port}").stdout) == 3


def test_a_failing_run_shows_its_traceback_on_standard_error_once(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("def init(): pass\ndef run(data): return 1 / 0\n")
    result = call(script, "-", stdin="x")
    assert result.returncode == 1
    assert result.stderr.count("Traceback (most recent call last)") == 1
    assert "ZeroDivisionError: division by zero (run() failed)" in result.stderr
    assert "scoring script" in json.loads(result.stdout)["message"]


def test_nobody_on_the_port_is_exit_code_3(port_of_nobody: Callable[[], int]) -> None:
    result = call(f"http://127.0.0.1:{port_of_nobody()}", "-", stdin="x")
    assert result.returncode == 3
    assert "does not answer" in result.stderr
