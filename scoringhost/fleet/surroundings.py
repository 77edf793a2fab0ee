"""What a replica set is given by its supervisor: what it needs of it, and who is told of what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scoringhost.fleet.notices import Notices
from scoringhost.fleet.templates import Templates


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all sets of a supervisor share. `folder`: where each has its own, in a run folder that is the user's alone.

    environ: the supervisor's.
    """

    templates: Templates
    notices: Notices
    folder: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told of a set, on the event loop, quickly. `ended`: with the reason, whether it was to end or not."""

    output: Callable[[bytes], None]
    changed: Callable[[], None]
    ended: Callable[[str], None]
