"""ModelSettings and Settings of MLServer: what a runtime is told about its model, and about its server.

A model's settings are read by the host (`settings_files`), which alone looks at files and the environment; a runtime
is handed what came of it, with MLServer's names.
"""

from __future__ import annotations

import importlib
from typing import Any

from pydantic import ConfigDict, Field, PrivateAttr, field_validator

from scoringhost.runtimes.mlserver.types import MetadataTensor, _OldSpellings


class ModelParameters(_OldSpellings):
    """Parameters of one version of a model: these, and any others."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    uri: str | None = None
    version: str | None = None
    environment_path: str | None = None
    environment_tarball: str | None = None
    inference_pool_gid: str | None = None
    autogenerate_inference_pool_gid: bool = False
    format: str | None = None
    content_type: str | None = None
    extra: dict[str, Any] | None = Field(default_factory=dict)


class ModelSettings(_OldSpellings):
    """The settings of a model. `implementation`: its class, or where that is, as `module.Class`."""

    model_config = ConfigDict(protected_namespaces=(), extra="ignore", populate_by_name=True)

    name: str = ""
    implementation_: str = Field("", alias="implementation")
    platform: str = ""
    versions: list[str] = Field(default_factory=list)
    inputs: list[MetadataTensor] = Field(default_factory=list)
    outputs: list[MetadataTensor] = Field(default_factory=list)
    parallel_workers: int | None = None
    warm_workers: bool = False
    max_batch_size: int = 0
    max_batch_time: float = 0.0
    parameters: ModelParameters | None = None
    cache_enabled: bool = False

    _source: str | None = PrivateAttr(default=None)
    _class: Any = PrivateAttr(default=None)

    def __init__(self, **given: Any) -> None:
        made = given.get("implementation")
        super().__init__(**given)
        if isinstance(made, type):
            self._class = made

    @field_validator("implementation_", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """The place of a class, for a class."""
        return f"{value.__module__}.{value.__qualname__}" if isinstance(value, type) else value

    @property
    def implementation(self) -> Any:
        """The class of the runtime.

        Raises:
            ImportError, AttributeError: if it is not where the settings say.
        """
        if self._class is None:
            module, _, name = self.implementation_.rpartition(".")
            self._class = getattr(importlib.import_module(module), name)
        return self._class

    @property
    def version(self) -> str | None:
        """The version, from the parameters."""
        return self.parameters.version if self.parameters is not None else None


class Settings(_OldSpellings):
    """The settings of a server, for code that makes them; the host itself has its own."""

    model_config = ConfigDict(protected_namespaces=(), extra="allow")

    debug: bool = True
    parallel_workers: int = 1
    server_name: str = "scoringhost"
    server_version: str = ""
    extensions: list[str] = Field(default_factory=list)
    host: str = "0.0.0.0"
    http_port: int = 8080
    grpc_port: int = 8081
    root_path: str = ""
    metrics_endpoint: str | None = "/metrics"
    metrics_port: int = 8082
