"""The service catalogue: which services and versions there are, what each runs, and whether it is to run.

Every method is one transaction. What is deployed goes through three of them: `begin` writes it down as on trial, when
its files are stored already; `accept` or `reject` say what has become of it. A process that is killed in between leaves
a deployment on trial, which `discard_trials` removes when the hub starts again: nobody was told that it runs.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import sqlite3
from collections.abc import Callable, Mapping

from scoringhost.fleet.specs import version_order
from scoringhost.hub import service_rows as rows
from scoringhost.hub.content import Content
from scoringhost.hub.dividing import checked, taking_over, without
from scoringhost.hub.errors import (
    ChangeUnderWay,
    ModelNotFound,
    NothingToRollBack,
    PropertyFixed,
    ServiceExists,
    ServiceNotFound,
    ValueRefused,
    VersionExists,
)
from scoringhost.hub.home import Home
from scoringhost.hub.service_values import (
    Deployment,
    Division,
    Event,
    Label,
    Mode,
    Recipe,
    Service,
    Trial,
    Version,
    Wanted,
    require_service_name,
)

KEPT_BEFORE = 5
"""Deployments of a version that are kept beside the one that it runs, to go back to."""

NO_FILES = Content("app", True, ())
"""Of a deployment that is models alone."""


class Services:
    """The services of a hub's folder."""

    def __init__(self, home: Home) -> None:
        self._home = home

    # -- finding ------------------------------------------------------------------------------------

    def all(self) -> list[Service]:
        """All services, by name."""
        with self._home.reading() as database:
            return rows.services_in(database)

    def get(self, name: str) -> Service:
        """One service.

        Raises:
            ServiceNotFound: if there is none of that name.
        """
        with self._home.reading() as database:
            return _service(database, name)

    def version(self, name: str, version: str) -> Version:
        """One version of a service.

        Raises:
            ServiceNotFound: if there is no such one.
        """
        return _version(self.get(name), version)

    def content(self, deployment: Deployment) -> Content:
        """What is stored for a deployment, besides its models."""
        with self._home.reading() as database:
            return rows.files_of(database, deployment)

    def events(self, name: str | None = None, *, after: int = 0, most: int = 100) -> list[Event]:
        """The newest events, the oldest of them first. after: only those with greater numbers."""
        where = "id > ?" + ("" if name is None else " AND service = ?")
        values = (after,) if name is None else (after, name)
        chosen = f"SELECT * FROM events WHERE {where} ORDER BY id DESC LIMIT {int(most)}"
        with self._home.reading() as database:
            return [rows.event_of(row) for row in database.execute(chosen, values)][::-1]

    # -- deploying ----------------------------------------------------------------------------------

    def create(self, name: str, by: str, endpoint: str) -> Service:
        """Add a service that has no version yet, and stays when it has none any more.

        Raises:
            NameRefused: if it cannot be a name.
            ServiceExists: if there is one.
        """
        require_service_name(name)
        with self._home.writing() as database:
            found = rows.services_in(database, name)
            if found:
                raise ServiceExists(name, found[0].owner)
            rows.add_service(database, name, by, endpoint)
            rows.note(database, by, "create", name)
        return self.get(name)

    def begin(
        self,
        name: str,
        version: str | None,
        recipe: Recipe,
        content: Content | None,
        by: str,
        *,
        mode: Mode = Mode.ANY,
        label: Label | None = None,
        share: float | None = None,
        of: Deployment | None = None,
        is_rollback: bool = False,
        require: Callable[[Service], None] | None = None,
    ) -> Deployment:
        """Write down a deployment as on trial. To be called within `home.adding()`, after its files were stored.

        version: None for the next number; to update, for the default one. of: whose files are taken, if there is no
        content. is_rollback: what `of` is a copy of is what is gone back to. require:
        asked about the service as it is, and raises if the caller may not change it.

        Raises:
            NameRefused: if the name or the version cannot be one.
            ServiceExists, VersionExists, ServiceNotFound: if what is there is not what the mode expects.
            ChangeUnderWay: if another deployment of the version is on trial.
            ModelNotFound: if the registry has not got one of the models.
        """
        require_service_name(name)
        if version is not None:
            require_service_name(version, "version")
        with self._home.writing() as database:
            service = self._expected(database, name, mode, by)
            if require is not None:
                require(service)
            chosen = _chosen_version(database, service, version, mode)
            known = service.version(chosen)
            if known is not None and mode in (Mode.CREATE, Mode.VERSION, Mode.ADD):
                raise VersionExists(name, chosen)
            if known is not None and known.on_trial is not None:
                raise ChangeUnderWay(name, chosen)
            if known is None:
                rows.add_version(database, name, chosen, by, label or Label())
            _require_models(database, recipe)
            before = known.deployment.id if known is not None and known.deployment is not None else None
            if is_rollback and of is not None:
                before = of.deployed_from
            if content is None:
                content = NO_FILES if of is None else rows.files_of(database, of)
            number = rows.add_deployment(database, name, chosen, by, recipe, content, share, before)
            rows.note_uses(database, name, chosen)
            rows.note(database, by, "rollback" if is_rollback else "deploy", name, chosen, f"deployment {number}")
            made = rows.deployment_by_id(database, number)
        assert made is not None
        return made

    def _expected(self, database: sqlite3.Connection, name: str, mode: Mode, by: str) -> Service:
        found = rows.services_in(database, name)
        if found and mode is Mode.CREATE:
            raise ServiceExists(name, found[0].owner)
        if not found:
            if mode in (Mode.UPDATE, Mode.ADD):
                _service(database, name)
            rows.add_service(database, name, by, None)
        return _service(database, name)

    def accept(self, deployment: Deployment, label: Label | None = None) -> Service | None:
        """It is ready: it is what its version runs from now on, and takes its share of the requests.

        Returns the service, or None if the deployment was removed meanwhile.
        """
        name, version = deployment.service, deployment.version
        with self._home.writing() as database:
            now = rows.deployment_by_id(database, deployment.id)
            if now is None or now.state is not Trial.TRIAL:
                return None
            service = _service(database, name)
            before = _version(service, version).deployment
            division = taking_over(service, version, now.share, is_new=before is None or before.state is Trial.FAILED)
            database.execute(
                "UPDATE deployments SET state = 'replaced' WHERE service = ? AND version = ? AND state = 'current'",
                (name, version),
            )
            database.execute(
                "UPDATE deployments SET state = 'current', division_before = ? WHERE id = ?",
                (rows.division_text(service.division), now.id),
            )
            database.execute(
                "UPDATE versions SET deployment = ?, wanted = 'running' WHERE service = ? AND version = ?",
                (now.id, name, version),
            )
            if label is not None:
                rows.set_label(database, name, version, label)
            rows.set_division(database, name, division)
            _forget_old(database, name, version)
            rows.note(database, now.created_by, "ready", name, version, f"deployment {now.id}")
        return self.get(name)

    def reject(self, deployment: Deployment, reason: str, *, keep: bool = False) -> None:
        """It could not be started: nothing of it stays but an event.

        keep: it stays, as failed, if nothing else runs.
        """
        name, version = deployment.service, deployment.version
        with self._home.writing() as database:
            now = rows.deployment_by_id(database, deployment.id)
            if now is None or now.state is not Trial.TRIAL:
                return
            runs = _version(_service(database, name), version).deployment
            if keep and (runs is None or runs.state is Trial.FAILED):
                database.execute("UPDATE deployments SET state = 'failed', reason = ? WHERE id = ?", (reason, now.id))
                database.execute(
                    "UPDATE versions SET deployment = ? WHERE service = ? AND version = ?", (now.id, name, version)
                )
                _forget_failed(database, now)
            else:
                database.execute("DELETE FROM deployments WHERE id = ?", (now.id,))
                if runs is None:
                    _delete_version(database, name, version)
                else:
                    rows.note_uses(database, name, version)
            rows.note(database, now.created_by, "failed", name, version, reason)

    def discard_trials(self) -> list[Deployment]:
        """Remove what was on trial when a hub was ended; returns it."""
        with self._home.reading() as database:
            found = [
                rows.deployment_of(row) for row in database.execute("SELECT * FROM deployments WHERE state='trial'")
            ]
        for one in found:
            self.reject(one, "the hub ended before it was ready")
        return found

    # -- changing -----------------------------------------------------------------------------------

    def divide(self, name: str, division: Division, by: str) -> Service:
        """Divide the requests that name no version.

        Raises:
            ServiceNotFound: if there is no such service.
            ValueRefused: if a version is not there, or the percentages cannot be.
        """
        with self._home.writing() as database:
            division = checked(division, _service(database, name))
            rows.set_division(database, name, division)
            rows.note(database, by, "traffic", name, detail=rows.division_text(division))
        return self.get(name)

    def want(self, name: str, version: str | None, wanted: Wanted, by: str) -> Service:
        """Have a version, or all of them, run or not.

        Raises:
            ServiceNotFound: if there is no such one.
        """
        with self._home.writing() as database:
            service = _service(database, name)
            chosen = [_version(service, version)] if version is not None else service.versions
            for one in chosen:
                database.execute(
                    "UPDATE versions SET wanted = ? WHERE service = ? AND version = ?", (wanted, name, one.version)
                )
                rows.note(database, by, "start" if wanted is Wanted.RUNNING else "stop", name, one.version)
        return self.get(name)

    def scale(self, name: str, version: str | None, pool: Mapping[str, float], by: str) -> Service:
        """Change what is given of the pool of a version, or of all of them; what runs is what it was.

        Raises:
            ServiceNotFound: if there is no such one.
        """
        with self._home.writing() as database:
            service = _service(database, name)
            for one in [_version(service, version)] if version is not None else service.versions:
                if one.deployment is not None:
                    new = {**one.deployment.recipe.pool, **pool}
                    database.execute(
                        "UPDATE deployments SET pool = ? WHERE id = ?", (json.dumps(new), one.deployment.id)
                    )
                    rows.note(database, by, "scale", name, one.version, json.dumps(new))
        return self.get(name)

    def label(self, name: str, version: str, label: Label, by: str) -> Version:
        """Say something else about a version.

        Raises:
            ServiceNotFound: if there is no such one.
            PropertyFixed: if a property is there already, with another value.
        """
        with self._home.writing() as database:
            now = _version(_service(database, name), version).label.properties
            fixed = [key for key, value in label.properties.items() if key in now and now[key] != value]
            if fixed:
                raise PropertyFixed(f"{name}:{version}", fixed)
            label = dataclasses.replace(label, properties={**now, **label.properties})
            rows.set_label(database, name, version, label)
            rows.note(database, by, "label", name, version)
        return self.version(name, version)

    def set_keys(self, name: str, keys: Mapping[str, str], by: str) -> Service:
        """Keep keys for a service, by their names."""
        with self._home.writing() as database:
            _service(database, name)
            database.execute("UPDATE services SET keys = ? WHERE name = ?", (json.dumps(dict(keys)), name))
            rows.note(database, by, "keys", name, detail=", ".join(keys))
        return self.get(name)

    def delete(self, name: str, version: str | None, by: str) -> None:
        """Remove a version, or the service with all of them; its files go, unless something else has the same ones.

        Raises:
            ServiceNotFound: if there is no such one.
        """
        with self._home.writing() as database:
            service = _service(database, name)
            chosen = [_version(service, version)] if version is not None else service.versions
            for one in chosen:
                _delete_version(database, name, one.version)
            if version is None:
                database.execute("DELETE FROM services WHERE name = ?", (name,))
            rows.note(database, by, "undeploy", name, version or "")

    # -- going back ---------------------------------------------------------------------------------

    def before(self, name: str) -> tuple[Version, Deployment | Division]:
        """What the newest change of a service was, and what was before it.

        Returns the version that was deployed last, and either the deployment that it ran before, or, if there was
        none, how the requests were divided before it took them over.

        Raises:
            ServiceNotFound: if there is no such service.
            NothingToRollBack: if nothing was before.
        """
        with self._home.reading() as database:
            service = _service(database, name)
            deployed = [(one.deployment.id, one) for one in service.versions if _runs(one) and one.deployment]
            for _, one in sorted(deployed, key=lambda pair: pair[0], reverse=True):
                assert one.deployment is not None
                if one.deployment.deployed_from is not None:
                    old = rows.deployment_by_id(database, one.deployment.deployed_from)
                    if old is not None and old.state is Trial.REPLACED:
                        return one, old
                division = one.deployment.division_before
                if division.default not in (None, one.version) and service.version(division.default or "") is not None:
                    return one, division
        raise NothingToRollBack(name)

    def go_back(self, name: str, version: str, division: Division, by: str) -> Service:
        """Divide the requests as before a version took them over, and have it not run any more."""
        with self._home.writing() as database:
            service = _service(database, name)
            kept = {one: share for one, share in division.shares.items() if service.version(one) is not None}
            is_whole = bool(kept) and abs(sum(kept.values()) - 100) < 0.01
            division = dataclasses.replace(division, shares=kept if is_whole else {}, shadow={}, control=None)
            rows.set_division(database, name, checked(division, service))
            for one, wanted in ((version, Wanted.STOPPED), (division.default, Wanted.RUNNING)):
                database.execute(
                    "UPDATE versions SET wanted = ? WHERE service = ? AND version = ?", (wanted, name, one)
                )
            rows.note(database, by, "rollback", name, version, f"to {division.default}")
        return self.get(name)


