"""The metrics of a fleet: those of every replica set, told apart by service and version, and the front's own.

One worker of a set knows those of all of its workers. Names of services and versions are those of the routing table:
nothing that a caller sends becomes a time series.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scoringhost.fleet.front.directory import Directory
from scoringhost.fleet.front.memory import CELLS, GONE, IN_FLIGHT, REQUESTS, WAITING, FrontMemory
from scoringhost.fleet.front.peers import require_peer
from scoringhost.fleet.front.worker import Worker
from scoringhost.fleet.routing import State
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.telemetry.logs import HOST_LOGGER

if TYPE_CHECKING:
    from prometheus_client.core import Metric

ASK_S = 3.0
"""Seconds that a replica has to say its metrics."""

AT_ONCE = 16
"""Replicas that are asked at the same time."""

_QUESTION = b"GET /metrics HTTP/1.0\r\nhost: localhost\r\n\r\n"
_OWN_LABELS = ("service", "version")

log = logging.getLogger(HOST_LOGGER)

Copies = Callable[[], Awaitable[Iterable[Mapping[str, Any]]]]

Said = tuple[str, str, str]
"""A service, its version, and the text of its metrics."""


class FleetMetrics:
    """Answers GET /metrics for the whole fleet."""

    def __init__(self, directory: Directory, memory: FrontMemory, copies: Copies) -> None:
        """`copies`: what has come of copies of requests, of all fronts."""
        self._directory, self._memory, self._copies = directory, memory, copies

    def endpoints(self, *, is_open: bool = False) -> dict[str, Endpoint]:
        """The endpoint, at its usual path."""
        return {"/metrics": Endpoint({"GET": self.answer, "HEAD": self.answer}, logged=False, is_open=is_open)}

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """All metrics, as Prometheus' text."""
        from prometheus_client import CollectorRegistry, exposition

        said = await self._ask_all()
        families = [*own_families(self._memory.sums(), self._directory), *merged(said)]
        if self._directory.shadowing is not None:
            families.append(copied_family(await self._copies()))
        registry = CollectorRegistry()
        registry.register(_Families(families))
        return HttpResponse(
            200, [("Content-Type", exposition.CONTENT_TYPE_LATEST)], exposition.generate_latest(registry)
        )

    async def _ask_all(self) -> list[Said]:
        table, sets = self._directory.table, self._directory.sets
        places = [
            (service.name, one.version, sets[one.set_key].workers[0])
            for service in table.services.values()
            for one in service.versions.values()
            if one.state is State.READY and one.set_key in sets and sets[one.set_key].workers
        ]
        room = asyncio.Semaphore(AT_ONCE)
        answers = await asyncio.gather(*[_ask(room, worker) for _, _, worker in places])
        return [(name, number, text) for (name, number, _), text in zip(places, answers, strict=True) if text]


async def _ask(room: asyncio.Semaphore, worker: Worker) -> str:
    """The metrics of the replica set that listens there; empty if it has none, or cannot be asked."""
    async with room:
        try:
            async with asyncio.timeout(ASK_S):
                reader, writer = await asyncio.open_unix_connection(worker.path)
                try:
                    require_peer(writer.transport, worker.user)
                    writer.write(_QUESTION)
                    head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
                finally:
                    writer.close()
        except (OSError, TimeoutError) as problem:
            log.debug("the metrics at %s cannot be had: %r", worker.path, problem)
            return ""
    return body.decode("utf-8", "replace") if head.split(b" ", 2)[1:2] == [b"200"] else ""


class _Families:
    """What prometheus_client asks for metrics."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are free."""
        return []

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self._families


def merged(said: Iterable[Said]) -> list[Metric]:
    """One family for each name, whichever sets have it, each series with the labels `service` and `version`.

    A label of the replica's own that is called so is kept as `exported_service` or `exported_version`, as Prometheus
    does. Where two sets mean different kinds of a metric by one name, the first one has it.
    """
    from prometheus_client.core import Metric
    from prometheus_client.parser import text_string_to_metric_families

    found: dict[str, Metric] = {}
    for service, version, text in said:
        try:
            families = list(text_string_to_metric_families(text))
        except ValueError as problem:
            log.warning("the metrics of %s:%s cannot be read: %s", service, version, problem)
            continue
        for family in families:
            into = found.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            if into.type != family.type:
                log.debug("%s is a %s elsewhere, and a %s of %s", family.name, into.type, family.type, service)
                continue
            for sample in family.samples:
                labels = {
                    f"exported_{key}" if key in _OWN_LABELS else key: value for key, value in sample.labels.items()
                }
                labels.update(service=service, version=version)
                into.add_sample(sample.name, labels, sample.value, sample.timestamp, sample.exemplar)
    return list(found.values())


def copied_family(rows: Iterable[Mapping[str, Any]]) -> Metric:
    """What has come of copies of requests, as the supervisor has added it up."""
    from prometheus_client.core import CounterMetricFamily

    from scoringhost.fleet.shadow import OUTCOMES

    words = "Copies of requests for a version, by what came of them."
    copies = CounterMetricFamily("scoringhost_shadow_requests", words, labels=[*_OWN_LABELS, "outcome"])
    for row in rows:
        for outcome in OUTCOMES:
            copies.add_metric([row["service"], row["version"], outcome], row[outcome])
    return copies


def own_families(sums: Sequence[float], directory: Directory) -> Iterator[Metric]:
    """What the fronts have counted, and what the routing table says."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    answers = CounterMetricFamily(
        "scoringhost_front_answers", "Answers of replicas that were passed on, by their status.", labels=["status"]
    )
    for status, at in REQUESTS.items():
        answers.add_metric([status], sums[at])
    yield answers
    errors = CounterMetricFamily(
        "scoringhost_front_errors", "Requests for services that no replica has answered, by why.", labels=["reason"]
    )
    for reason, at in CELLS.items():
        if sums[at]:
            errors.add_metric([reason], sums[at])
    yield errors
    gone = CounterMetricFamily("scoringhost_front_clients_gone", "Clients that have not waited for their answer.")
    gone.add_metric([], sums[GONE])
    yield gone
    yield GaugeMetricFamily("scoringhost_front_in_flight", "Requests for services under way.", value=sums[IN_FLIGHT])
    waiting = "Requests that wait for a version to start."
    yield GaugeMetricFamily("scoringhost_front_waiting", waiting, value=sums[WAITING])
    states = GaugeMetricFamily(
        "scoringhost_version_state", "What each version of a service is at.", labels=[*_OWN_LABELS, "state"]
    )
    for service in directory.table.services.values():
        for version in service.versions.values():
            states.add_metric([service.name, version.version, version.state.value], 1)
    yield states
