"""How many replicas each version of a service should have, from what the fronts see of its load.

Nothing here knows a process or reads a clock: the supervisor says what it has observed and when, and does what is
wanted.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from scoringhost.fleet.specs import Pool


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly a pool follows its load.

    `up_s`: seconds over which the load is averaged before replicas are added. `down_s`: seconds for which fewer must
    have been enough before any is taken away; both are about AKS's (a second, a minute). `tolerance`: the part by which
    the load may be above or below what the replicas are there for without anything being done.
    """

    up_s: float = 2.0
    down_s: float = 60.0
    tolerance: float = 0.1


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of one version at a moment `at_s`, of any clock that only moves on.

    `in_flight`: calls that replicas are at, best the average since the last observation, since calls that are shorter
    than the time between two observations are not seen otherwise. `waiting`: calls that wait for a replica. `begun`:
    calls that have come since the last observation. `ready` and `starting`: replicas that take calls, and that will.
    """

    at_s: float
    in_flight: float = 0.0
    waiting: int = 0
    begun: int = 0
    ready: int = 0
    starting: int = 0

    @property
    def load(self) -> float:
        """Calls that somebody waits for the answer of."""
        return self.in_flight + self.waiting

    @property
    def is_idle(self) -> bool:
        """Whether nobody has asked for anything."""
        return self.load == 0 and self.begun == 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many replicas a version should have: `least` in any case, and `by_load`, which is at most its maximum."""

    least: int
    by_load: int

    @property
    def replicas(self) -> int:
        """How many it gets if nobody else needs the machine."""
        return max(self.least, self.by_load)


class PoolPolicy:
    """Decides for one version, observation after observation.

    Enough replicas are those with which each has `calls_each` calls in flight. Up goes by a short average of the load,
    at once to what it needs; down goes by the largest short average of the last `down_s` seconds, so that a lull of
    less than a minute takes nobody away, and noise is followed upwards only. The two windows are Knative's idea (its
    autoscaler has a stable one of 60 s, and one of 6 s for bursts), the largest of the last recommendations and the
    tolerance are those of Kubernetes' HorizontalPodAutoscaler (10 %; 300 s there).

    Nothing is taken away while replicas start: who is slow to start would be stopped before it has helped.

    Down to none it goes only with a minimum of 0, after `idle_s` seconds without a call; until then one stays. From
    none the first call that waits brings up one, without an average.
    """

    def __init__(self, pool: Pool, now_s: float, pace: Pace = Pace()) -> None:
        """`now_s`: when the version began to run, or to be awaited: it is not idle before `idle_s` seconds after."""
        self.pool, self._pace = pool, pace
        self._recent: deque[Observation] = deque()
        self._averages: deque[tuple[float, float]] = deque()
        """The short averages of the last `down_s` seconds that are larger than every later one: the first is the
        largest of the window."""
        self._used_s = now_s
        self._began_s = now_s
        self._needed = 0

    def observe(self, seen: Observation) -> Wanted:
        """Take an observation, and say how many replicas are wanted now."""
        if not seen.is_idle:
            self._used_s = seen.at_s
        average = self._short_average(seen)
        self._remember(average, seen.at_s)
        if self.pool.minimum == 0 and seen.at_s - self._used_s >= self.pool.idle_s:
            self._needed = 0
            return Wanted(0, 0)
        self._needed = self._decide(average, seen)
        return Wanted(max(self.pool.minimum, 1), self._needed)

    def replace(self, pool: Pool) -> None:
        """Go on with other limits, and what is known of the load."""
        self.pool = pool
        self._needed = min(self._needed, pool.maximum)

    def _decide(self, average: float, seen: Observation) -> int:
        calls_each, tolerance = self.pool.calls_each, self._pace.tolerance
        needed = self._needed
        if needed == 0 and seen.load > 0:
            needed = 1
        if average > needed * calls_each * (1 + tolerance):
            needed = self._replicas_for(average)
        elif seen.at_s - self._began_s >= self._pace.down_s and not seen.starting:
            largest = self._averages[0][1]
            if largest < needed * calls_each * (1 - tolerance):
                needed = self._replicas_for(largest)
        return min(needed, self.pool.maximum)

    def _replicas_for(self, load: float) -> int:
        # Averages of floats: 3.0000000001 calls are three.
        return math.ceil(round(load / self.pool.calls_each, 6))

    def _short_average(self, seen: Observation) -> float:
        """The average load of the last `up_s` seconds; of what there is, if that is less."""
        self._recent.append(seen)
        while self._recent[0].at_s <= seen.at_s - self._pace.up_s:
            self._recent.popleft()
        return sum(one.load for one in self._recent) / len(self._recent)

    def _remember(self, average: float, at_s: float) -> None:
        while self._averages and self._averages[-1][1] <= average:
            self._averages.pop()
        self._averages.append((at_s, average))
        while self._averages[0][0] <= at_s - self._pace.down_s:
            self._averages.popleft()


def shared_out(wanted: Mapping[str, Wanted], seats: int) -> dict[str, int]:
    """How many replicas each version gets, where all together want more busy ones than the machine is for.

    `seats`: replicas that may be busy at once. What a version needs by its load is given out evenly: nobody gets one
    more while somebody who wants it too has fewer (max-min fairness), in order of the names where that leaves a rest,
    so that the same wishes always give the same shares. Idle versions take no seat, since an idle process needs no
    CPU, and nobody gets less than its `least`: a number that was asked for is not overruled.

    Returns the number of replicas by name; all of `wanted` are in it.
    """
    got = dict.fromkeys(wanted, 0)
    # Whoever has its least for certain sits there if its load wants it to, whether there are seats left or not.
    for name, one in wanted.items():
        got[name] = min(one.least, one.by_load)
    left = seats - sum(got.values())
    while left > 0:
        hungry = [name for name in sorted(wanted) if got[name] < wanted[name].by_load]
        if not hungry:
            break
        poorest = min(hungry, key=lambda name: got[name])  # the first by name of those
        got[poorest] += 1
        left -= 1
    return {name: max(got[name], one.least) for name, one in wanted.items()}
