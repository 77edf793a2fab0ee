"""Environments of their own for clients that cannot be beside what the tests have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

from tests.conftest import PROGRAM


def python_with(name: str, *packages: str) -> Path:
    """A Python that has some packages.

    It is made once, in the user's cache, and found there by the next run; name: of its folder there. Where it cannot
    be made, the test fails: a skipped one would say nothing.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scoringhost-tests"
    major, minor = sys.version_info[:2]
    wanted = cache / f"{name}-python{major}.{minor}"
    if not wanted.exists():
        making = cache / f"making-{uuid.uuid4().hex}"
        try:
            _install(making, packages)
            making.rename(wanted)
        except OSError:
            # Another run has made it meanwhile: a folder is not renamed onto one that is not empty.
            if not wanted.exists():
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return wanted / "bin" / "python"


def _install(folder: Path, packages: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
    # pip took three minutes on a busy machine, uv half a minute; .ci/run brings uv along.
    python, uv = folder / "bin" / "python", shutil.which("uv", path=f"{PROGRAM.parent}:{os.environ['PATH']}")
    command: list[str | Path] = [python, "-m", "pip", "install", "--quiet"]
    if uv is not None:
        command = [uv, "pip", "install", "--quiet", "--python", python]
    done = subprocess.run([*command, *packages], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"an environment with {packages} cannot be made: {done.stderr[-2000:]}"
