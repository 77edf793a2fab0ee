"""What the tests of the checks share."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoringhost.checking import check
from scoringhost.checking.findings import Report
from scoringhost.checking.source import Source
from scoringhost.settings import Settings

Write = Callable[..., Path]


@pytest.fixture
def read(write: Write) -> Callable[[str], Source]:
    """read(source): a parsed script."""
    return lambda source: Source.read(write(source))


@pytest.fixture
def checked(write: Write, tmp_path: Path) -> Callable[..., Report]:
    """checked(source, environ, **settings): the report on a script in its own folder; init() is added."""

    def checked(source: str, environ: dict[str, str] | None = None, body: bytes | None = None, **given: Any) -> Report:
        source = textwrap.dedent(source)
        path = write(source if "def init" in source else f"{source}\ndef init(): pass\n")
        flags = {"script": ("SCRIPT", str(path))} | {name: (name, value) for name, value in given.items()}
        settings, ignored = Settings.load(environ or {}, flags, tmp_path)
        return check(settings, environ or {}, body, ignored=ignored)

    return checked
