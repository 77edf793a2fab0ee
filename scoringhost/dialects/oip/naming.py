"""The name of a model, by where its script is."""

from __future__ import annotations

import re
from pathlib import Path

USUAL_STEMS = frozenset({"score", "main", "model", "entry_script", "entry", "scoring", "app", "run", "__init__"})
"""Names of files that say nothing of what is served: the folder does."""


def name_of(script: Path) -> str:
    """The name of the file without its suffix, or that of its folder if the file has a usual name."""
    name = script.stem
    if name.lower() in USUAL_STEMS:
        name = script.resolve().parent.name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
