"""What to do about a script that cannot start: each answer is a sentence or two for its author."""

from __future__ import annotations

import ast
import difflib
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from scoringhost.script.files import entries_of, files_below
from scoringhost.script.import_hints import of_failed_import
from scoringhost.script.tracebacks import frames_of

MODEL_DIR = "AZUREML_MODEL_DIR"
SHOWN_NAMES = 5
_NO_MODEL_DIR = (
    "No model folder is set: put the model into a folder `model` beside the script, or name it: --model-dir."
)

# -- a script that is not there -------------------------------------------------------------------


def of_missing_script(path: Path) -> str:
    """Which script may have been meant: one of a similar name, or of that name in a subfolder."""
    folder = path.parent
    if not folder.is_dir():
        return _of_missing_folder(path)
    names = sorted(entry.name for entry in entries_of(folder) if entry.suffix == ".py")
    near = difflib.get_close_matches(path.stem, [name.removesuffix(".py") for name in names], n=1)
    if near:
        return f"Did you mean '{near[0]}.py'?"
    near = difflib.get_close_matches(path.name, _folders_with_script(folder), n=1)
    if near:
        return f"Did you mean the folder {near[0]!r}?"
    deeper = {str(one.relative_to(folder)): one.stem for one in files_below(folder) if one.suffix == ".py"}
    near = difflib.get_close_matches(path.stem, deeper.values(), n=1)
    if near:
        return f"Did you mean {next(name for name, stem in deeper.items() if stem == near[0])!r}?"
    return f"There are: {', '.join(names[:SHOWN_NAMES])}." if names else f"There is no Python file in {str(folder)!r}."


def _of_missing_folder(path: Path) -> str:
    missing = path.parent
    while not missing.parent.is_dir():
        missing = missing.parent
    names = [entry.name for entry in entries_of(missing.parent) if entry.is_dir()]
    near = difflib.get_close_matches(missing.name, names, n=1)
    meant = f" Did you mean {str(missing.parent / near[0])!r}?" if near else ""
    return f"There is no folder {str(missing)!r} either.{meant}"


def _folders_with_script(folder: Path) -> list[str]:
    return [entry.name for entry in entries_of(folder) if (entry / "score.py").is_file()]


def of_hidden_packages(script: Path) -> list[str]:
    """Files beside the script that have the name of an installed package, or of Python's own, and are imported instead.

    Only what the script names is looked at: a file that nobody imports hides nothing.
    """
    if script.suffix != ".py":
        return []  # a model, which may be large
    searched = sys.path  # noqa: TID251 - it is read only
    elsewhere = [entry for entry in searched if os.path.abspath(entry or ".") != str(script.parent)]
    beside = [entry.stem for entry in entries_of(script.parent) if entry.suffix == ".py"]
    hiding = [name for name in beside if name in sys.stdlib_module_names or PathFinder.find_spec(name, elsewhere)]
    if not hiding:
        return []  # most often; reading the script takes a megabyte
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    said = []
    for name in sorted({name.partition(".")[0] for name in named}.intersection(hiding)):
        file = script.parent / f"{name}.py"
        whose = "Python's own module" if name in sys.stdlib_module_names else "the installed package"
        said.append(f"{file} hides {whose} {name!r}: `import {name}` finds the file; rename it")
    return said


# -- an init() that fails -------------------------------------------------------------------------


def of_failed_init(error: BaseException, script: Path, model_dir: Path | None) -> str:
    """What is missing, if that is why init() failed; otherwise empty."""
    if isinstance(error, ImportError) and error.name:
        return of_failed_import(error, script)
    if isinstance(error, FileNotFoundError) and isinstance(error.filename, (str, bytes)):
        return _of_missing_file(Path(os.fsdecode(error.filename)), _line_of(error, script), model_dir)
    if isinstance(error, KeyError) and error.args == (MODEL_DIR,):
        return f"{_line_of(error, script)} reads {MODEL_DIR}. {_NO_MODEL_DIR}"
    if isinstance(error, (TypeError, AttributeError)) and model_dir is None and _is_of_none(error, script):
        return f"{_line_of(error, script)} uses {MODEL_DIR}, which os.getenv answers with None here. {_NO_MODEL_DIR}"
    return ""


def _is_of_none(error: BaseException, script: Path) -> bool:
    """Whether something could not be done with None in a script that reads the model folder."""
    if "None" not in str(error):  # as in "expected str, bytes or os.PathLike object, not NoneType"
        return False
    try:
        return MODEL_DIR in script.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _line_of(error: BaseException, script: Path) -> str:
    lines = [line for file, line in frames_of(error) if file == str(script)]
    return f"{script.name}, line {lines[-1]}," if lines else script.name


def _of_missing_file(wanted: Path, where: str, model_dir: Path | None) -> str:
    relative = "" if wanted.is_absolute() else f" in the working directory {str(Path.cwd())!r}"
    looked = f"{where} looks for {str(wanted)!r}{relative}, which is not there."
    if model_dir is None:
        return f"{looked} {_NO_MODEL_DIR}"
    if not model_dir.is_dir():
        return f"{looked} Nor is the model folder {str(model_dir)!r}."
    meant = _meant(wanted, model_dir)
    if meant is None:
        return f"{looked} The model folder is {str(model_dir)!r}."
    return f"{looked} Did you mean os.path.join(os.environ[{MODEL_DIR!r}], {meant!r})?"


def _meant(wanted: Path, model_dir: Path) -> str | None:
    """The file of the model folder that may have been meant: one of that name, or of a similar one."""
    files = {path.relative_to(model_dir).as_posix(): path.name for path in files_below(model_dir)}
    same = [relative for relative, name in files.items() if name == wanted.name]
    if same:
        return same[0]
    near = difflib.get_close_matches(wanted.name, files.values(), n=1)
    return next((relative for relative, name in files.items() if near and name == near[0]), None)
