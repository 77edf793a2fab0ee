"""Where hubs are: a workspace is a folder below one home of the user's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from scoringhost.hub.errors import NameRefused

HOME_VARIABLE, WORKSPACE_VARIABLE = "SCORINGHOST_HOME", "SCORINGHOST_WORKSPACE"
DEFAULT_WORKSPACE = "default"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}")


def user_home(environ: Mapping[str, str]) -> Path:
    """The folder of all workspaces and what belongs to none: SCORINGHOST_HOME, or ~/.scoringhost."""
    named = environ.get(HOME_VARIABLE)
    return Path(named).expanduser().absolute() if named else Path.home() / ".scoringhost"


def workspace_folder(environ: Mapping[str, str], name: str | None = None) -> Path:
    """The folder of a workspace: of that name, or of SCORINGHOST_WORKSPACE, or the one that everybody has.

    Raises:
        NameRefused: if it cannot be the name of a folder.
    """
    chosen = name or environ.get(WORKSPACE_VARIABLE) or DEFAULT_WORKSPACE
    if not _NAME.fullmatch(chosen):
        raise NameRefused("workspace", chosen, "letters, digits, dots, dashes and underscores, up to 100 of them")
    return user_home(environ) / "workspaces" / chosen
