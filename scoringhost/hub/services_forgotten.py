"""What goes from the catalogue: what could not be started, what is undeployed, and what is too old to go back to."""

from __future__ import annotations

import sqlite3

from scoringhost.fleet.specs import version_order
from scoringhost.hub import service_rows as rows
from scoringhost.hub.dividing import without
from scoringhost.hub.service_values import Deployment, Trial
from scoringhost.hub.services_read import ServicesRead, service_in, version_of

KEPT_BEFORE = 5
"""Deployments of a version that are kept beside the one that it runs, to go back to."""


class ServicesForgotten(ServicesRead):
    """The services of a hub's folder, to be looked at and removed."""

    def reject(self, deployment: Deployment, reason: str, *, keep: bool = False) -> None:
        """It could not be started: nothing of it stays but an event.

        keep: it stays, as failed, if nothing else runs.
        """
        name, version = deployment.service, deployment.version
        with self._home.writing() as database:
            now = rows.deployment_by_id(database, deployment.id)
            if now is None or now.state is not Trial.TRIAL:
                return
            runs = version_of(service_in(database, name), version).deployment
            if keep and (runs is None or runs.state is Trial.FAILED):
                database.execute("UPDATE deployments SET state = 'failed', reason = ? WHERE id = ?", (reason, now.id))
                database.execute(
                    "UPDATE versions SET deployment = ? WHERE service = ? AND version = ?", (now.id, name, version)
                )
                forget_failed(database, now)
            else:
                database.execute("DELETE FROM deployments WHERE id = ?", (now.id,))
                if runs is None:
                    delete_version(database, name, version)
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

    def delete(self, name: str, version: str | None, by: str) -> None:
        """Remove a version, or the service with all of them; its files go, unless something else has the same ones.

        Raises:
            ServiceNotFound: if there is no such one.
        """
        with self._home.writing() as database:
            service = service_in(database, name)
            chosen = [version_of(service, version)] if version is not None else service.versions
            for one in chosen:
                delete_version(database, name, one.version)
            if version is None:
                database.execute("DELETE FROM services WHERE name = ?", (name,))
            rows.note(database, by, "undeploy", name, version or "")


def forget_old(database: sqlite3.Connection, name: str, version: str) -> None:
    """Let go of what is too old to go back to."""
    database.execute(
        "DELETE FROM deployments WHERE service = :service AND version = :version AND state IN ('replaced', 'failed') "
        "AND id NOT IN (SELECT id FROM deployments WHERE service = :service AND version = :version "
        "AND state = 'replaced' ORDER BY id DESC LIMIT :kept)",
        {"service": name, "version": version, "kept": KEPT_BEFORE},
    )
    rows.note_uses(database, name, version)


def forget_failed(database: sqlite3.Connection, newest: Deployment) -> None:
    """Let go of what had failed before the newest that has."""
    database.execute(
        "DELETE FROM deployments WHERE service = ? AND version = ? AND state = 'failed' AND id != ?",
        (newest.service, newest.version, newest.id),
    )
    rows.note_uses(database, newest.service, newest.version)


def delete_version(database: sqlite3.Connection, name: str, version: str) -> None:
    """Delete a version; its share goes to the others; a service that has none any more goes, if it is no endpoint."""
    database.execute("DELETE FROM versions WHERE service = ? AND version = ?", (name, version))
    database.execute("DELETE FROM deployments WHERE service = ? AND version = ?", (name, version))
    rows.note_uses(database, name, version)
    service = service_in(database, name)
    if not service.versions and service.endpoint is None:
        database.execute("DELETE FROM services WHERE name = ?", (name,))
        return
    ready = [one.version for one in service.versions if one.deployment is not None]
    largest = max(ready, key=version_order, default=None)
    rows.set_division(database, name, without(service.division, version, largest))
