"""The hub below: opened for one call, its errors in the SDK's classes."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from scoringhost.azureml.exceptions import (
    WebserviceException,
    WorkspaceException,
    _ModelMissing,
    _PathMissing,
)
from scoringhost.hub.errors import HomeUnusable, HubError, ModelNotFound, ValueRefused
from scoringhost.hub.home import Home
from scoringhost.hub.registry import Registry


class NoCounterpart(UserWarning):
    """Parameters that mean something in Azure, and change nothing here."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what the hub raises as what the SDK would raise."""
    try:
        yield
    except ModelNotFound as problem:
        raise _ModelMissing(f"ModelNotFound: {problem}", problem) from problem
    except HomeUnusable as problem:
        raise WorkspaceException(str(problem), problem) from problem
    except ValueRefused as problem:
        if problem.field == "path" and not Path(str(problem.given)).exists():
            raise _PathMissing(f"there is nothing at the path {problem.given!r}", problem) from problem
        raise WebserviceException(str(problem), problem) from problem
    except HubError as problem:
        raise WebserviceException(str(problem), problem) from problem


@contextlib.contextmanager
def registry_in(folder: Path) -> Iterator[Registry]:
    """The models of a workspace.

    Opened for each call: a connection to SQLite belongs to one thread, and scripts hand workspaces to others.
    """
    with translated(), Home(folder) as home:
        yield Registry(home)


def warn_of(where: str, given: Mapping[str, object]) -> None:
    """Warn, in one sentence, of the parameters that were given and have no counterpart."""
    named = [name for name, value in given.items() if value is not None and value is not False]
    if named:
        warnings.warn(
            f"{where}: no counterpart here, so changes nothing: {', '.join(named)}", NoCounterpart, stacklevel=4
        )
