"""What a service is called that nobody has given a name."""

from __future__ import annotations

import re
from pathlib import Path

_NOT_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


def name_of(what: str, source: Path | None) -> str:
    """The name of a folder, of a file, or of a registered model, which is no path; a score.py has its folder's."""
    if source is None:
        return what.partition(":")[0]
    path = source.resolve()
    name = path.stem if path.is_file() else path.name
    if name == "score" and path.is_file():
        name = path.parent.name
    return _NOT_SAFE.sub("-", name).strip("-._") or "service"
