"""A new project from a template. The templates are the samples themselves, which the wheel carries as well."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from scoringhost.packaging.output import PackagingError, refusing

TEMPLATES = {
    "sklearn": "rentals",
    "typed": "typed",
    "numpy": "diabetes",
    "pandas": "wine",
    "rawhttp": "digits",
    "async": "gateway",
    "streaming": "tokens",
    "onnx": "onnx",
    "torch": "net",
    "transformers": "reviews",
}
"""Names of the templates, and the sample that each is."""

_SKIPPED = frozenset({"__pycache__", ".pytest_cache"})
_PICKLES = ".joblib"


def samples() -> Path:
    """The folder of the samples: in the wheel, or in a checkout."""
    carried = Path(__file__).parent / "samples"
    return carried if carried.is_dir() else Path(__file__).parents[2] / "samples"


@refusing()
def start_project(folder: Path, template: str) -> list[str]:
    """Write a new project into a folder that is not there yet, or empty; answers its files, sorted.

    Raises:
        PackagingError: if the folder holds anything, is a file or a link to nothing, or cannot be written.
    """
    if folder.is_symlink() and not folder.exists():
        raise PackagingError(f"{folder}: It is a link to nothing")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PackagingError(f"{folder} is there already; name a new folder")
    sample = TEMPLATES[template]
    source = samples() / sample
    written = []
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if path.is_file() and not _SKIPPED.intersection(name.parts) and path.suffix != _PICKLES:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_renamed(path, f"samples/{sample}", shlex.quote(folder.absolute().name)))
            written.append(name.as_posix())
    return written


def lacks_model(folder: Path) -> bool:
    """Whether a project has yet to be trained: a pickle is made by the versions that are to load it."""
    return (folder / "train.py").is_file() and not (folder / "model").is_dir()


def train(folder: Path) -> str:
    """Run the train.py of a project; returns what it printed.

    Raises:
        PackagingError: if it ends with an error, as where a library that it needs is not installed; with
            the last line of what it said.
    """
    done = subprocess.run([sys.executable, "train.py"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise PackagingError(said[-1])
    return done.stdout


def _renamed(path: Path, sample: str, name: str) -> bytes:
    """The content; in texts for people, the commands name the new project."""
    content = path.read_bytes()
    return content.replace(sample.encode(), name.encode()) if path.suffix == ".md" else content
