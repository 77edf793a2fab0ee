"""What is found only because of where the check runs: modules and files by way of the working directory."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TypeGuard

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Source
from scoringhost.script.startup_hints import of_hidden_packages
from scoringhost.settings import Settings

READERS = frozenset(
    {"open", "joblib.load", "numpy.load", "torch.load", "pandas.read_csv", "pandas.read_parquet", "pandas.read_pickle"}
    | {"onnxruntime.InferenceSession", "pathlib.Path", "tensorflow.keras.models.load_model", "keras.models.load_model"}
)
"""Callables whose first argument is the path of a file."""
PATH = "pathlib.Path"
PARTS = frozenset({"name", "stem", "suffix", "suffixes", "parts"})
"""Attributes of a path for which no file need be there."""


def helper_modules(source: Source, settings: Settings, environ: Mapping[str, str]) -> Iterable[Finding]:
    """Modules of the user's own that are neither beside the script nor installed.

    A script that changes the import path itself finds its modules by that, wherever it is started.
    """
    if any(_changes_path(source, node) for node in ast.walk(source.tree)):
        return
    beside = source.path.parent
    elsewhere = {
        Path(entry).resolve(): "PYTHONPATH" for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry
    }
    if not settings.origins.get("app_root") and settings.app_root:
        elsewhere[Path(settings.app_root)] = "the working directory"
    elsewhere.pop(beside.resolve(), None)
    for name, line in _imports(source.tree):
        if name in sys.stdlib_module_names or name == "scoringhost" or _is_in(name, beside):
            continue
        reason = next((why for folder, why in elsewhere.items() if _is_in(name, folder)), None)
        if reason is not None:
            yield Finding(
                Severity.WARNING,
                "helper-elsewhere",
                f"module {name!r} is found only by way of {reason}; started elsewhere or packaged, the import fails",
                "Put it beside the script, install it as a package, or name its folder with --app-root.",
                source.path,
                line,
            )


def hidden_packages(source: Source) -> Iterable[Finding]:
    """Files beside the script that are imported in place of an installed package, or of a module of Python's own."""
    for said in of_hidden_packages(source.path):
        message, _, remedy = said.partition("; ")
        yield Finding(Severity.WARNING, "hidden-package", message, f"{remedy[:1].upper()}{remedy[1:]}.", source.path)


def _changes_path(source: Source, node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = source.dotted(node.func)
        return name.startswith("sys.path.") or name == "site.addsitedir"
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    places = [target.value if isinstance(target, ast.Subscript) else target for target in targets]
    return any(source.dotted(place) == "sys.path" for place in places)


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


def _is_in(name: str, folder: Path) -> bool:
    """Whether a folder holds a module or package of that name; nothing is imported."""
    spec = PathFinder.find_spec(name, [str(folder)])
    return spec is not None and spec.origin is not None


def relative_paths(source: Source) -> Iterable[Finding]:
    """Files that are opened by a path from the working directory."""
    parents = {child: node for node in ast.walk(source.tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call) or source.dotted(node.func) not in READERS or not node.args:
            continue
        given = node.args[0]
        if not isinstance(given, ast.Constant) or not isinstance(given.value, str):
            continue
        if source.dotted(node.func) == PATH and not _is_used(source, node, parents):
            continue
        if given.value and not os.path.isabs(given.value) and "://" not in given.value:
            yield _written(source, node, given.value) if _writes(node) else _looked_for(source, node, given.value)


def _looked_for(source: Source, call: ast.Call, path: str) -> Finding:
    message = f"{path!r} is looked for in the working directory, which differs where the service runs"
    remedy = "Take it from the model folder, os.environ['AZUREML_MODEL_DIR'], or from Path(__file__).parent."
    return Finding(Severity.WARNING, "relative-path", message, remedy, source.path, call.lineno)


def _written(source: Source, call: ast.Call, path: str) -> Finding:
    message = (
        f"{path!r} is written to the working directory, which differs, and may be read-only, where the service runs"
    )
    remedy = "Write to the folder for temporary files, tempfile.gettempdir(), and not to one name in every worker."
    return Finding(Severity.HINT, "relative-output", message, remedy, source.path, call.lineno)


def _writes(call: ast.Call) -> bool:
    """Whether it is an open() that makes the file."""
    modes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wxa") for mode in modes)


def _is_used(
    source: Source, path: ast.expr, parents: Mapping[ast.AST, ast.AST], names: frozenset[str] = frozenset()
) -> bool:
    """Whether a path is used as it stands, and not joined to another; so is one whose name is, somewhere."""
    holder = parents[path]
    if isinstance(holder, ast.BinOp) and isinstance(holder.op, ast.Div):
        return holder.left is path and _is_used(source, holder, parents, names)
    if isinstance(holder, ast.Call):
        joins = isinstance(holder.func, ast.Attribute) and holder.func.attr == "joinpath"
        return not joins and (source.dotted(holder.func) != "os.path.join" or holder.args[0] is path)
    if isinstance(holder, ast.Attribute):
        return holder.attr not in PARTS
    if isinstance(holder, ast.Assign) and isinstance(holder.targets[0], ast.Name):
        name = holder.targets[0].id
        uses = [node for node in ast.walk(source.tree) if _reads(node, name) and name not in names]
        return any(_is_used(source, use, parents, names | {name}) for use in uses)
    return True


def _reads(node: ast.AST, name: str) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
