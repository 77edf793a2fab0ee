"""The messages of the gRPC port, in a descriptor pool of their own (`proto_text.py` says why)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pool, message_factory

from scoringhost.dialects.oip_grpc.proto_text import file_of

INFERENCE = "inference"
HEALTH = "grpc.health.v1"
REFLECTION, OLDER_REFLECTION = "grpc.reflection.v1", "grpc.reflection.v1alpha"

INFERENCE_SERVICE = f"{INFERENCE}.GRPCInferenceService"

FILES = ("open_inference.proto", "health.proto", "reflection.proto")


@dataclass(frozen=True, slots=True)
class Method:
    """One rpc of a service. path: as it is called; the others are classes of messages."""

    path: str
    name: str
    request: Any
    response: Any
    streams_in: bool
    streams_out: bool


class Messages:
    """Classes of messages, by their full names. One for a process: `messages()`."""

    def __init__(self) -> None:
        self.pool: Any = descriptor_pool.DescriptorPool()
        self._classes: dict[str, Any] = {}
        self._services: list[Any] = []
        for name in FILES:
            text = _text_of(name)
            self._add(name, text)
            if f"package {REFLECTION};" in text:
                older = text.replace(f"package {REFLECTION};", f"package {OLDER_REFLECTION};")
                self._add(f"v1alpha/{name}", older)

    def _add(self, name: str, text: str) -> None:
        self.pool.AddSerializedFile(file_of(name, text).SerializeToString())
        file = self.pool.FindFileByName(name)
        for descriptor in file.message_types_by_name.values():
            self._classes[descriptor.full_name] = message_factory.GetMessageClass(descriptor)
        self._services += file.services_by_name.values()

    def __getitem__(self, name: str) -> Any:
        """The class of a message that is in no other one."""
        return self._classes[name]

    @property
    def services(self) -> list[str]:
        """The full names of all services."""
        return [service.full_name for service in self._services]

    def methods(self, service: str) -> Iterator[Method]:
        """What a service can be called for."""
        descriptor = self.pool.FindServiceByName(service)
        for method in descriptor.methods:
            yield Method(
                f"/{service}/{method.name}",
                method.name,
                self._classes[method.input_type.full_name],
                self._classes[method.output_type.full_name],
                method.client_streaming,
                method.server_streaming,
            )


def _text_of(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def messages() -> Messages:
    """The messages of this process; made when they are first asked for."""
    return Messages()
