"""EntryScript: find the file, import it under a name of its own, check init() and run().

The module is registered in `sys.modules`, so that dataclasses with postponed annotations work and
instances of the script's own classes can be pickled. Every load gets a module name of its own,
because inference-schema keeps one process-wide table keyed by `module.function`.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import os
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoringhost.errors import InitFailed, ScriptImportFailed, ScriptNotFound, ScriptUnservable
from scoringhost.script.flask_use import OF_A_REQUEST, names_used_beside_flask
from scoringhost.script.handlers import Handler
from scoringhost.script.import_hints import of_failed_import
from scoringhost.script.imports import ScriptImports
from scoringhost.script.startup_hints import of_failed_init, of_missing_script
from scoringhost.script.tracebacks import user_traceback

MODULE_NAME = "entry_module"
"""What Azure ML calls the module of an entry script; later loads in one process add a number."""

LISTING_LINES = 200

_numbers = itertools.count()


def _none() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class EntryScript:
    """One imported entry script."""

    path: Path
    module: types.ModuleType
    init: Callable[[], Any]
    run: Callable[..., Any]
    shutdown: Callable[[], Any] | None
    imports: ScriptImports = field(default_factory=lambda: ScriptImports(Path()))
    refusal: Callable[[], str] = _none
    """Why the script takes no calls although init() has ended; empty if it does."""
    handlers: Sequence[Handler] = ()
    """What it answers at paths of its own."""
    explain: Callable[..., Any] | None = None
    """What says why run() answers as it does, if the script has a function of that name."""

    @classmethod
    def load(cls, path: Path) -> EntryScript:
        """Import the script at `path`; its folder is importable from then on, until `unload`.

        Raises:
            ScriptNotFound: if there is no such file; suggests a similar name.
            ScriptImportFailed: if importing it raises, SystemExit included.
            ScriptUnservable: if init() or run() is missing or cannot be called, or init() or shutdown() is async.
        """
        require_file(path)
        imports = ScriptImports(path.parent, _free_name())
        imports.open()
        try:
            with imports.in_force():
                module = _import(path, imports.entry)
            init = _plain(_function(module, "init", path), "init", path)
            run = _function(_behind_driver(module), "run", path)
            shutdown = getattr(module, "shutdown", None)
            shutdown = _plain(shutdown, "shutdown", path) if callable(shutdown) else None
        except BaseException:
            sys.modules.pop(imports.entry, None)
            imports.close()
            raise
        explain = getattr(module, "explain", None)
        explain = explain if inspect.isroutine(explain) else None
        script = cls(path, module, init, run, shutdown, imports, explain=explain)
        if "flask" not in sys.modules and script.names_used_beside_flask():
            # The script will import it in a function. From now on each call is given what makes a context for
            # it, which must be there before run() begins.
            importlib.import_module("flask")
        return script

    def names_used_beside_flask(self) -> frozenset[str]:
        """The names that the script, and the modules beside it, use where they import Flask; none if none does."""
        if self.path.suffix != ".py":
            return frozenset()  # a model: what is in it is no code
        own = (getattr(module, "__file__", None) for module in self.imports.own.values())
        return names_used_beside_flask([self.path, *(Path(file) for file in own if file)])

    @property
    def uses_request_of_flask(self) -> bool:
        """Whether run() may look at Flask's request, or at what is kept for one request."""
        return not OF_A_REQUEST.isdisjoint(self.names_used_beside_flask())

    def start(self, model_dir: Path | None = None) -> None:
        """Run init(), on the thread that will score.

        Raises:
            InitFailed: if it raises, SystemExit included.
        """
        try:
            with self.imports.in_force():
                self.init()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            advice = of_failed_init(error, self.path, model_dir)
            listing = folder_listing(model_dir)
            raise InitFailed(str(self.path), error, user_traceback(error), listing, advice) from error

    def unload(self) -> None:
        """Forget the module and those beside it; what still refers to them keeps working."""
        sys.modules.pop(self.module.__name__, None)
        self.imports.close()


def require_file(path: Path) -> None:
    """Raise ScriptNotFound unless `path` is a file."""
    if os.path.isfile(path):  # which is False for a name that is too long, where Path.is_file() raises
        return
    raise ScriptNotFound(str(path), of_missing_script(path))


def _free_name() -> str:
    number = next(_numbers)
    return f"{MODULE_NAME}_{number}" if number else MODULE_NAME


def _import(path: Path, name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ScriptUnservable(str(path), "an entry script is a Python file; its name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ScriptImportFailed(str(path), _advice(error, path), user_traceback(error)) from error
    return module


def _advice(error: BaseException, path: Path) -> str:
    hint = of_failed_import(error, path) if isinstance(error, ImportError) and error.name else ""
    if hint:
        return hint
    if isinstance(error, SyntaxError):
        return f"Correct the syntax in line {error.lineno} of {error.filename}."
    return f"Correct the {type(error).__name__} shown above it."


def _behind_driver(module: types.ModuleType) -> types.ModuleType:
    """The script that a generated driver script stands for; its run() takes decorated arguments."""
    driven = getattr(module, "driver_module", None)
    return driven if isinstance(driven, types.ModuleType) and hasattr(driven, "run") else module


def _function(module: types.ModuleType, name: str, path: Path) -> Callable[..., Any]:
    found = getattr(module, name, None)
    if found is None:
        raise ScriptUnservable(str(path), f"it defines no {name}() function; add `def {name}(...)`")
    if not callable(found):
        raise ScriptUnservable(str(path), f"{name} is a {type(found).__name__}, which is not callable")
    return found  # type: ignore[no-any-return]


def _plain(function: Callable[..., Any], name: str, path: Path) -> Callable[..., Any]:
    """The function, which is called and not awaited: the body of an async one would never run."""
    for called in (function, getattr(type(function), "__call__", None)):  # noqa: B004 - its code is looked at
        if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
            reason = f"{name}() cannot be async; it is called plainly and its body would never run"
            raise ScriptUnservable(str(path), f"{reason}: make it `def {name}()`")
    return function


def folder_listing(folder: Path | None) -> list[str]:
    """A folder as an indented tree, 200 lines at most; empty if there is no such folder."""
    if folder is None or not folder.is_dir():
        return []
    try:
        lines = list(itertools.islice(_tree(folder, 0), LISTING_LINES + 1))
    except OSError as problem:
        return [f"(the model folder cannot be listed: {problem})"]
    if len(lines) > LISTING_LINES:
        lines[LISTING_LINES:] = [f"(more; the first {LISTING_LINES} lines are shown)"]
    return lines


def _tree(path: Path, depth: int) -> Iterator[str]:
    indent = "    " * depth
    if not path.is_dir():
        yield f"{indent}{path.name}"
        return
    yield f"{indent}{path.name}/"
    for child in sorted(path.iterdir()):
        yield from _tree(child, depth + 1)
