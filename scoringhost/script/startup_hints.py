"""What to do about a script that cannot start: each answer is a sentence or two for its author."""

from __future__ import annotations

import ast
import difflib
import importlib.metadata
import importlib.util
import itertools
import os
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

MODEL_DIR = "AZUREML_MODEL_DIR"
MOST_FILES = 2000
"""Files that are looked at for one that may have been meant."""
MOST_DEPTH = 3
SHOWN_NAMES = 5
_NO_MODEL_DIR = (
    "No model folder is set: put the model into a folder `model` beside the script, or name it: --model-dir."
)

# Where the name of the package is not that of the module, for what entry scripts import.
PACKAGES = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "jwt": "pyjwt",
    "fitz": "pymupdf",
    "docx": "python-docx",
    "magic": "python-magic",
    "faiss": "faiss-cpu",
    "Crypto": "pycryptodome",
    "attr": "attrs",
    "google.protobuf": "protobuf",
    "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob",
    "azure.ai.ml": "azure-ai-ml",
    "azureml.core": "azureml-core",
}


# -- a script that is not there -------------------------------------------------------------------


def of_missing_script(path: Path) -> str:
    """Which script may have been meant: one of a similar name, or of that name in a subfolder."""
    folder = path.parent
    if not folder.is_dir():
        return _of_missing_folder(path)
    names = sorted(entry.name for entry in _entries(folder) if entry.suffix == ".py")
    near = difflib.get_close_matches(path.stem, [name.removesuffix(".py") for name in names], n=1)
    if near:
        return f"Did you mean '{near[0]}.py'?"
    near = difflib.get_close_matches(path.name, _folders_with_script(folder), n=1)
    if near:
        return f"Did you mean the folder {near[0]!r}?"
    deeper = {str(one.relative_to(folder)): one.stem for one in _files(folder) if one.suffix == ".py"}
    near = difflib.get_close_matches(path.stem, deeper.values(), n=1)
    if near:
        return f"Did you mean {next(name for name, stem in deeper.items() if stem == near[0])!r}?"
    return f"There are: {', '.join(names[:SHOWN_NAMES])}." if names else f"There is no Python file in {str(folder)!r}."


def _of_missing_folder(path: Path) -> str:
    missing = path.parent
    while not missing.parent.is_dir():
        missing = missing.parent
    names = [entry.name for entry in _entries(missing.parent) if entry.is_dir()]
    near = difflib.get_close_matches(missing.name, names, n=1)
    meant = f" Did you mean {str(missing.parent / near[0])!r}?" if near else ""
    return f"There is no folder {str(missing)!r} either.{meant}"


def _folders_with_script(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder) if (entry / "score.py").is_file()]


def _entries(folder: Path) -> list[Path]:
    """What is in a folder; nothing if it cannot be read."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return []


def _files(folder: Path) -> Iterator[Path]:
    """The first files below a folder, those near the top first; environments with packages are left out."""
    return itertools.islice(_walk(folder, 0), MOST_FILES)


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    entries = _entries(folder)
    yield from (entry for entry in entries if entry.is_file())
    for entry in entries:
        if depth < MOST_DEPTH and entry.is_dir() and not (entry / "pyvenv.cfg").exists():
            yield from _walk(entry, depth + 1)


# -- a module that is not there -------------------------------------------------------------------


def of_missing_module(error: ModuleNotFoundError, script: Path) -> str:
    """Who imports the module, and what brings it. The error needs its `name`."""
    name = error.name or ""
    top = name.partition(".")[0]
    where = _importer(error) or str(script)
    if top != name and _installed(top):
        package = package_of(top)
        return f"{where} imports {name!r}, which the installed {_versioned(package)} does not have; see its changelog."
    beside = [entry.stem for entry in _entries(script.parent) if entry.suffix == ".py" and entry != script]
    near = difflib.get_close_matches(top, beside, n=1)
    if near:
        return f"{where} imports {top!r}. Did you mean {near[0]!r}, which is beside the script?"
    own = "" if package_of(name) != top else f", or put {top}.py beside the script"
    return f"{where} imports {name!r}, which is not installed. Run `pip install {package_of(name)}`{own}."


def package_of(module: str) -> str:
    """The name on PyPI of the package that brings a module; the module's own if nothing else is known."""
    parts = module.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((PACKAGES[name] for name in names if name in PACKAGES), parts[0])


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _versioned(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return package


def _importer(error: BaseException) -> str:
    """The innermost file and line of a traceback that is not Python's own import machinery."""
    places = [(file, line) for file, line in _frames(error) if not file.startswith("<frozen ")]
    return f"{places[-1][0]}, line {places[-1][1]}," if places else ""


def _frames(error: BaseException) -> Iterator[tuple[str, int]]:
    at = error.__traceback__
    while at is not None:
        yield at.tb_frame.f_code.co_filename, at.tb_lineno
        at = at.tb_next


def of_hidden_packages(script: Path) -> list[str]:
    """Files beside the script that have the name of an installed package, or of Python's own, and are imported instead.

    Only what the script names is looked at: a file that nobody imports hides nothing.
    """
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    searched = sys.path  # noqa: TID251 - it is read only
    elsewhere = [entry for entry in searched if os.path.abspath(entry or ".") != str(script.parent)]
    said = []
    for name in sorted({name.partition(".")[0] for name in named}):
        file = script.parent / f"{name}.py"
        if not file.is_file() or not (name in sys.stdlib_module_names or PathFinder.find_spec(name, elsewhere)):
            continue
        whose = "Python's own module" if name in sys.stdlib_module_names else "the installed package"
        said.append(f"{file} hides {whose} {name!r}: `import {name}` finds the file; rename it")
    return said


# -- an init() that fails -------------------------------------------------------------------------


def of_failed_init(error: BaseException, script: Path, model_dir: Path | None) -> str:
    """What is missing, if that is why init() failed; otherwise empty."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return of_missing_module(error, script)
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
    lines = [line for file, line in _frames(error) if file == str(script)]
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
    files = {path.relative_to(model_dir).as_posix(): path.name for path in _files(model_dir)}
    same = [relative for relative, name in files.items() if name == wanted.name]
    if same:
        return same[0]
    near = difflib.get_close_matches(wanted.name, files.values(), n=1)
    return next((relative for relative, name in files.items() if near and name == near[0]), None)