def _runs(version: Version) -> bool:
    deployment = version.deployment
    return deployment is not None and deployment.state is Trial.CURRENT and version.wanted is Wanted.RUNNING


def _service(database: sqlite3.Connection, name: str) -> Service:
    found = rows.services_in(database, name)
    if found:
        return found[0]
    names = [row["name"] for row in database.execute("SELECT name FROM services")]
    raise ServiceNotFound(name, known=difflib.get_close_matches(name, names, 1))


def _version(service: Service, version: str) -> Version:
    found = service.version(version)
    if found is None:
        raise ServiceNotFound(service.name, version, known=[one.version for one in service.versions])
    return found


def _chosen_version(database: sqlite3.Connection, service: Service, version: str | None, mode: Mode) -> str:
    """The version that is meant, and the greatest number that was ever given, from now on."""
    if version is None and mode is Mode.UPDATE:
        if service.division.default is None:
            raise ServiceNotFound(service.name, "", known=[])
        version = service.division.default
    row = database.execute("SELECT last_number FROM services WHERE name = ?", (service.name,)).fetchone()
    last = int(row["last_number"])
    if version is None:
        version = str(last + 1)
    if mode is Mode.UPDATE:
        _version(service, version)
    if version.isascii() and version.isdigit() and int(version) > last and len(version) < 16:
        database.execute("UPDATE services SET last_number = ? WHERE name = ?", (int(version), service.name))
    return version


