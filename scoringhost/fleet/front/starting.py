"""For the supervisor: how a front is started, and what it is told first."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scoringhost.fleet.front.directory import START_WAIT_S
from scoringhost.settings import SPECS, Secret, Settings


def front_command(
    channel: int,
    listeners: Sequence[int],
    *,
    number: int = 0,
    memory: int | None = None,
    metrics_listeners: Iterable[int] = (),
    health_listeners: Iterable[int] = (),
    grpc_listeners: Iterable[int] = (),
) -> list[str]:
    """The command that starts a front; the numbers are descriptors, which the process must inherit under them.

    channel: its end of a socket pair. memory: of `memory.make_shared`, the same for all fronts. number: of this front,
    beginning with 0; one that takes the place of another has its number. metrics_listeners: where only /metrics is
    answered; health_listeners: only probes; grpc_listeners: calls over gRPC.
    """
    command = [sys.executable, "-m", "scoringhost.fleet.front", f"--channel={channel}", f"--number={number}"]
    if memory is not None:
        command.append(f"--memory={memory}")
    command += [f"--listen={one}" for one in listeners]
    command += [f"--listen-metrics={one}" for one in metrics_listeners]
    command += [f"--listen-health={one}" for one in health_listeners]
    command += [f"--listen-grpc={one}" for one in grpc_listeners]
    return command


def settings_event(settings: Settings, start_wait_s: float = START_WAIT_S) -> dict[str, Any]:
    """What a front is told first: `channel.tell("settings", **settings_event(settings))`.

    start_wait_s: seconds for which a request waits for a version that starts.
    """
    values = {name: _plain(getattr(settings, name)) for name in SPECS}
    return {
        "values": {name: value for name, value in values.items() if value is not None},
        "origins": dict(settings.origins),
        "open_telemetry": dict(settings.open_telemetry),
        "start_wait_s": start_wait_s,
    }


def settings_from(event: Mapping[str, Any]) -> Settings:
    """The settings that `settings_event` has said; names that this version does not know are left out."""
    fields = {field.name for field in dataclasses.fields(Settings)}
    values = {name: value for name, value in event.get("values", {}).items() if name in fields}
    return Settings(**values, origins=event.get("origins", {}), open_telemetry=event.get("open_telemetry", {}))


def _plain(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value
