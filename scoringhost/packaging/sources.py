"""What belongs to an entry script: the files beside it, its model, its requirements, what it imports."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path, PurePath

from scoringhost.packaging.credentials import holds_credentials
from scoringhost.packaging.model_requirements import requirements_of_model
from scoringhost.packaging.output import PackagingError, refusing
from scoringhost.packaging.pins import PICKLES
from scoringhost.script.distributions import distribution_of
from scoringhost.script.loading import require_file
from scoringhost.script.stand_ins.table import is_answered
from scoringhost.settings.mlserver_files import is_model_settings, read_model_settings
from scoringhost.settings.served import folder_of, is_model_folder, served_at

REQUIREMENTS = "requirements.txt"
SETTINGS = frozenset({"request.json", "config.json", "logging.json", "swagger.json", "swagger3.json"})
"""What the host looks for beside what it serves."""
LEFT_OUT = frozenset({"__pycache__", "node_modules", "venv", "local.settings.json", ".git", ".hg", ".svn"})
"""What is never deployed, and not worth a warning."""
BROUGHT = frozenset({"azure", "azureml", "azureml_inference_server_http", "click", "dateutil", "flask"}) | frozenset(
    {"inference_schema", "numpy", "orjson", "pandas", "scoringhost", "werkzeug"}
)
"""Top-level modules that come with scoringhost, or that it stands in for."""


DEVELOPMENT = ("train.py", "test_*.py", "*_test.py", "conftest.py")
DEVELOPMENT_FOLDERS = frozenset({"tests", "test"})


def is_for_development(name: PurePath) -> bool:
    """Whether a file beside the script makes or tests the model, and is not needed to serve it."""
    return any(fnmatchcase(name.name, pattern) for pattern in DEVELOPMENT) or not DEVELOPMENT_FOLDERS.isdisjoint(
        name.parts[:-1]
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """Something beside the script or in the model folder, with its name in the package.

    `why_not` says why it cannot go there; None for a file that does.
    """

    path: Path
    name: str
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Sources:
    """An entry script and what it needs; `model_dir` is None if it has no model folder."""

    script: Path
    model_dir: Path | None

    @classmethod
    @refusing()
    def of(cls, script: Path, model_dir: Path | None) -> Sources:
        """The sources of a script, of the score.py in a folder, or of a model.

        Raises:
            SettingsError: if a folder holds several models and no script.
            ScriptNotFound: if there is no such script; suggests a similar name.
            PackagingError: if there is no such model folder, it is the root of the file system, or a path
                cannot be looked at.
        """
        script = served_at(script.absolute())
        if not is_model_folder(script):
            require_file(script)
        script = script.resolve()
        beside = folder_of(script) / "model"
        # A runtime of MLServer's kind finds its model by a path from where its settings are: that stays as it is.
        if model_dir is None and beside.is_dir() and not is_model_settings(script):
            model_dir = beside
        if model_dir is not None and not model_dir.is_dir():
            raise PackagingError(f"there is no model folder {model_dir}")
        if model_dir is not None and model_dir.resolve() == Path(model_dir.resolve().anchor):
            raise PackagingError(f"the model folder {model_dir} is the whole file system")
        return cls(script, model_dir.resolve() if model_dir is not None else None)

    @property
    def is_model(self) -> bool:
        """Whether a model is served in place of a script."""
        return self.script.suffix != ".py"

    def files(self, output: Path) -> Iterator[tuple[Path, str]]:
        """Every file with its name in the package: those beside the script, and the model as `model/`."""
        return ((entry.path, entry.name) for entry in self._entries(output) if entry.why_not is None)

    def left_out(self, output: Path) -> list[str]:
        """A warning of everything else that is there: keys, links out of the folder, links to nothing, pipes."""
        others = (entry for entry in self._entries(output) if entry.why_not is not None)
        return [f"{entry.path} is left out: {entry.why_not}" for entry in others]

    def _entries(self, output: Path) -> Iterator[Entry]:
        folder = folder_of(self.script)
        # The model that is a folder keeps its name, under which it is served.
        prefix = "" if folder != self.script else f"{folder.name}/"
        roots = (folder,) if self.model_dir is None else (folder, self.model_dir)
        elsewhere = {folder / REQUIREMENTS, self.model_dir}
        if not is_model_settings(self.script):
            elsewhere.add(folder / "model")
        beside = _Tree(roots, output.resolve(), elsewhere, hidden=False)
        reached = self._reached(output)
        for path, why_not in beside.walk(folder):
            name = path.relative_to(folder)
            if self.is_model and not prefix and not self._goes_with_model(path):
                continue
            if path in reached or prefix or not is_for_development(name):
                yield Entry(path, prefix + name.as_posix(), why_not)
        if self.model_dir is not None:
            model = _Tree(roots, output.resolve(), set(), hidden=True)
            for path, why_not in model.walk(self.model_dir):
                yield Entry(path, "model/" + path.relative_to(self.model_dir).as_posix(), why_not)

    def _goes_with_model(self, path: Path) -> bool:
        """Whether a file beside a model is the model, of the user's settings, or Python, which a pickle may need.

        A runtime of MLServer's kind may need any.
        """
        if is_model_settings(self.script):
            return True
        is_pickle = self.script.suffix in PICKLES
        return path == self.script or path.name in SETTINGS or (is_pickle and path.suffix == ".py")

    def requirements(self) -> str | None:
        """The text of the requirements.txt beside the script, None without one; a model needs what loads it here."""
        path = folder_of(self.script) / REQUIREMENTS
        if path.is_file():
            return path.read_text(encoding="utf-8")
        return "".join(f"{line}\n" for line in requirements_of_model(self.script)) if self.is_model else None

    def foreign_modules(self, output: Path) -> list[str]:
        """The uppermost modules of other packages that the script, and the modules beside it that it imports, import.

        What scoringhost brings or stands in for is left out.

        Raises:
            PackagingError: if one of them is not Python.
        """
        own = self._own_modules(output)
        reached = self._reached(output)
        found = {name for path in reached for name in _imported(path) if not _is_stood_in_for(name)}
        of_azure_ml = {name for path in reached for name in _imported_names(path) if _is_missing_of_azure_ml(name)}
        return sorted((found - set(own) - BROUGHT - sys.stdlib_module_names) | of_azure_ml)

    def models(self, output: Path) -> list[Path]:
        """The files of the model folder that go into the package, and the model that is served."""
        own = [self.script] if self.is_model and self.script.is_file() else []
        return own + [path for path, name in self.files(output) if name.startswith("model/")]

    def _reached(self, output: Path) -> set[Path]:
        """The script, and the modules beside it that it imports, and those that they import."""
        own = self._own_modules(output)
        if is_model_settings(self.script):
            reached = set(own.get(_module_of_runtime(self.script), ()))
        elif self.is_model:
            return set()
        else:
            reached = {self.script}
        waiting = list(reached)
        while waiting:
            near = {path for name in _imported(waiting.pop()) for path in own.get(name, ())} - reached
            reached |= near
            waiting += near
        return reached

    def _own_modules(self, output: Path) -> dict[str, list[Path]]:
        """The Python files beside the script by the names under which they, or their folders, are imported."""
        own: dict[str, list[Path]] = {}
        roots = (self.script.parent,)
        elsewhere: set[Path | None] = {self.script.parent / "model", self.model_dir}
        for path, why_not in _Tree(roots, output.resolve(), elsewhere, hidden=False).walk(self.script.parent):
            if why_not is None and path.suffix == ".py":
                for name in {path.stem, path.parent.name}:
                    own.setdefault(name, []).append(path)
        return own


@dataclass(frozen=True, slots=True)
class _Tree:
    """A walk over a folder, as far as it is to be packed.

    `roots`: where links may lead to; `output`: the package itself; `hidden`: whether names with a dot in front count.
    """

    roots: tuple[Path, ...]
    output: Path
    excluded: set[Path | None]
    hidden: bool

    def walk(self, folder: Path, above: tuple[Path, ...] = ()) -> Iterator[tuple[Path, str | None]]:
        """Every file, and whatever cannot be packed with the reason; `above`: the folders that lead here, resolved."""
        above = (*above, folder.resolve())
        for path in sorted(folder.iterdir()):
            if self._is_skipped(path):
                continue
            why_not = self._why_not(path, above)
            if why_not is not None or path.is_file():
                yield path, why_not
            else:
                yield from self.walk(path, above)

    def _is_skipped(self, path: Path) -> bool:
        if path in self.excluded or path.name in LEFT_OUT or path.suffix == ".pyc":
            return True
        if path.name.startswith(".") and not self.hidden:
            return True
        return os.path.isdir(path) and (path.resolve() == self.output or os.path.exists(path / "pyvenv.cfg"))

    def _why_not(self, path: Path, above: tuple[Path, ...]) -> str | None:
        if not os.path.exists(path):  # which is False where Path.exists() raises: behind a folder that is locked
            return "it is a link to nothing"
        target = path.resolve()
        if holds_credentials(path.name) or holds_credentials(target.name):
            return (
                "by its name it holds a key or a password; give that to the deployment as a secret, "
                "or rename the file if it holds none"
            )
        if not any(target.is_relative_to(root) for root in self.roots):
            return f"it is a link out of {self.roots[0]}; put the file itself there"
        if target in above:
            return "it is a link to a folder that it is in"
        if not path.is_dir() and not path.is_file():
            return "it is no file"
        return None


def _imported(path: Path) -> Iterator[str]:
    """The uppermost modules that a file imports."""
    return (name.partition(".")[0] for name in _imported_names(path))


def _imported_names(path: Path) -> Iterator[str]:
    """The modules, and the names in modules, that a file imports, in full."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except SyntaxError as problem:
        raise PackagingError(f"{path}, line {problem.lineno}: {problem.msg}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_of_runtime(settings: Path) -> str:
    """The uppermost module of the class that serves a model of MLServer's kind."""
    implementation = read_model_settings(settings, {}).values.get("implementation")
    return str(implementation).partition(".")[0]


def _is_stood_in_for(name: str) -> bool:
    """Whether scoringhost answers in place of a package that is not installed."""
    return is_answered(name) and find_spec(name) is None


def _is_missing_of_azure_ml(name: str) -> bool:
    """Whether it is of one of the many packages of Azure ML, and neither scoringhost's own nor answered by it."""
    is_ours = is_answered(name) or f"{name}.".startswith("azureml.contrib.services.")
    return name.startswith("azureml.") and distribution_of(name) is not None and not is_ours
