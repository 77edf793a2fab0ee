"""ReplicaRequest: what the supervisor asks a template for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UMASK = 0o022
UMASK_OF_OTHERS = 0o077
"""Of what runs as a user of its own: nobody else is to read what it writes."""


@dataclass(frozen=True, slots=True)
class ReplicaRequest:
    """What a replica set is to be. `environ`: all of its environment; `settings`: fields of Settings, as JSON has them.

    folder: where its sockets are. notify: the supervisor's socket. cores: its share of the machine's; None for all.
    user: the number of the system's user that it is to be; None for that of the template.
    """

    key: str
    cwd: str
    environ: Mapping[str, str]
    settings: Mapping[str, Any]
    folder: str
    notify: str
    cores: float | None = None
    umask: int = UMASK
    user: int | None = None

    def encode(self) -> bytes:
        """As one line of JSON."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> ReplicaRequest:
        """The request that `encode` gave."""
        return cls(**json.loads(line))
