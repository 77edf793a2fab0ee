"""EntryScript of a model: what the runtimes of all frameworks have in common."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scoringhost.errors import MissingExtra
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import Declarations, declares


def entry_script(
    path: Path,
    run: Callable[..., Any],
    declarations: Declarations,
    init: Callable[[], Any] | None = None,
    shutdown: Callable[[], Any] | None = None,
) -> EntryScript:
    """The entry script of the model at a path.

    run: takes arguments as `declarations` says. init: makes what does not survive a fork, on the thread that scores.
    """
    module = types.ModuleType(path.stem, run.__doc__)
    start = init or _nothing
    declares(run, declarations)
    vars(module).update(init=start, run=run)
    return EntryScript(path, module, start, run, shutdown)


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
