"""A model: what is known of one version of it, and how it is named."""

from __future__ import annotations

import dataclasses
import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scoringhost.hub.errors import NameRefused, ValueRefused

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}")
NAME_RULE = "letters, digits, dots, dashes and underscores, up to 255 of them, and a letter or digit first"


@dataclass(frozen=True, slots=True)
class Details:
    """What a model can do without, as whoever registers it says it. `sample_input`: any value of JSON.

    `resources`: `cpu` in cores, `memory_gb`, `gpu`.
    """

    description: str = ""
    framework: str = ""
    framework_version: str = ""
    run_id: str = ""
    origin: str = ""
    sample_input: Any = None
    sample_output: Any = None
    resources: Mapping[str, float] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """One version of a model. `created_at`: in UTC, as ISO 8601 has it; `size`: bytes in all its files."""

    name: str
    version: int
    created_at: str
    created_by: str
    root: str
    is_folder: bool
    content_hash: str
    size: int
    details: Details
    tags: Mapping[str, str]
    properties: Mapping[str, str]

    @property
    def id(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"

    def to_json(self) -> dict[str, Any]:
        """As a value of JSON."""
        return {"id": self.id, **dataclasses.asdict(self)}


def parse_id(text: str) -> tuple[str, int | None]:
    """`name` or `name:version`, as people write it.

    Raises:
        NameRefused: if it is neither.
    """
    name, colon, version = text.partition(":")
    require_name(name)
    if colon and not (version.isascii() and version.isdigit()):
        raise NameRefused("model", text, "its version is a whole number, as in wine:3")
    return name, int(version) if colon else None


def require_name(name: str) -> None:
    """Make sure that it can be the name of a model.

    Raises:
        NameRefused: if it cannot.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise NameRefused("model", name, NAME_RULE)


def texts(field_name: str, given: Mapping[str, str] | None) -> dict[str, str]:
    """Tags or properties, whose values are texts; numbers and truth values are written as such.

    Raises:
        ValueRefused: if they are something else.
    """
    if given is not None and not isinstance(given, Mapping):
        raise ValueRefused(field_name, "an object", given)
    found = {}
    for key, value in (given or {}).items():
        if not isinstance(key, str) or not key or not isinstance(value, (str, int, float)):
            raise ValueRefused(f"{field_name}[{key!r}]", "a text", value)
        found[key] = str(value)
    return found


def user_name() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user that has no name
        return str(os.getuid())
