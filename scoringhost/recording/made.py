"""Putting together what keeps requests, from the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scoringhost.errors import MissingExtra, SettingsError
from scoringhost.recording.collection import Collection, FileRules, Files
from scoringhost.recording.flight_recorder import FlightRecorder, RecorderRules
from scoringhost.recording.places import place_of
from scoringhost.recording.queue import Losses
from scoringhost.recording.records import About
from scoringhost.recording.redaction import redactor
from scoringhost.settings import Settings

KIB, MIB = 1024, 1024 * 1024

COLLECTED = "collected"
"""The folder in the app root, if no place is named."""


def keepers_of(
    settings: Settings, module: Any, counted: Callable[[int, int], None] | None
) -> tuple[Collection | None, FlightRecorder | None]:
    """What keeps requests as the settings want it; nothing unless they do.

    module: of the entry script, whose redact() may be named. counted: told of every (kept, lost).

    Raises:
        SettingsError: if a setting cannot be used, or the function that is named is not there.
        MissingExtra: if a package is missing.
    """
    if not settings.is_collecting and settings.record_failures is None:
        return None, None
    redact = None if settings.redact is None else redactor(settings.redact, module)
    about = About(settings.service_name, settings.service_version, settings.keep_body_kb * KIB)
    collection = recorder = None
    if settings.is_collecting:
        if settings.collect_format == "parquet":
            _require_pyarrow()
        place = place_of(settings.collect_to or str(Path(settings.app_root or ".") / COLLECTED))
        rules = FileRules(place, settings.collect_format, settings.collect_file_mb * MIB, settings.collect_file_s)
        losses = Losses("collected requests", counted)
        collection = Collection(Files(rules, about, redact), settings.collect_share, losses)
    if settings.record_failures is not None:
        if "://" in settings.record_failures:
            raise SettingsError("record_failures", settings.record_failures, "it must be a folder of this machine")
        recorded = RecorderRules(
            Path(settings.record_failures),
            settings.record_from_status,
            settings.record_slow_ms,
            settings.record_most,
            settings.record_mb * MIB,
        )
        recorder = FlightRecorder(recorded, about, redact, Losses("recorded requests", counted))
    return collection, recorder


def _require_pyarrow() -> None:
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise MissingExtra("pyarrow", "parquet")
