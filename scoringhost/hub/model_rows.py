"""Models as rows of the database."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from scoringhost.hub.content import Content
from scoringhost.hub.errors import ValueRefused
from scoringhost.hub.models import Details, Model

_OF_TAGS = "SELECT 1 FROM tags WHERE tags.name = models.name AND tags.version = models.version"
_OF_PROPERTIES = "SELECT 1 FROM json_each(models.properties) WHERE 1"
TAGS = (
    "(SELECT json_group_object(key, value) FROM tags WHERE tags.name = models.name AND tags.version = models.version)"
    " AS tags"
)


def _key_and_value(wanted: str | Sequence[str]) -> tuple[str, str | None]:
    if isinstance(wanted, str):
        return wanted, None
    if len(wanted) == 1:
        return wanted[0], None
    if len(wanted) != 2:
        raise ValueRefused("tags", "keys, or pairs of a key and a value", wanted)
    return wanted[0], str(wanted[1])


def next_version(database: sqlite3.Connection, name: str) -> int:
    """The next number of a name, which is never given again."""
    row = database.execute(
        "INSERT INTO names VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET last_version = last_version + 1 "
        "RETURNING last_version",
        (name,),
    ).fetchone()
    return int(row["last_version"])


def insert(
    database: sqlite3.Connection,
    name: str,
    version: int,
    content: Content,
    details: Details,
    properties: Mapping[str, str],
    by: str,
) -> None:
    """Add a version with its files."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
    rest = {
        "sample_input": details.sample_input,
        "sample_output": details.sample_output,
        "resources": dict(details.resources),
        "more": dict(details.more),
    }
    row = {
        "name": name,
        "version": version,
        "created_at": now,
        "created_by": by,
        "description": details.description,
        "framework": details.framework,
        "framework_version": details.framework_version,
        "root": content.root,
        "is_folder": int(content.is_folder),
        "content_hash": content.digest,
        "size": content.size,
        "origin": details.origin,
        "run_id": details.run_id,
        "properties": json.dumps(properties),
        "details": json.dumps(rest),
    }
    names = ", ".join(row)
    marks = ", ".join(f":{column}" for column in row)
    database.execute(f"INSERT INTO models ({names}) VALUES ({marks})", row)
    database.executemany(
        "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)",
        [(name, version, file.path, file.digest, file.size, int(file.is_program)) for file in content.files],
    )


def update(database: sqlite3.Connection, model: Model, column: str, value: str) -> None:
    """Change one column of a version."""
    database.execute(
        f"UPDATE models SET {column} = ? WHERE name = ? AND version = ?", (value, model.name, model.version)
    )


def set_tags(database: sqlite3.Connection, name: str, version: int, tags: Mapping[str, str]) -> None:
    """Add tags, or change those that are there."""
    database.executemany(
        "INSERT INTO tags VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [(name, version, key, value) for key, value in tags.items()],
    )


def conditions(
    columns: Mapping[str, str | None], tags: Iterable[str | Sequence[str]], properties: Iterable[str | Sequence[str]]
) -> tuple[list[str], list[str]]:
    """What SQL asks of the rows of `models`, and the values for its question marks."""
    where, values = ["1"], []
    for column, value in columns.items():
        if value is not None:
            where.append(f"models.{column} = ?")
            values.append(value)
    for table, wanted in (*((_OF_TAGS, one) for one in tags), *((_OF_PROPERTIES, one) for one in properties)):
        key, given = _key_and_value(wanted)
        where.append(f"EXISTS ({table} AND key = ?{'' if given is None else ' AND value = ?'})")
        values += [key] if given is None else [key, given]
    return where, values


def model_of(row: sqlite3.Row) -> Model:
    """A model from its row, to which `TAGS` has been added."""
    rest = json.loads(row["details"])
    details = Details(
        row["description"],
        row["framework"],
        row["framework_version"],
        row["run_id"],
        row["origin"],
        **rest,
    )
    return Model(
        row["name"],
        row["version"],
        row["created_at"],
        row["created_by"],
        row["root"],
        bool(row["is_folder"]),
        row["content_hash"],
        row["size"],
        details,
        json.loads(row["tags"]),
        json.loads(row["properties"]),
    )
