"""Completion by the shell, as the page on serving says: asked of a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = shutil.which("bash")
PROGRAM = Path(sys.executable).with_name("scoringhost")

# What bash does for the words that are typed. `compopt` is for bash alone to call; here it says what it is told.
TYPED = """
compopt() { echo compopt "$@"; }
eval "$(_SCORINGHOST_COMPLETE=bash_source scoringhost)"
complete_words() {
  COMP_WORDS=(scoringhost "$@") COMP_CWORD=$# COMPREPLY=()
  $(complete -p scoringhost | sed 's/.*-F \\([^ ]*\\) .*/\\1/') scoringhost
  echo "${COMPREPLY[@]}"
}
complete_words pro
complete_words serve --log-format ""
complete_words serve sco
complete_words replay failed.jsonl sco
"""


# BUG: with the completion of verbs and flags the names of files were not completed any more.
@pytest.mark.skipif(BASH is None or not PROGRAM.exists(), reason="no bash, or the program is not installed")
def test_bash_completes_verbs_values_and_files() -> None:
    assert BASH is not None
    environ = os.environ | {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([BASH, "--norc", "-c", TYPED], capture_output=True, text=True, check=True, env=environ)
    files = ["compopt -o default", ""]
    assert done.stdout.splitlines() == ["profile", "text json", *files, *files]
