"""scoringhost check as a user types it, in a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("scoringhost")
SCRIPT = """
import json
import os
from helper_of_cwd import LIMIT


def init():
    global folder
    folder = os.environ["AZUREML_MODEL_DIR"]
    print("loaded")


def run(data):
    return json.dumps({"limit": LIMIT})
"""


def check(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, "check", *words], cwd=folder, capture_output=True, text=True, timeout=60)


def test_findings_have_their_lines_and_the_exit_code_follows(tmp_path: Path) -> None:
    service = tmp_path / "service"
    (service / "model").mkdir(parents=True)
    (service / "score.py").write_text(SCRIPT)
    (tmp_path / "helper_of_cwd.py").write_text("LIMIT = 3\n")
    result = check(tmp_path, "service", "--format", "json", "--strict")
    found = [(one["code"], one["line"]) for one in json.loads(result.stdout)["findings"]]
    assert found == [("helper-elsewhere", 4), ("no-sample", 13), ("encoded-twice", 14)]
    assert (result.returncode, result.stderr) == (1, "loaded\n")
    assert "service/score.py:14: hint: run() returns JSON text" in check(tmp_path, "service").stdout


def test_a_script_that_cannot_be_served_says_why_and_where(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(SCRIPT.replace("from helper_of_cwd import LIMIT", "LIMIT = 3"))
    result = check(tmp_path, "score.py")
    assert result.returncode == 3
    assert "score.py:9: error: " in result.stdout
    assert "KeyError: 'AZUREML_MODEL_DIR'" in result.stdout


LOUD = """
import atexit, ctypes, os, subprocess, sys

libc = ctypes.CDLL(None)
atexit.register(lambda: print("at exit"))
os.system("echo of a child")


def init():
    os.write(1, b"to the descriptor\\n")
    sys.__stdout__.write("to the stream\\n")


def run(data):
    libc.puts(b"of C code")
    subprocess.run(["echo", "of another child"])
    print("printed")
    return data
"""
SAID = {"at exit", "of a child", "to the descriptor", "to the stream", "of C code", "of another child", "printed"}


# BUG: only print() was kept from standard output, so that CI could not read the report.
def test_the_json_report_is_alone_on_standard_output(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(LOUD)
    (tmp_path / "body.txt").write_text("x")
    result = check(tmp_path, "score.py", "--format", "json", "--sample", "body.txt")
    assert json.loads(result.stdout)["clean"] is True
    assert set(result.stderr.splitlines()) == SAID


def test_the_answer_of_call_is_alone_on_standard_output(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(LOUD)
    words = [str(PROGRAM), "call", "score.py", "-"]
    result = subprocess.run(words, cwd=tmp_path, input="x", capture_output=True, text=True, timeout=60)
    assert result.stdout == '"x"\n'
    assert set(result.stderr.splitlines()) > SAID


def test_a_closed_standard_output_is_survived(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def init(): print('loaded')\ndef run(data): return data\n")
    command = f"{PROGRAM} check score.py >&-"
    result = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "loaded\n")
