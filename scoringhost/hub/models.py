"""A model: what is known of one version of it, and how it is named."""

from __future__ import annotations

import getpass
import json
import os
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

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


COLUMNS = (
    "name", "version", "created_at", "created_by", "description", "framework", "framework_version", "root", "is_folder",
    "content_hash", "size", "origin", "run_id", "properties", "details", "tags", "models.rowid AS place",
)  # fmt: skip
"""Of the table `models`."""


class Model:
    """One version of a model, as its row in the database has it.

    What the row holds as JSON is decoded when it is asked for, each time: of the 10,000 versions of a long list hardly
    any is looked at, and decoding all of them took four times as long as reading them.
    """

    __slots__ = ("_row",)

    def __init__(self, row: sqlite3.Row) -> None:
        """`row`: its `COLUMNS`."""
        self._row = row

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self._row == other._row

    def __hash__(self) -> int:
        return hash(self._row)

    def __repr__(self) -> str:
        return f"Model({self.id})"

    @property
    def id(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"

    @property
    def name(self) -> str:
        """What all its versions are called."""
        return str(self._row["name"])

    @property
    def version(self) -> int:
        """Its number, from 1."""
        return int(self._row["version"])

    @property
    def created_at(self) -> str:
        """In UTC, as ISO 8601 has it."""
        return str(self._row["created_at"])

    @property
    def created_by(self) -> str:
        """Who has registered it."""
        return str(self._row["created_by"])

    @property
    def root(self) -> str:
        """The base name of its file or folder."""
        return str(self._row["root"])

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder; else it is one file."""
        return bool(self._row["is_folder"])

    @property
    def content_hash(self) -> str:
        """SHA-256 of what is in it, in hexadecimal; see `Content.digest`."""
        return str(self._row["content_hash"])

    @property
    def size(self) -> int:
        """Bytes in all its files."""
        return int(self._row["size"])

    @property
    def tags(self) -> dict[str, str]:
        """What may change."""
        tags: dict[str, str] = _decoded(self._row["tags"])
        return tags

    @property
    def properties(self) -> dict[str, str]:
        """What does not change any more."""
        properties: dict[str, str] = _decoded(self._row["properties"])
        return properties

    @property
    def place(self) -> int:
        """Its place in the list of all, which has the greatest first."""
        return int(self._row["place"])

    @property
    def details(self) -> Details:
        """What it can do without."""
        row = self._row
        head = (row["description"], row["framework"], row["framework_version"], row["run_id"], row["origin"])
        return Details(*head, **_decoded(row["details"]))

    def to_json(self) -> dict[str, Any]:
        """As a value of JSON."""
        # All at once, as each look for a column by its name goes through the others: half of the time of a long list.
        (
            name, version, created_at, created_by, description, framework, framework_version, root, is_folder,
            content_hash, size, origin, run_id, properties, details, tags, _,
        ) = self._row  # fmt: skip
        told = {
            "description": description,
            "framework": framework,
            "framework_version": framework_version,
            "run_id": run_id,
            "origin": origin,
            **_decoded(details),
        }
        return {
            "id": f"{name}:{version}",
            "name": name,
            "version": version,
            "created_at": created_at,
            "created_by": created_by,
            "root": root,
            "is_folder": bool(is_folder),
            "content_hash": content_hash,
            "size": size,
            "details": told,
            "tags": _decoded(tags),
            "properties": _decoded(properties),
        }


def _decoded(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:  # NaN, or half of a surrogate pair, which json writes and reads
        return json.loads(text)


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
