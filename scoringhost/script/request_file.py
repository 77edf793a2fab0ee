"""request.json beside an entry script: the request that `call`, `check`, `profile` and the page at /docs send."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from scoringhost.schema.declared import JsonValue
from scoringhost.settings.served import folder_of

NAME = "request.json"
MLFLOW_NAME = "serving_input_example.json"
"""What MLflow writes into a model folder, if it was given an example: a request for its own server, and for ours."""
LARGEST_EXAMPLE = 65_536
"""Bytes of a request.json up to which the API document shows it as its example, which everybody reads who calls."""

logger = logging.getLogger("azmlinfsrv.swagger")


def request_file(script: Path) -> Path | None:
    """The request.json beside a script or in a model folder, MLflow's if there is none, or else None."""
    names = (NAME, MLFLOW_NAME) if script.is_dir() else (NAME,)
    paths = (folder_of(script) / name for name in names)
    return next((path for path in paths if path.is_file()), None)


def is_example(script: Path) -> bool:
    """Whether the request.json beside a script is small enough to be shown in the API document."""
    path = request_file(script)
    return path is not None and path.stat().st_size <= LARGEST_EXAMPLE


def request_beside(script: Path) -> JsonValue | None:
    """What the request.json beside a script holds: its JSON, or its text if it is none.

    Returns None if there is no such file, if it cannot be read or if it is empty; the second is logged.
    """
    path = request_file(script)
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        logger.warning("%s is no sample, as it cannot be read: %s", path, problem)
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text if text.strip() else None
