"""Services, versions, deployments and events as rows of the database."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from scoringhost.hub.content import Content, StoredFile
from scoringhost.hub.service_values import (
    Deployment,
    Division,
    Event,
    Label,
    Recipe,
    Service,
    Trial,
    Version,
    Wanted,
)

KEPT_EVENTS = 10_000
"""The newest ones; those before are forgotten."""


def now() -> str:
    """This moment in UTC, as ISO 8601 has it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def insert(database: sqlite3.Connection, table: str, **row: Any) -> int:
    """Add a row; returns its number."""
    marks = ", ".join(f":{column}" for column in row)
    added = database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)
    return int(added.lastrowid or 0)


# -- reading ----------------------------------------------------------------------------------------


def services_in(database: sqlite3.Connection, name: str | None = None) -> list[Service]:
    """All services with their versions, or the one of that name, by name."""
    where, values = ("WHERE service = ?", (name,)) if name is not None else ("", ())
    deployments = {
        row["id"]: deployment_of(row)
        for row in database.execute(f"SELECT * FROM deployments {where}", values)
        if row["state"] != Trial.REPLACED
    }
    trials = {(one.service, one.version): one for one in deployments.values() if one.state is Trial.TRIAL}
    versions: dict[str, list[Version]] = {}
    for row in database.execute(f"SELECT * FROM versions {where} ORDER BY rowid", values):
        version = _version_of(row, deployments.get(row["deployment"]), trials.get((row["service"], row["version"])))
        versions.setdefault(version.service, []).append(version)
    chosen = "WHERE name = ?" if name is not None else ""
    rows = database.execute(f"SELECT * FROM services {chosen} ORDER BY name", values).fetchall()
    return [_service_of(row, versions.get(row["name"], [])) for row in rows]


def _service_of(row: sqlite3.Row, versions: Sequence[Version]) -> Service:
    division = Division(
        row["default_version"],
        json.loads(row["traffic"]),
        row["sticky_header"],
        json.loads(row["shadow"]),
        row["control"],
    )
    keys = json.loads(row["keys"])
    return Service(row["name"], row["created_at"], row["owner"], row["endpoint"], division, keys, tuple(versions))


def _version_of(row: sqlite3.Row, deployment: Deployment | None, on_trial: Deployment | None) -> Version:
    label = Label(row["description"], json.loads(row["tags"]), json.loads(row["properties"]))
    return Version(
        row["service"],
        row["version"],
        row["created_at"],
        row["created_by"],
        Wanted(row["wanted"]),
        label,
        deployment,
        on_trial,
    )


def deployment_of(row: sqlite3.Row) -> Deployment:
    """A deployment from its row."""
    recipe = Recipe(
        tuple((name, version) for name, version in json.loads(row["models"])),
        row["script"],
        json.loads(row["settings"]),
        json.loads(row["environ"]),
        row["environment"],
        json.loads(row["pool"]),
        json.loads(row["origin"]),
    )
    return Deployment(
        row["id"],
        row["service"],
        row["version"],
        Trial(row["state"]),
        row["reason"],
        row["created_at"],
        row["created_by"],
        row["root"],
        bool(row["is_folder"]),
        row["content_hash"],
        row["size"],
        recipe,
        row["share"],
        row["deployed_from"],
        division_of(row["division_before"]),
    )


def deployment_by_id(database: sqlite3.Connection, number: int) -> Deployment | None:
    """One deployment, in whatever state."""
    row = database.execute("SELECT * FROM deployments WHERE id = ?", (number,)).fetchone()
    return None if row is None else deployment_of(row)


def files_of(database: sqlite3.Connection, deployment: Deployment) -> Content:
    """What is stored for a deployment; its models are the registry's."""
    rows = database.execute("SELECT * FROM deployment_files WHERE deployment = ? ORDER BY path", (deployment.id,))
    files = (StoredFile(row["path"], row["digest"], row["size"], bool(row["is_program"])) for row in rows)
    return Content(deployment.root, deployment.is_folder, tuple(files))


def event_of(row: sqlite3.Row) -> Event:
    """An event from its row."""
    return Event(*(row[column] for column in ("id", "at", "who", "what", "service", "version", "detail")))


def division_of(text: str) -> Division:
    """A division from its JSON."""
    return Division(**json.loads(text))


