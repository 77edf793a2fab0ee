"""What makes the doors of a worker beside the one for HTTP: it alone knows their classes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from scoringhost.engine.door import WorkerDoor
from scoringhost.errors import MissingExtra, SettingsError
from scoringhost.settings import Settings

MakeDoor = Callable[[], WorkerDoor]

_PACKAGES = {"hpack": "hpack", "google": "protobuf"}
"""What brings a module that gRPC needs."""


def worker_doors(settings: Settings, *, is_guarded: bool) -> list[MakeDoor]:
    """What makes them, in each worker. is_guarded: whether not everybody may come in.

    Raises:
        MissingExtra: if a package that one needs is not installed.
        SettingsError: if a setting of one cannot be used.
    """
    made: list[MakeDoor] = []
    if settings.grpc_port is not None:
        made.append(_grpc(settings, is_guarded=is_guarded))
    if settings.kafka_servers is not None:
        made.append(_kafka(settings))
    return made


def _grpc(settings: Settings, *, is_guarded: bool) -> MakeDoor:
    try:
        # Here, before the workers are forked: they share what importing it takes.
        from scoringhost.doors.grpc.door import GrpcDoor
    except ModuleNotFoundError as problem:
        package = _PACKAGES.get((problem.name or "").partition(".")[0])
        if package is None:
            raise
        raise MissingExtra(package, "grpc") from None
    return partial(GrpcDoor, settings, is_guarded=is_guarded)


def _kafka(settings: Settings) -> MakeDoor:
    from scoringhost.doors.kafka.kafka_door import KafkaDoor, require_usable

    if not settings.v2:
        raise SettingsError(
            "kafka_servers",
            settings.kafka_servers,
            "messages are requests of the Open Inference Protocol, which --no-v2 switches off",
        )
    require_usable(settings.kafka)
    # One call runs, or one batch, while those for the next gather.
    room = 2 * max(settings.threads, settings.max_batch_size)
    return partial(KafkaDoor, settings.kafka, room)
