"""Models as rows of the database."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from scoringhost.hub.content import Content
from scoringhost.hub.errors import ValueRefused
from scoringhost.hub.models import Details, Model


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
    tags: Mapping[str, str],
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
        "tags": json.dumps(tags),
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


def conditions(
    columns: Mapping[str, str | None], tags: Iterable[str | Sequence[str]], properties: Iterable[str | Sequence[str]]
) -> tuple[list[str], list[str | int]]:
    """What SQL asks of the rows of `models`, and the values for its question marks."""
    where: list[str] = ["1"]
    values: list[str | int] = []
    for column, value in columns.items():
        if value is not None:
            where.append(f"models.{column} = ?")
            values.append(value)
    for column, wanted in (*(("tags", one) for one in tags), *(("properties", one) for one in properties)):
        key, given = _key_and_value(wanted)
        of_key = f"SELECT 1 FROM json_each(models.{column}) WHERE key = ?"
        where.append(f"EXISTS ({of_key}{'' if given is None else ' AND value = ?'})")
        values += [key] if given is None else [key, given]
    return where, values
