"""What is wrong with the settings: names that nobody reads, limits that contradict each other, no model folder."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeGuard

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Source
from scoringhost.settings import PREFIX, SPECS, Settings

MODEL_DIR = "AZUREML_MODEL_DIR"
MISSING = frozenset({"KeyError", "LookupError", "Exception", "BaseException"})
"""What catches the KeyError of a variable that is not set."""
AZURE_PREFIXES = ("AZUREML_", "AML_")
ALIKE = 0.85
"""How alike a foreign name of Azure ML's must be to one of ours to be taken for a slip of the pen."""
AZURE_NAMES = tuple(name for spec in SPECS.values() for name in spec.azure)


def unread_settings(settings: Settings) -> Iterable[Finding]:
    """Keys of the configuration file, and SCORINGHOST_* variables, that are no setting."""
    for key, path in settings.unread:
        known = [PREFIX + name.upper() for name in SPECS]
        near = difflib.get_close_matches(key, known if path is None else [*SPECS, *AZURE_NAMES, *known], n=1)
        remedy = (
            f"Did you mean {near[0]}?" if near else "Take it out; the settings are listed in `scoringhost serve -h`."
        )
        what = (
            f"the environment variable {key} is read by nobody"
            if path is None
            else f"the key {key!r} is read by nobody"
        )
        file = Path(path) if path is not None else None
        yield Finding(Severity.WARNING, "unread-setting", what, remedy, file, line_of(file, f'"{key}"'))


def misspelt_environment(environ: Mapping[str, str], source: Source) -> Iterable[Finding]:
    """Variables that are nearly, but not quite, named as Azure ML names a setting."""
    read = {node.value for node in ast.walk(source.tree) if isinstance(node, ast.Constant)}
    for name in sorted(environ):
        if not name.startswith(AZURE_PREFIXES) or name in AZURE_NAMES or name in read:
            continue
        near = difflib.get_close_matches(name, AZURE_NAMES, n=1, cutoff=ALIKE)
        if near:
            what = f"the environment variable {name} is read by nobody"
            yield Finding(Severity.WARNING, "unread-setting", what, f"Did you mean {near[0]}?")


def contradicting_limits(settings: Settings) -> Iterable[Finding]:
    """Limits of which one keeps another from ever being reached."""
    given, limit_s = settings.origins, settings.scoring_timeout_ms / 1000
    if settings.worker_timeout_s and "scoring_timeout_ms" in given and limit_s > settings.worker_timeout_s:
        yield _limit(
            settings,
            "scoring_timeout_ms",
            f"the scoring timeout of {limit_s:g} s is above the worker timeout of {settings.worker_timeout_s} s, "
            f"so a run() is stopped after {settings.worker_timeout_s} s",
            f"Set worker_timeout_s above {limit_s:g}, or scoring_timeout_ms below {settings.worker_timeout_s * 1000}.",
        )
    if settings.max_batch_size > 1 and limit_s and settings.max_batch_wait_ms / 1000 >= limit_s:
        yield _limit(
            settings,
            "max_batch_wait_ms",
            f"a batch may wait {settings.max_batch_wait_ms} ms, as long as a whole run() may take ({limit_s:g} s)",
            "Make max_batch_wait_ms a small part of scoring_timeout_ms.",
        )
    if settings.health_port == settings.port:
        what = f"health_port and port are both {settings.port}, so there is no port of its own for health probes"
        yield _limit(settings, "health_port", what, "Choose another health_port, or leave it out.")


def _limit(settings: Settings, name: str, message: str, remedy: str) -> Finding:
    file, line = None, None
    origin = settings.origins.get(name, "")
    if origin.startswith("file "):
        file = Path(origin.removeprefix("file "))
        keys = (name, PREFIX + name.upper(), *SPECS[name].azure)
        line = next(filter(None, (line_of(file, f'"{key}"') for key in keys)), None)
    return Finding(Severity.WARNING, "contradicting-limits", message, remedy, file, line)


def model_folder(settings: Settings, source: Source) -> Iterable[Finding]:
    """A model folder that is named and not there, or used and not named."""
    if settings.model_dir is not None:
        if not Path(settings.model_dir).is_dir():
            origin = settings.origins.get("model_dir", "default")
            message = f"the model folder {settings.model_dir} is not there ({origin})"
            remedy = (
                "Correct --model-dir or AZUREML_MODEL_DIR, or put the model into a folder `model` beside the script."
            )
            yield Finding(Severity.ERROR, "no-model-folder", message, remedy)
        return
    spared = _with_fallback(source.tree)
    for node in ast.walk(source.tree):
        if _names_model_dir(node) and node not in spared:
            message = f"the script uses {MODEL_DIR}, but no model folder is set"
            remedy = "Put the model into a folder `model` beside the script, or name it with --model-dir."
            yield Finding(Severity.WARNING, "no-model-folder", message, remedy, source.path, node.lineno)


def _with_fallback(tree: ast.Module) -> set[ast.AST]:
    """The nodes that are at no loss without a model folder; all of them if the script looks whether there is one."""
    spared: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and _names_model_dir(node.left):
            return set(ast.walk(tree))
        if isinstance(node, ast.Call) and node.args and _names_model_dir(node.args[0]):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "setdefault":
                return set(ast.walk(tree))
            others = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
            if others and not (isinstance(others[0], ast.Constant) and others[0].value is None):
                spared.add(node.args[0])
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            spared.update(part for value in node.values[:-1] for part in ast.walk(value))
        elif isinstance(node, ast.Try) and any(map(_catches_missing, node.handlers)):
            spared.update(part for statement in node.body for part in ast.walk(statement))
    return spared


def _catches_missing(handler: ast.ExceptHandler) -> bool:
    named = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else MISSING
    return bool(named & MISSING)


def _names_model_dir(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and node.value == MODEL_DIR


def line_of(file: Path | None, text: str) -> int | None:
    """The first line of a file that holds some text; None if there is none."""
    if file is None or not file.is_file():
        return None
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if text in line), None)