def _require_models(database: sqlite3.Connection, recipe: Recipe) -> None:
    for model, number in recipe.models:
        known = database.execute("SELECT version FROM models WHERE name = ? ORDER BY version", (model,)).fetchall()
        if number not in [row["version"] for row in known]:
            raise ModelNotFound(model, number if known else None, known=[str(row["version"]) for row in known])
    names = [model for model, _ in recipe.models]
    if len(set(recipe.models)) != len(names):
        raise ValueRefused("models", "each model once", names)


def _forget_old(database: sqlite3.Connection, name: str, version: str) -> None:
    """Let go of what is too old to go back to."""
    database.execute(
        "DELETE FROM deployments WHERE service = :service AND version = :version AND state IN ('replaced', 'failed') "
        "AND id NOT IN (SELECT id FROM deployments WHERE service = :service AND version = :version "
        "AND state = 'replaced' ORDER BY id DESC LIMIT :kept)",
        {"service": name, "version": version, "kept": KEPT_BEFORE},
    )
    rows.note_uses(database, name, version)


def _forget_failed(database: sqlite3.Connection, newest: Deployment) -> None:
    database.execute(
        "DELETE FROM deployments WHERE service = ? AND version = ? AND state = 'failed' AND id != ?",
        (newest.service, newest.version, newest.id),
    )
    rows.note_uses(database, newest.service, newest.version)


def _delete_version(database: sqlite3.Connection, name: str, version: str) -> None:
    """Delete a version; its share goes to the others; a service that has none any more goes, if it is no endpoint."""
    database.execute("DELETE FROM versions WHERE service = ? AND version = ?", (name, version))
    database.execute("DELETE FROM deployments WHERE service = ? AND version = ?", (name, version))
    rows.note_uses(database, name, version)
    service = _service(database, name)
    if not service.versions and service.endpoint is None:
        database.execute("DELETE FROM services WHERE name = ?", (name,))
        return
    ready = [one.version for one in service.versions if one.deployment is not None]
    largest = max(ready, key=version_order, default=None)
    rows.set_division(database, name, without(service.division, version, largest))
