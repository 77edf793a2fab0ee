"""The settings for what is kept of requests and answers: data collection, and the flight recorder."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import click

from scoringhost.settings.declaration import NOT_NEGATIVE, POSITIVE, Part, WholeNumber, setting


class Share(click.FloatRange):
    """A number from 0 to 1."""

    name = "number from 0 to 1"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; click itself takes NaN for one that is neither too small nor too large."""
        converted = super().convert(value, param, ctx)
        if math.isnan(converted):
            self.fail(f"{value!r} is no number", param, ctx)
        return converted

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """How a help text writes it."""
        return "SHARE"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordingSettings(Part):
    """What is kept of requests and their answers, and where."""

    collect: bool = setting(
        False, click.BOOL, "Keep requests and answers; in the folder collected, if --collect-to names no other place.",
        "--collect", azure=("AML_MODEL_DC_STORAGE_ENABLED",),
    )  # fmt: skip
    collect_to: str | None = setting(
        None, click.STRING, "Folder, or URL that fsspec knows, for requests and answers; they are kept then.",
        "--collect-to",
    )  # fmt: skip
    collect_format: str = setting(
        "jsonl", click.Choice(["jsonl", "parquet"]), "Files of JSON lines, or of Parquet.", "--collect-format"
    )
    collect_share: float = setting(
        1.0, Share(0, 1), "Share of the requests that is kept, from 0 to 1.", "--collect-share"
    )
    collect_file_mb: int = setting(
        16, POSITIVE, "MiB after which another file is begun, in each worker.", "--collect-file-mb"
    )
    collect_file_s: int = setting(
        300, POSITIVE, "Seconds after which another file is begun, in each worker.", "--collect-file-s"
    )
    record_failures: str | None = setting(
        None, click.STRING, "Folder for the last requests that failed, or were slow.", "--record-failures"
    )
    record_from_status: int = setting(
        500, WholeNumber(400, 599), "Status from which a request has failed; with 400, the callers' faults as well.",
        "--record-from-status",
    )  # fmt: skip
    record_slow_ms: int = setting(
        0, NOT_NEGATIVE, "Milliseconds from which a request is slow, and kept as well; 0: none is.", "--record-slow-ms"
    )
    record_most: int = setting(100, POSITIVE, "Failed or slow requests that are kept, of all workers.", "--record-most")
    record_mb: int = setting(64, POSITIVE, "MiB that the failed or slow requests may take.", "--record-mb")
    keep_body_kb: int = setting(
        256, NOT_NEGATIVE, "KiB of each body that is kept; what is longer is cut off.", "--keep-body-kb"
    )
    redact: str | None = setting(
        None, click.STRING, "Function of the script, or module:function, that all that is kept goes through.",
        "--redact",
    )  # fmt: skip

    @property
    def is_collecting(self) -> bool:
        """Whether requests and answers are kept."""
        return self.collect or self.collect_to is not None
