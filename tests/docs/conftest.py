"""A terminal in which the commands of a page are run, and what they print is held against what the page shows."""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scoringhost.hub.record import read_record
from scoringhost.hub.starting import PORTS
from tests.conftest import free_port

if TYPE_CHECKING:
    from tests.conftest import Served

ROOT = Path(__file__).parent.parent.parent
PORT_OF_PAGES = "5001"
WITHIN_S = 30.0

# What a program prints may depend on whether somebody reads it: an answer is indented for a person.
IN_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"

# What differs from one run to the next, and from one machine to the next, is made equal on both sides.
CHANGING = (
    (r"\x1b\[[?\d;]*[A-Za-z]", ""),
    (r"(?m)(?<=client\(s\): )[\d.]+", "(number)"),
    (r"(?<= failed) +(?=req/s )", " "),  # the column is as wide as the number, which has a digit less on a busy machine
    (r"(?m)^( +\d+) +\d+( +0) +[\d.]+ .*", r"\1\2 (numbers)"),  # a row of a profile
    (r"(?m)^recommended: .*", "recommended: (numbers)"),
    (r"\nother programs used .*", ""),  # the machine may be busy with other tests
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d([.,]\d+)?", "(time)"),
    (r"(\d\.\d{9})\d+", r"\1"),  # processors differ in the last digits
    (r"(?<=date: ).*GMT", "(time)"),
    (r"(?<= B  )\d{4}-\d\d-\d\d \d\d:\d\d(?=  )", "(time)"),  # when a model was registered
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "(id)"),
    (r"(?<= [DIWEC] )\[\d+\]", "[pid]"),
    (r"\bworker \d+", "worker (pid)"),
    (r"(?<=\(PSS\) is )\d+", "(number)"),
    (r"(?<=exec-ms: )[\d.]+", "(number)"),
    (r"\b(p50|p95|p99|max) [\d.]+", r"\1 (number)"),
    (r"\b\d+\.\d+ ?(ms|s)\b", r"(number) \1"),
    (r"\bscoringhost([/ ])\d+\.\d+\.\d+[\w.+]*", r"scoringhost\1(version)"),
)


def normalised(text: str) -> str:
    """A text without what differs from run to run, and without blanks at the ends of its lines."""
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"


def difference(shown: str, printed: str) -> str:
    """Hold what was printed against what the page shows, where `...` stands for anything.

    Returns:
        The differences, for a person to read; nothing if there are none.
    """
    checker = doctest.OutputChecker()
    want, got = normalised(shown), normalised(printed)
    if checker.check_output(want, got, doctest.ELLIPSIS):
        return ""
    return checker.output_difference(doctest.Example("", want), got, doctest.ELLIPSIS)


class Terminal:
    """Runs commands in a folder of its own that has the samples in it, and at most one server at a time."""

    def __init__(self, folder: Path, port: int, served_class: type[Served]) -> None:
        self.folder, self.port, self.typed = folder, str(port), ""
        self._served_class = served_class
        self._server: Served | None = None
        self._served_by = ""

    def run(self, command: str, shown: str) -> str:
        """Run one command; returns how its output differs from what is shown."""
        self.typed += command + "\n"
        if re.match(r"(\w+=\S+ )*scoringhost serve [^;]*$", command):
            return self._serve(command, shown)
        # Without `stty` every \n of a program would become \r\n.
        typed = f"stty -onlcr; {self._with_port(command)}"
        process = self._start(sys.executable, "-c", IN_A_TERMINAL, "bash", "-c", typed)
        try:
            process.exit_code(WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return f"it has not ended within {WITHIN_S:.0f} s:\n{process.log.text}"
        return difference(shown, self._as_on_a_page(process))

    def log_difference(self, shown: str) -> str:
        """How the lines of a log differ from those that the server has written, from whichever line on."""
        assert self._server is not None, "no server has been started on this page"
        return self._wait_for("...\n" + shown.strip("\n") + "...", self._server)

    def close(self) -> None:
        """End what was started."""
        if self._server is not None:
            self._server.kill()
        hub = read_record(self._workspace)  # a hub that was started on demand outlives whoever started it
        if hub is not None:
            os.kill(hub.pid, signal.SIGKILL)

    @property
    def _workspace(self) -> Path:
        return self.folder / ".scoringhost" / "workspaces" / "default"

    def _serve(self, command: str, shown: str) -> str:
        """Start a server, which stays until another one is started; `^C` at the end of what is shown stops it."""
        before, stops, after = shown.partition("^C\n")
        if self._server is None or command != self._served_by:
            if self._server is not None:
                self._server.stop()
            self._server = self._start("bash", "-c", f"exec env {self._with_port(command)}")
            self._served_by = command
        found = self._wait_for(before.rstrip("\n") + "...", self._server)
        if found or not stops:
            return found
        self._server.signal(signal.SIGINT)
        self._server.exit_code(WITHIN_S)
        found = difference(before.rstrip("\n") + "...\n" + after, self._as_on_a_page(self._server))
        self._server = None
        return found

    def _start(self, *command: str) -> Served:
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        if not (self._workspace / PORTS).exists():  # what a hub that is started on demand takes for its own from before
            self._workspace.mkdir(parents=True, exist_ok=True)
            (self._workspace / PORTS).write_text(json.dumps({"services": int(self.port), "control": free_port()}))
        environ = {"PATH": programs, "TERM": "dumb", "SCORINGHOST_HOME": str(self.folder / ".scoringhost")}
        return self._served_class(int(self.port), *command, cwd=self.folder, environ=environ)

    def _with_port(self, command: str) -> str:
        command = command.replace("scoringhost serve ", f"scoringhost serve --port {self.port} ")
        return re.sub(rf"(?<=:){PORT_OF_PAGES}\b", self.port, command)

    def _wait_for(self, shown: str, process: Served) -> str:
        """Wait until a running process has printed what is shown, or has ended; returns what differs then."""

        def is_there() -> bool:
            return process.log.closed or not difference(shown, self._as_on_a_page(process))

        with process.log.news:
            process.log.news.wait_for(is_there, WITHIN_S)
        return difference(shown, self._as_on_a_page(process))

    def _as_on_a_page(self, process: Served) -> str:
        return re.sub(rf"\b{self.port}\b", PORT_OF_PAGES, process.log.text)


@pytest.fixture
def terminal(tmp_path: Path, port_of_nobody: Callable[[], int], served_class: type[Served]) -> Iterator[Terminal]:
    """A terminal in a folder with a copy of the samples."""
    if shutil.which("curl") is None:
        pytest.skip("the pages ask with curl, which is not installed")
    shutil.copytree(ROOT / "samples", tmp_path / "samples", ignore=shutil.ignore_patterns("__pycache__"))
    terminal = Terminal(tmp_path, port_of_nobody(), served_class)
    yield terminal
    terminal.close()
