"""Ctrl-C while a script's run() goes on: the commands that serve it in their own process end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("scoringhost")
WITHIN_S = 10.0  # it takes half a second; this machine may have much else to do
SCRIPT = """
import time
from pathlib import Path

def init():
    pass

{define} run(raw_data):
    Path("running").touch()
    {act}
"""
RUNS = {
    "sleeps": SCRIPT.format(define="def", act="time.sleep(60)"),
    "computes for ever": SCRIPT.format(define="def", act="while True: pass"),
    "blocks its event loop": SCRIPT.format(define="async def", act="while True: pass"),
}


def ctrl_c_ends_it() -> None:
    """Undo what a shell does to the commands that it starts in the background, this test run perhaps among them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


# BUG: the command prints "Aborted!" and stays until run() ends, however often Ctrl-C is pressed.
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    "words", [["call", "score.py", "body"], ["check", "score.py", "--sample", "body"]], ids="/".join
)
def test_ctrl_c_ends_a_command_whose_run_does_not_end(words: list[str], run: str, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(RUNS[run])
    (tmp_path / "body").write_text("{}")
    with subprocess.Popen(
        [PROGRAM, *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=ctrl_c_ends_it
    ) as running:
        try:
            while not (tmp_path / "running").exists():
                assert running.poll() is None
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=WITHIN_S)
        finally:
            running.kill()
    assert running.returncode == 1
    assert said.endswith("Aborted!\n")
    assert said.count("left behind") == (run != "blocks its event loop")
