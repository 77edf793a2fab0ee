"""Scaling: what the fronts say of their load becomes numbers of replicas, once a second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from scoringhost.fleet.pools import Observation, PoolPolicy, Wanted, shared_out
from scoringhost.fleet.routing import State
from scoringhost.fleet.specs import ServiceSpec
from scoringhost.telemetry.logs import HOST_LOGGER

EVERY_S = 1.0
"""Seconds between two decisions, and between two reports of a front."""
STALE_S = 5.0
"""Seconds after which a front's report counts no more: it has gone, or has nothing to say."""
REPLICAS_PER_CORE = 2
"""Busy replicas for each core, over all services, that load alone brings up. More of them than cores are of use where
run() waits for a disk or another machine; many more only take turns."""

log = logging.getLogger(HOST_LOGGER)

Key = tuple[str, str]
"""Name and version."""


@dataclass(frozen=True, slots=True)
class VersionLoad:
    """What one front has had to do with one version since its last report.

    `in_flight`: requests that workers were at, on the average. `begun`: requests that have come. `waiting`: requests
    that wait for a start.
    """

    name: str
    version: str
    in_flight: float
    begun: int
    waiting: int

    def to_json(self) -> list[Any]:
        """As a value of JSON."""
        return [self.name, self.version, self.in_flight, self.begun, self.waiting]

    @classmethod
    def from_json(cls, value: Sequence[Any]) -> VersionLoad:
        """The load that `to_json` gave."""
        return cls(*value)


class Scalable(Protocol):
    """A version of a service, as far as its number of replicas goes."""

    @property
    def spec(self) -> ServiceSpec:
        """With its pool."""

    @property
    def state(self) -> State:
        """What it is at."""

    @property
    def replicas(self) -> int:
        """How many it is to have."""

    @property
    def ready_replicas(self) -> int:
        """How many there are."""

    @property
    def starting(self) -> object | None:
        """What is being started in the place of what is there, if anything is."""

    def set_replicas(self, replicas: int) -> None:
        """Have that many from now on; 1 or more."""

    async def unload(self, reason: str = "", *, may_wake: bool = False) -> None:
        """Have none."""


class Scaling:
    """Decides for all versions of a fleet, and has it done."""

    def __init__(
        self,
        lives: Mapping[Key, Scalable],
        in_background: Callable[[Coroutine[Any, Any, None]], object],
        *,
        cores: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lives`: looked at anew for each decision. `cores`: that the fleet may use."""
        self._lives, self._in_background, self._clock = lives, in_background, clock
        self._seats = max(1, int(cores * REPLICAS_PER_CORE))
        self._policies: dict[Key, PoolPolicy] = {}
        self._reports: dict[object, tuple[float, dict[Key, VersionLoad]]] = {}
        self._begun: dict[Key, int] = {}
        self._stopping: set[Key] = set()

    def heard(self, front: object, loads: Collection[VersionLoad]) -> None:
        """Take the report of a front, which replaces its last one."""
        by_key = {(one.name, one.version): one for one in loads}
        self._reports[front] = (self._clock(), by_key)
        for key, one in by_key.items():
            self._begun[key] = self._begun.get(key, 0) + one.begun

    def front_gone(self, front: object) -> None:
        """A front has ended, and its load with it."""
        self._reports.pop(front, None)

    async def run(self) -> None:
        """Decide again and again."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                self.decide()
            except Exception:
                log.exception("the numbers of replicas could not be decided")

    def decide(self) -> None:
        """Look at the load of all versions that are ready, and give each the replicas that it should have."""
        now_s = self._clock()
        self._reports = {front: one for front, one in self._reports.items() if now_s - one[0] < STALE_S}
        begun, self._begun = self._begun, {}
        wanted: dict[str, Wanted] = {}
        named: dict[str, Key] = {}
        for key, life in self._lives.items():
            if life.state is not State.READY:
                # Its next set is judged by itself: what was before it started says nothing of its idleness.
                self._policies.pop(key, None)
                continue
            name = life.spec.key
            named[name] = key
            wanted[name] = self._policy(key, life, now_s).observe(self._seen(key, life, begun.get(key, 0), now_s))
        for gone in self._policies.keys() - set(named.values()):
            del self._policies[gone]
        for name, replicas in shared_out(wanted, self._seats).items():
            self._act(named[name], replicas)

    def _policy(self, key: Key, life: Scalable, now_s: float) -> PoolPolicy:
        policy = self._policies.get(key)
        if policy is None:
            policy = self._policies[key] = PoolPolicy(life.spec.pool, now_s)
        elif policy.pool != life.spec.pool:
            policy.replace(life.spec.pool)
        return policy

    def _seen(self, key: Key, life: Scalable, begun: int, now_s: float) -> Observation:
        loads = [one[key] for _, one in self._reports.values() if key in one]
        return Observation(
            now_s,
            in_flight=sum(one.in_flight for one in loads),
            waiting=sum(one.waiting for one in loads),
            begun=begun,
            ready=life.ready_replicas,
            starting=max(0, life.replicas - life.ready_replicas),
        )

    def _act(self, key: Key, replicas: int) -> None:
        life = self._lives[key]
        if replicas == 0:
            # Somebody who has it reloaded waits for that, and it is not stopped under their hands.
            if key not in self._stopping and life.starting is None:
                self._stopping.add(key)
                self._in_background(self._stop(key, life))
        elif replicas != life.replicas:
            log.info("%s: %d replicas, from %d", life.spec.key, replicas, life.replicas)
            life.set_replicas(replicas)

    async def _stop(self, key: Key, life: Scalable) -> None:
        idle_s = life.spec.pool.idle_s
        log.info("%s: no call for %g s, it is stopped until the next one", life.spec.key, idle_s)
        try:
            await life.unload(f"no call for {idle_s:g} s", may_wake=True)
        finally:
            self._stopping.discard(key)
