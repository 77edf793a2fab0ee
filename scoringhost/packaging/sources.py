"""What belongs to an entry script: the files beside it, its model, its requirements, what it imports."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scoringhost.kernel.script import require_file
from scoringhost.packaging.output import PackagingError, refusing

REQUIREMENTS = "requirements.txt"
LEFT_OUT = frozenset({"__pycache__", "node_modules", "venv", "local.settings.json"})
BROUGHT = frozenset({"azure", "azureml", "azureml_inference_server_http", "click", "dateutil", "flask"}) | frozenset(
    {"inference_schema", "numpy", "orjson", "pandas", "scoringhost", "werkzeug"}
)
"""Top-level modules that come with scoringhost, or that it stands in for."""


@dataclass(frozen=True, slots=True)
class Sources:
    """An entry script and what it needs; `model_dir` is None if it has no model folder."""

    script: Path
    model_dir: Path | None

    @classmethod
    @refusing()
    def of(cls, script: Path, model_dir: Path | None) -> Sources:
        """The sources of a script, or of the score.py in a folder.

        Raises:
            ScriptNotFound: if there is no such script; suggests a similar name.
            PackagingError: if there is no such model folder, or a path cannot be looked at.
        """
        script = (script / "score.py" if script.is_dir() else script).absolute()
        require_file(script)
        script = script.resolve()
        beside = script.parent / "model"
        if model_dir is None and beside.is_dir():
            model_dir = beside
        if model_dir is not None and not model_dir.is_dir():
            raise PackagingError(f"there is no model folder {model_dir}")
        return cls(script, model_dir.resolve() if model_dir is not None else None)

    def files(self, output: Path) -> Iterator[tuple[Path, str]]:
        """Every file with its name in the package: those beside the script, and the model as `model/`."""
        return ((path, name) for path, name in self._entries(output) if path.is_file())

    def left_out(self, output: Path) -> list[str]:
        """A warning of everything else that is there and cannot be copied, such as a link to nothing."""
        others = (path for path, _ in self._entries(output) if not path.is_file())
        return [f"{path} is left out: it is {'no file' if path.exists() else 'a link to nothing'}" for path in others]

    def _entries(self, output: Path) -> Iterator[tuple[Path, str]]:
        folder, output = self.script.parent, output.resolve()
        models = {folder / "model", self.model_dir}
        for path in _tree(folder, output, models):
            if path != folder / REQUIREMENTS:
                yield path, path.relative_to(folder).as_posix()
        if self.model_dir is not None:
            for path in _tree(self.model_dir, output, set(), hidden=True):
                yield path, "model/" + path.relative_to(self.model_dir).as_posix()

    def requirements(self) -> str | None:
        """The text of the requirements.txt beside the script; None if there is none."""
        path = self.script.parent / REQUIREMENTS
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def third_party(self, output: Path) -> list[str]:
        """What the script and the modules beside it that it imports take from other packages, with the package's name.

        Raises:
            PackagingError: if one of them is not Python.
        """
        own: dict[str, list[Path]] = {}
        for path, _ in self.files(output):
            if path.suffix == ".py":
                for name in {path.stem, path.parent.name}:
                    own.setdefault(name, []).append(path)
        reached, waiting, found = {self.script}, [self.script], set[str]()
        while waiting:
            names = set(_imported(waiting.pop()))
            found |= names
            near = {path for name in names for path in own.get(name, ())} - reached
            reached |= near
            waiting += near
        foreign = sorted(found - set(own) - BROUGHT - sys.stdlib_module_names)
        packages = importlib.metadata.packages_distributions()
        return [_described(name, packages.get(name, [])) for name in foreign]


def _tree(folder: Path, output: Path, excluded: set[Path | None], *, hidden: bool = False) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path in excluded or path.name in LEFT_OUT or path.suffix == ".pyc":
            continue
        if path.name.startswith(".") and not hidden:
            continue
        if not path.is_dir():
            yield path
        elif path.resolve() != output and not (path / "pyvenv.cfg").exists():
            yield from _tree(path, output, excluded, hidden=hidden)


def _imported(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except SyntaxError as problem:
        raise PackagingError(f"{path}, line {problem.lineno}: {problem.msg}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _described(module: str, packages: list[str]) -> str:
    if not packages:
        return module
    package = packages[0]
    pin = f"{package}=={importlib.metadata.version(package)}"
    return pin if package.replace("-", "_") == module else f"{pin} (imported as {module})"


def merged_requirements(base: str, own: str) -> str:
    """Requirements of the target and of the script; a package that both name is as the script wants it."""
    named = {_package(line) for line in own.splitlines()} - {""}
    kept = [line for line in base.splitlines() if _package(line) not in named]
    return "\n".join([*kept, *own.rstrip().splitlines()]).rstrip() + "\n"


def _package(line: str) -> str:
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", line)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found and "/" not in line.partition("@")[0] else ""
