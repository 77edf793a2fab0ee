"""Scaling: what the fronts say of their load becomes numbers of replicas, once a second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from scoringhost.fleet.pools import Observation, PoolPolicy, Wanted, shared_out
from scoringhost.fleet.routing import State
from scoringhost.fleet.specs import ServiceSpec
from scoringhost.telemetry.logs import HOST_LOGGER

EVERY_S = 1.0
"""Seconds between two decisions, and between two reports of a front."""
REPLICAS_PER_CORE = 2
"""Busy replicas for each core, over all services, that load alone brings up. More of them than cores are of use where
run() waits for a disk or another machine; many more only take turns."""

log = logging.getLogger(HOST_LOGGER)

Key = tuple[str, str]
"""Name and version."""


@dataclass(frozen=True, slots=True)
class SetLoad:
    """What one front has had to do with one replica set, ever. busy_s: seconds times the requests that it was at."""

    requests: int = 0
    busy_s: float = 0.0


class Scalable(Protocol):
    """A version of a service, as far as its number of replicas goes."""

    @property
    def spec(self) -> ServiceSpec:
        """With its pool."""

    @property
    def state(self) -> State:
        """What it is at."""

    @property
    def set_key(self) -> str:
        """Which replica set serves it; empty if none does."""

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
        loads: Mapping[int, Mapping[str, Any]],
        in_background: Callable[[Coroutine[Any, Any, None]], object],
        *,
        cores: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lives` and `loads` are looked at anew for each decision. `cores`: that the fleet may use.

        loads: what each front, by its number, has told last: see `FrontProcess`.
        """
        self._lives, self._loads, self._in_background, self._clock = lives, loads, in_background, clock
        self._seats = max(1, int(cores * REPLICAS_PER_CORE))
        self._policies: dict[Key, PoolPolicy] = {}
        self._counted: dict[tuple[int, str], SetLoad] = {}
        """What was in the last decision already, by front and set."""
        self._stopping: set[Key] = set()
        self._decided_s = clock()

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
        elapsed_s, self._decided_s = now_s - self._decided_s, now_s
        loads = self._new_loads()
        wanted: dict[str, Wanted] = {}
        named: dict[str, Key] = {}
        for key, life in self._lives.items():
            if life.state is not State.READY:
                # Its next set is judged by itself: what was before it started says nothing of its idleness.
                self._policies.pop(key, None)
                continue
            name = life.spec.key
            named[name] = key
            seen = self._seen(life, loads.get(life.set_key, SetLoad()), elapsed_s, now_s)
            wanted[name] = self._policy(key, life, now_s).observe(seen)
        for gone in self._policies.keys() - set(named.values()):
            del self._policies[gone]
        for name, replicas in shared_out(wanted, self._seats).items():
            self._act(named[name], replicas)

    def _new_loads(self) -> dict[str, SetLoad]:
        """What all fronts have had to do with each set since the last decision."""
        found: dict[str, SetLoad] = {}
        counted: dict[tuple[int, str], SetLoad] = {}
        for front, told in self._loads.items():
            for key, one in told["sets"].items():
                now = counted[front, key] = SetLoad(one["requests"], one["busy_s"])
                before = self._counted.get((front, key), SetLoad())
                if now.requests < before.requests:
                    before = SetLoad()  # another process has taken the place of this front, and counts from none
                known = found.get(key, SetLoad())
                found[key] = SetLoad(
                    known.requests + now.requests - before.requests, known.busy_s + now.busy_s - before.busy_s
                )
        self._counted = counted
        return found

    def _policy(self, key: Key, life: Scalable, now_s: float) -> PoolPolicy:
        policy = self._policies.get(key)
        if policy is None:
            policy = self._policies[key] = PoolPolicy(life.spec.pool, now_s)
        elif policy.pool != life.spec.pool:
            policy.replace(life.spec.pool)
        return policy

    def _seen(self, life: Scalable, load: SetLoad, elapsed_s: float, now_s: float) -> Observation:
        return Observation(
            now_s,
            in_flight=load.busy_s / elapsed_s if elapsed_s > 0 else 0.0,
            waiting=sum(told["waiting"].get(life.spec.key, 0) for told in self._loads.values()),
            begun=load.requests,
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