# -- writing ----------------------------------------------------------------------------------------


def division_text(division: Division) -> str:
    """A division as JSON."""
    return json.dumps({
        "default": division.default,
        "shares": dict(division.shares),
        "sticky_header": division.sticky_header,
        "shadow": dict(division.shadow),
        "control": division.control,
    })  # fmt: skip


def add_service(database: sqlite3.Connection, name: str, owner: str, endpoint: str | None) -> None:
    """Add a service without versions."""
    insert(
        database,
        "services",
        name=name,
        created_at=now(),
        owner=owner,
        endpoint=endpoint,
        traffic="{}",
        shadow="{}",
        keys="{}",
        last_number=0,
    )


def add_version(database: sqlite3.Connection, service: str, version: str, by: str, label: Label) -> None:
    """Add a version that runs nothing yet."""
    insert(
        database,
        "versions",
        service=service,
        version=version,
        created_at=now(),
        created_by=by,
        wanted=Wanted.RUNNING,
        description=label.description,
        tags=json.dumps(dict(label.tags)),
        properties=json.dumps(dict(label.properties)),
    )


def add_deployment(
    database: sqlite3.Connection,
    service: str,
    version: str,
    by: str,
    recipe: Recipe,
    content: Content,
    share: float | None,
    deployed_from: int | None,
) -> int:
    """Add a deployment on trial, with its files; returns its number."""
    number = insert(
        database,
        "deployments",
        service=service,
        version=version,
        state=Trial.TRIAL,
        reason="",
        created_at=now(),
        created_by=by,
        root=content.root,
        is_folder=int(content.is_folder),
        content_hash=content.digest,
        size=content.size,
        models=json.dumps(recipe.models),
        script=recipe.script,
        settings=json.dumps(dict(recipe.settings)),
        environ=json.dumps(dict(recipe.environ)),
        environment=recipe.environment,
        pool=json.dumps(dict(recipe.pool)),
        origin=json.dumps(dict(recipe.origin)),
        share=share,
        deployed_from=deployed_from,
        division_before=division_text(Division()),
    )
    database.executemany(
        "INSERT INTO deployment_files VALUES (?, ?, ?, ?, ?)",
        [(number, file.path, file.digest, file.size, int(file.is_program)) for file in content.files],
    )
    return number


def set_division(database: sqlite3.Connection, name: str, division: Division) -> None:
    """Divide the requests to a service from now on."""
    database.execute(
        "UPDATE services SET default_version = ?, traffic = ?, sticky_header = ?, shadow = ?, control = ? "
        "WHERE name = ?",
        (
            division.default,
            json.dumps(dict(division.shares)),
            division.sticky_header,
            json.dumps(dict(division.shadow)),
            division.control,
            name,
        ),
    )


def set_label(database: sqlite3.Connection, service: str, version: str, label: Label) -> None:
    """Say something else about a version."""
    database.execute(
        "UPDATE versions SET description = ?, tags = ?, properties = ? WHERE service = ? AND version = ?",
        (label.description, json.dumps(dict(label.tags)), json.dumps(dict(label.properties)), service, version),
    )


def user_of_models(service: str, version: str) -> str:
    """How the registry calls a version of a service that uses its models."""
    return f"service {service}:{version}"


def note_uses(database: sqlite3.Connection, service: str, version: str) -> None:
    """Note which models a version needs: for what it runs, what is on trial, and what it may go back to."""
    user = user_of_models(service, version)
    database.execute("DELETE FROM uses WHERE user = ?", (user,))
    rows = database.execute("SELECT models FROM deployments WHERE service = ? AND version = ?", (service, version))
    models = {(name, number) for row in rows.fetchall() for name, number in json.loads(row["models"])}
    database.executemany("INSERT INTO uses VALUES (?, ?, ?)", [(*model, user) for model in sorted(models)])


def note(database: sqlite3.Connection, who: str, what: str, service: str, version: str = "", detail: str = "") -> None:
    """Add an event, in the same transaction as what it tells of."""
    number = insert(database, "events", at=now(), who=who, what=what, service=service, version=version, detail=detail)
    if number % 100 == 0:
        database.execute("DELETE FROM events WHERE id <= ?", (number - KEPT_EVENTS,))
