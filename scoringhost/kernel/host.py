"""Host: the services of one process, by name and version."""

from __future__ import annotations

from collections.abc import Iterator

from scoringhost.errors import UnknownService
from scoringhost.kernel.service import Service, State


class Host:
    """Services by name and version. A single entry script is a host with one service."""

    def __init__(self) -> None:
        self._services: dict[str, dict[str, Service]] = {}
        self.default: Service | None = None
        """The newest version of the first service."""

    def add(self, service: Service) -> None:
        """Take a service in; one of the same name and version is replaced."""
        self._services.setdefault(service.name, {})[service.version] = service
        self.default = next(reversed(next(iter(self._services.values())).values()))

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """The service of that name and version.

        Without a name the first service; without a version the one that was added last.

        Raises:
            UnknownService: if there is none.
        """
        if name is None and version is None and self.default is not None:
            return self.default
        if name is None:
            name = next(iter(self._services), None)
        versions = self._services.get(name or "")
        if not versions:
            raise UnknownService(name or "default")
        if version is None:
            return next(reversed(versions.values()))
        if version not in versions:
            raise UnknownService(name or "default", version)
        return versions[version]

    def __iter__(self) -> Iterator[Service]:
        return (service for versions in self._services.values() for service in versions.values())

    @property
    def ready(self) -> bool:
        """Whether there is a service, and every one takes calls."""
        services = list(self)
        return bool(services) and all(service.state is State.READY for service in services)
