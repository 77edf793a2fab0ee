"""What the catalogue says of services: everything that is asked of it and changes nothing."""

from __future__ import annotations

import difflib
import sqlite3

from scoringhost.hub import service_rows as rows
from scoringhost.hub.content import Content
from scoringhost.hub.errors import NothingToRollBack, ServiceNotFound
from scoringhost.hub.home import Home
from scoringhost.hub.service_values import Deployment, Division, Event, Service, Trial, Version, Wanted


class ServicesRead:
    """The services of a hub's folder, to be looked at."""

    def __init__(self, home: Home) -> None:
        self._home = home

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
            return service_in(database, name)

    def version(self, name: str, version: str) -> Version:
        """One version of a service.

        Raises:
            ServiceNotFound: if there is no such one.
        """
        return version_of(self.get(name), version)

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

    def before(self, name: str) -> tuple[Version, Deployment | Division]:
        """What the newest change of a service was, and what was before it.

        Returns the version that was deployed last, and either the deployment that it ran before, or, if there was
        none, how the requests were divided before it took them over.

        Raises:
            ServiceNotFound: if there is no such service.
            NothingToRollBack: if nothing was before.
        """
        with self._home.reading() as database:
            service = service_in(database, name)
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


def _runs(version: Version) -> bool:
    deployment = version.deployment
    return deployment is not None and deployment.state is Trial.CURRENT and version.wanted is Wanted.RUNNING


def service_in(database: sqlite3.Connection, name: str) -> Service:
    """One service, within a transaction.

    Raises:
        ServiceNotFound: if there is none of that name; it knows one that is near.
    """
    found = rows.services_in(database, name)
    if found:
        return found[0]
    names = [row["name"] for row in database.execute("SELECT name FROM services")]
    raise ServiceNotFound(name, known=difflib.get_close_matches(name, names, 1))


def version_of(service: Service, version: str) -> Version:
    """One version of a service.

    Raises:
        ServiceNotFound: if it has no such one; it knows those that there are.
    """
    found = service.version(version)
    if found is None:
        raise ServiceNotFound(service.name, version, known=[one.version for one in service.versions])
    return found
