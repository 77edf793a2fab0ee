"""The function of the user's own that everything goes through before it is kept."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from scoringhost.errors import SettingsError
from scoringhost.recording.queue import Item, Losses
from scoringhost.recording.records import About, Record

Redact = Callable[[Record], Any]


def redactor(name: str, module: Any) -> Redact:
    """The function that a setting names: of the script's `module`, or module:function.

    Raises:
        SettingsError: if there is none.
    """
    place, colon, function = name.rpartition(":")
    if colon:
        try:
            module = importlib.import_module(place)
        except ImportError as problem:
            raise SettingsError("redact", name, f"{place} cannot be imported: {problem}") from None
    found = getattr(module, function, None)
    if not callable(found):
        raise SettingsError("redact", name, f"there is no function {function} in {getattr(module, '__file__', place)}")
    redact: Redact = found
    return redact


def records_of(items: Sequence[Item], about: About, redact: Redact | None, losses: Losses) -> list[tuple[Item, Record]]:
    """The records of items, redacted. One that the function fails on is lost: it is never kept as it is."""
    made: list[tuple[Item, Record]] = []
    for item in items:
        record: Any = item.record(about)
        if redact is not None:
            try:
                record = redact(record)
            except Exception:
                losses.lost(1, f"redact() failed\n{traceback.format_exc()}")
                continue
            if record is not None and not isinstance(record, dict):
                losses.lost(
                    1, f"redact() must return a dict, or None to keep nothing; it was a {type(record).__name__}"
                )
                continue
        if record is not None:
            made.append((item, record))
    return made
