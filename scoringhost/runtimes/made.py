"""EntryScript of a model: what the runtimes of all frameworks have in common."""

from __future__ import annotations

import functools
import importlib
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scoringhost.errors import MissingExtra
from scoringhost.script.imports import ScriptImports
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import Declarations, declares


def entry_script(
    path: Path,
    run: Callable[..., Any],
    declarations: Declarations,
    init: Callable[[], Any] | None = None,
    shutdown: Callable[[], Any] | None = None,
    imports: ScriptImports | None = None,
) -> EntryScript:
    """The entry script of the model at a path.

    run: takes arguments as `declarations` says. init: makes what does not survive a fork, on the thread that scores.
    imports: what the model was loaded with, if its folder is importable.
    """
    called = _function(run)
    declares(called, declarations)
    start = init or _nothing
    module = types.ModuleType(f"model_{path.stem}", called.__doc__)
    vars(module).update(init=start, run=called)
    return EntryScript(path, module, start, called, shutdown, imports or ScriptImports(Path()))


def _function(run: Callable[..., Any]) -> Callable[..., Any]:
    """run() as a function, which can be marked; a bound method cannot."""

    @functools.wraps(run)
    def called(*arguments: Any, **named: Any) -> Any:
        return run(*arguments, **named)

    return called


def imports_beside(path: Path) -> ScriptImports:
    """Make the modules beside a model importable, which a pickle may need; to be closed if it cannot be served."""
    imports = ScriptImports(path.parent)
    imports.open()
    return imports


def _nothing() -> None:
    """The model was loaded to see what it takes."""


def require(module: str, extra: str) -> Any:
    """An optional package.

    Raises:
        MissingExtra: if it is not installed; names the extra.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name != module.partition(".")[0]:
            raise
        raise MissingExtra(module, extra) from None
