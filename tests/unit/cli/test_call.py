"""scoringhost call: what is printed where, and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scoringhost.cli import main

SAMPLE = Path(__file__).parents[3] / "samples" / "diabetes"
ECHO = "def init(): print('loaded')\ndef run(data): return data\n"
Write = Callable[..., Path]


def call(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["call", *map(str, arguments)], input=stdin)


@pytest.fixture
def echo(write: Write) -> Path:
    return write(ECHO)


def test_the_scripts_own_sample_is_sent_and_only_the_answer_is_on_standard_output() -> None:
    result = call(SAMPLE)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == pytest.approx([207.3, 70.2], abs=0.1)
    assert result.stderr.startswith("ridge regression loaded")
    assert "200 OK\n" in result.stderr
    assert "ms, of which run() took " in result.stderr


def test_a_file_is_sent(echo: Path, write: Write) -> None:
    assert call(echo, write("from a file", "body.txt")).stdout == '"from a file"\n'


def test_standard_input_is_sent(echo: Path) -> None:
    assert call(echo, "-", stdin=b"from a pipe").stdout == '"from a pipe"\n'


def test_include_puts_the_head_before_the_body(echo: Path) -> None:
    head, _, body = call(echo, "-", "-i", stdin=b"x").stdout.partition("\n\n")
    assert head.startswith("200 OK\nContent-Type: application/json\n")
    assert body == '"x"\n'


def test_method_path_and_headers_are_sent(echo: Path) -> None:
    result = call(echo, "--method", "get", "--path", "/score?a=1", "-H", "x-request-id: mine")
    assert json.loads(result.stdout) == '{"a": 1}'
    assert "x-request-id: mine\n" in result.stderr
    assert call(echo, "--method", "GET", "--path", "/").stdout == "Healthy\n"


def test_a_header_beats_the_content_type(write: Write) -> None:
    script = write(
        "from scoringhost import rawhttp\ndef init(): pass\n@rawhttp\ndef run(r): return r.headers['content-type']\n"
    )
    assert json.loads(call(script, "-", "-H", "Content-Type:a/b", stdin=b"x").stdout) == "a/b"
    assert json.loads(call(script, "-", "--content-type", "c/d", stdin=b"x").stdout) == "c/d"


def test_an_error_is_exit_code_1_with_the_answer_on_standard_output() -> None:
    result = call(SAMPLE, "-", stdin=b'{"data": [[1]]}')
    assert result.exit_code == 1
    assert "400 Bad Request" in result.stderr
    assert "parameter 'data'" in json.loads(result.stdout)["message"]


def test_repeat_prints_percentiles_and_the_answer_once(echo: Path) -> None:
    result = call(echo, "-", "--repeat", "20", stdin=b"x")
    assert result.stdout == '"x"\n'
    assert "20 requests, 0 failed; p50 " in result.stderr


def test_without_a_body_and_a_sample_it_says_what_to_name(echo: Path) -> None:
    result = call(echo)
    assert result.exit_code == 1
    assert "name a FILE to send" in result.stderr


def test_a_script_that_cannot_be_served_is_exit_code_3(write: Write, tmp_path: Path) -> None:
    result = call(write("def init(): 1 / 0\ndef run(data): pass\n"), "-", stdin=b"x")
    assert result.exit_code == 3
    assert "ZeroDivisionError" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("scoringhost: init() of ")
    assert call(tmp_path / "no.py").exit_code == 3


def test_nobody_at_the_url_is_exit_code_3() -> None:
    result = call("ftp://nowhere")
    assert result.exit_code == 3
    assert result.stderr.startswith("scoringhost: ftp://nowhere cannot be called")


@pytest.mark.parametrize("arguments", [["-H", "no colon"], ["no-such-file.json"], ["--repeat", "0"]])
def test_a_usage_error_is_exit_code_2(echo: Path, arguments: list[str]) -> None:
    assert call(echo, *arguments).exit_code == 2


# -- what a stranger stumbled over ----------------------------------------------------------------


# BUG: `cat` of two answers, or the shell's prompt, stood on the line of the answer.
def test_an_answer_in_json_ends_with_a_newline_in_a_file_too(tmp_path: Path) -> None:
    done = run_script(tmp_path, "def init(): pass\ndef run(data): return [1]\n")
    assert done.stdout == "[1]\n"


def test_quiet_prints_the_answer_alone(tmp_path: Path) -> None:
    done = run_script(tmp_path, "def init(): pass\ndef run(data): return [1]\n", "--quiet")
    assert (done.stdout, done.stderr) == ("[1]\n", "")


# BUG: "of which run() took 0.004 ms": the time until the generator was made.
def test_of_a_stream_the_whole_time_is_told(tmp_path: Path) -> None:
    done = run_script(tmp_path, "def init(): pass\ndef run(data):\n    yield 'a'\n    yield 'b'\n")
    assert done.stdout == "ab\n"
    assert re.search(r"[\d.]+ ms for the whole stream\n$", done.stderr)
    assert "run() took" not in done.stderr


def test_what_the_script_logs_is_shown(tmp_path: Path) -> None:
    text = "import logging\ndef init(): logging.info('loaded')\ndef run(data):\n    logging.info('scoring')\n"
    done = run_script(tmp_path, text)
    assert "I root - loaded\n" in done.stderr
    assert "I root - scoring\n" in done.stderr
    assert "service default is" not in done.stderr


def test_a_file_that_hides_a_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("")
    done = run_script(tmp_path, "import numpy\ndef init(): pass\ndef run(data): return 1\n")
    assert f"{tmp_path}/numpy.py hides the installed package 'numpy'" in done.stderr


# BUG: the script of a service with a key was refused by the very command that loaded it.
def test_a_script_is_called_without_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORINGHOST_PRIMARY_KEY", "9f86d081884c7d659a2feaa0")
    done = run_script(tmp_path, "def init(): pass\ndef run(data): return 1\n", "--quiet")
    assert (done.returncode, done.stdout) == (0, "1\n")


def run_script(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: it sets up logging."""
    (folder / "score.py").write_text(text)
    (folder / "body").write_text("x")
    command = [sys.executable, "-P", "-m", "scoringhost", "call", str(folder / "score.py"), str(folder / "body")]
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=120, check=False)
