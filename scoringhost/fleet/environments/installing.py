"""Programs that make environments: uv where it is, which takes a tenth of the time, or else pip and venv."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.pythons import Probed, without_ours

Tell = Callable[[str], None]
"""What hears of progress, a line at a time."""

LINES_KEPT = 400
LINES_SHOWN = 24
LONGEST_LINE = 500
"""Characters of a line of the reason."""

_STARTS_OF_NEWS = (
    *("Collecting ", "Downloading ", "Building ", "Installing collected", "Successfully installed"),  # pip's
    *("Resolved ", "Prepared ", "Installed ", "Using CPython", "Uninstalled "),  # uv's
    *(
        "Preparing transaction",
        "Executing transaction",
        "Verifying transaction",
        "Channels:",
        "Transaction ",
    ),  # conda's
)
_STARTS_OF_REASONS = (
    "ERROR",
    "error:",
    "\N{MULTIPLICATION SIGN}",
    "critical ",
    "LibMambaUnsatisfiableError",
    "ResolvePackageNotFound",
)


class Installer:
    """Runs what makes environments, and says how far it is."""

    def __init__(self, environ: Mapping[str, str], tell: Tell) -> None:
        self.environ, self.tell = without_ours(environ), tell
        self._uv = shutil.which("uv", path=environ.get("PATH"))

    def make_venv(self, base: Path, folder: Path) -> None:
        """Make an empty virtual environment over an interpreter.

        Raises:
            EnvironmentFailed: with the reason.
        """
        if self._uv is not None:
            command = [self._uv, "venv", "--no-project", "--no-progress", "--python", str(base), str(folder)]
        else:
            command = [str(base), "-I", "-m", "venv", str(folder)]
        self.run("making a virtual environment", command, folder.parent)

    def install(self, into: Probed, arguments: Sequence[str], folder: Path) -> None:
        """Install packages into an environment; all of them in one go, so that what they need is weighed together.

        Raises:
            EnvironmentFailed: with what pip or uv says, or if there is neither.
        """
        if self._uv is not None:
            command = [self._uv, "pip", "install", "--no-progress", "--python", str(into.python)]
        else:
            if into.has_pip:
                command = [str(into.python), "-I", "-m", "pip"]
            elif importlib.util.find_spec("pip") is not None:
                command = [sys.executable, "-I", "-m", "pip", "--python", str(into.python)]
            else:
                raise EnvironmentFailed(f"there is neither uv here nor pip, here or in {into.python}: install uv")
            command += ["install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
        self.run("installing packages", [*command, *arguments], folder)

    def run(self, what: str, command: Sequence[str], folder: Path) -> None:
        """Run a program in a folder, and pass on what is news of what it writes.

        Raises:
            EnvironmentFailed: if it fails, with its last lines.
        """
        lines: deque[str] = deque(maxlen=LINES_KEPT)
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as problem:
            raise EnvironmentFailed(f"{what} failed: {problem}") from None
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line.rstrip()[:LONGEST_LINE])
                if line.strip().startswith(_STARTS_OF_NEWS):
                    # Which of its many requirements asked for a package is a line of pip's for each of them.
                    self.tell(lines[-1].strip().partition(" (from ")[0])
        if process.returncode != 0:
            raise EnvironmentFailed(f"{what} failed (exit code {process.returncode}):\n{reason_in(lines)}")


def reason_in(lines: Sequence[str] | deque[str]) -> str:
    """The part of an output that says why: from the first line that is an error's on, or else the last lines."""
    said = [line for line in lines if line.strip()]
    for number, line in enumerate(said):
        if line.strip().startswith(_STARTS_OF_REASONS):
            return "\n".join(said[number:][:LINES_SHOWN])
    return "\n".join(said[-LINES_SHOWN // 2 :])
