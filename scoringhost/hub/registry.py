"""The model registry: models by name and version.

A version is a whole number that grows by one with each registration of its name. A number that was given never comes
back, whatever is deleted. What a version is - its files, framework, properties - never changes; tags and its
description do.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scoringhost.hub.content import Content, Files, StoredFile
from scoringhost.hub.errors import ModelInUse, ModelNotFound, PropertyFixed, ValueRefused
from scoringhost.hub.home import Home
from scoringhost.hub.model_rows import conditions, insert, next_version, update
from scoringhost.hub.models import COLUMNS, Details, Model, require_name, texts, user_name

_COLUMNS = ", ".join(COLUMNS)


class Registry:
    """The models of a hub."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._files = Files(home)

    # -- registering --------------------------------------------------------------------------------

    def register(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        parts: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        details: Details | None = None,
        by: str | None = None,
    ) -> Model:
        """Store a file or folder as the next version of a name. `parts`: of a folder, only these paths below it.

        Raises:
            NameRefused: if it cannot be a name.
            ValueRefused: if the path cannot be stored, a tag is no text, or the framework of a version is missing.
            DiskFull: if there is no room for it.
        """
        details = details or Details()
        require_name(name)
        own_tags, fixed = texts("tags", tags), texts("properties", properties)
        if details.framework_version and not details.framework:
            raise ValueRefused("framework", "the framework that the version is of", details.framework)
        source = Path(path)
        details = dataclasses.replace(details, origin=details.origin or str(source.absolute()))
        try:
            with self._home.adding():
                content = self._files.store(source, parts)
                with self._home.writing() as database:
                    version = next_version(database, name)
                    insert(database, name, version, content, details, own_tags, fixed, by or user_name())
        except BaseException:  # such as a disk that is full, which these files would keep full
            self._files.remove_unnamed(waits=False)
            raise
        return self.get(name, version)

    # -- finding ------------------------------------------------------------------------------------

    def get(self, name: str, version: int | None = None) -> Model:
        """One version of a model; the newest that is there, if none is said.

        Raises:
            ModelNotFound: if there is none; it knows names that are near, or the versions that there are.
        """
        with self._home.reading() as database:
            return self._get(database, name, version)

    def _get(self, database: sqlite3.Connection, name: str, version: int | None) -> Model:
        chosen = "version = ?" if version is not None else "1 ORDER BY version DESC LIMIT 1"
        values = (name, version) if version is not None else (name,)
        row = database.execute(f"SELECT {_COLUMNS} FROM models WHERE name = ? AND {chosen}", values).fetchone()
        if row is not None:
            return Model(row)
        rows = database.execute("SELECT version FROM models WHERE name = ? ORDER BY version", (name,)).fetchall()
        if rows and version is not None:
            raise ModelNotFound(name, version, known=[str(row["version"]) for row in rows])
        names = [row["name"] for row in database.execute("SELECT DISTINCT name FROM models")]
        raise ModelNotFound(name, known=difflib.get_close_matches(name, names, 1))

    def find(
        self,
        name: str | None = None,
        *,
        tags: Iterable[str | Sequence[str]] = (),
        properties: Iterable[str | Sequence[str]] = (),
        framework: str | None = None,
        run_id: str | None = None,
        latest: bool = False,
        most: int | None = None,
        after: int | None = None,
    ) -> list[Model]:
        """The models that fit all that is said, the newest first.

        tags, properties: keys, or pairs of a key and a value. latest: of each name no more than the newest that fits.
        after: only those behind the one whose `place` it is, for a list that is read part by part.
        """
        where, values = conditions({"name": name, "framework": framework, "run_id": run_id}, tags, properties)
        chosen = f"SELECT {_COLUMNS} FROM models WHERE {' AND '.join(where)}"
        if latest:
            newest = f"SELECT name, max(version) AS version FROM models WHERE {' AND '.join(where)} GROUP BY name"
            chosen = f"SELECT {_COLUMNS} FROM ({newest}) JOIN models USING (name, version) WHERE 1"
        if after is not None:
            chosen, values = f"{chosen} AND models.rowid < ?", [*values, after]
        # In the order of registration. The time would be another one after a clock was put back.
        chosen += " ORDER BY models.rowid DESC"
        chosen += "" if most is None else f" LIMIT {int(most)}"
        with self._home.reading() as database:
            return [Model(row) for row in database.execute(chosen, values)]

    # -- changing -----------------------------------------------------------------------------------

    def tag(
        self,
        name: str,
        version: int | None,
        add: Mapping[str, str],
        remove: Iterable[str] = (),
        *,
        replace: bool = False,
    ) -> Model:
        """Add tags, or others in the place of those of the same key, and remove some; with `replace`, all before.

        Raises:
            ModelNotFound: if there is no such model.
            ValueRefused: if one is no text.
        """
        new = texts("tags", add)
        with self._home.writing() as database:
            model = self._get(database, name, version)
            gone = set(model.tags) if replace else set(remove)
            kept = {key: value for key, value in model.tags.items() if key not in gone}
            update(database, model, "tags", json.dumps({**kept, **new}))
        return self.get(name, model.version)

    def add_properties(self, name: str, version: int | None, properties: Mapping[str, str]) -> Model:
        """Add properties, which nobody changes any more.

        Raises:
            PropertyFixed: if one is there already.
        """
        new = texts("properties", properties)
        with self._home.writing() as database:
            model = self._get(database, name, version)
            known = sorted(set(new) & set(model.properties))
            if known:
                raise PropertyFixed(model.id, known)
            update(database, model, "properties", json.dumps({**model.properties, **new}))
        return self.get(name, model.version)

    def describe(self, name: str, version: int | None, description: str) -> Model:
        """Say something else about it."""
        with self._home.writing() as database:
            model = self._get(database, name, version)
            update(database, model, "description", description)
        return self.get(name, model.version)

    def advise(
        self,
        name: str,
        version: int | None,
        *,
        sample_input: Any = None,
        sample_output: Any = None,
        resources: Mapping[str, float] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Model:
        """Say something else about how it is used; what is None stays as it was. `more`: over what there is."""
        with self._home.writing() as database:
            model = self._get(database, name, version)
            known = model.details
            new = {
                "sample_input": known.sample_input if sample_input is None else sample_input,
                "sample_output": known.sample_output if sample_output is None else sample_output,
                "resources": dict(known.resources if resources is None else resources),
                "more": {**known.more, **(more or {})},
            }
            update(database, model, "details", json.dumps(new))
        return self.get(name, model.version)

    def delete(self, name: str, version: int | None = None) -> Model:
        """Delete one version; its files go with it, unless something else has the same ones.

        Raises:
            ModelInUse: if something that is deployed depends on it.
        """
        with self._home.writing() as database:
            model = self._get(database, name, version)
            key = (name, model.version)
            users = [row["user"] for row in database.execute("SELECT user FROM uses WHERE name=? AND version=?", key)]
            if users:
                raise ModelInUse(model.id, users)
            database.execute("DELETE FROM models WHERE name = ? AND version = ?", key)
        self._files.remove_unnamed()
        return model

    # -- files --------------------------------------------------------------------------------------

    def content(self, name: str, version: int | None = None) -> Content:
        """What is stored for a version."""
        with self._home.reading() as database:
            model = self._get(database, name, version)
            rows = database.execute(
                "SELECT * FROM files WHERE name = ? AND version = ? ORDER BY path", (name, model.version)
            ).fetchall()
        files = (StoredFile(row["path"], row["digest"], row["size"], bool(row["is_program"])) for row in rows)
        return Content(model.root, model.is_folder, tuple(files))

    def download(
        self, name: str, version: int | None, folder: str | os.PathLike[str], *, replace: bool = False
    ) -> Path:
        """Write a model's file, or its folder, into a folder; every file is checked on its way. Returns its path.

        Raises:
            PlaceTaken: if something of that name is there, and it may not be replaced.
            ContentDamaged: if a file is missing, or not what it was.
        """
        return self._files.put(self.content(name, version), Path(folder), replace=replace)

    def use(self, name: str, version: int, user: str) -> None:
        """Note that something depends on a version, until `let_go`."""
        with self._home.writing() as database:
            self._get(database, name, version)
            database.execute("INSERT OR IGNORE INTO uses VALUES (?, ?, ?)", (name, version, user))

    def let_go(self, user: str) -> None:
        """Note that it depends on nothing any more."""
        with self._home.writing() as database:
            database.execute("DELETE FROM uses WHERE user = ?", (user,))
