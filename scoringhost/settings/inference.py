"""The settings for the Open Inference Protocol, over HTTP and over gRPC."""

from __future__ import annotations

import dataclasses

import click

from scoringhost.settings.declaration import PORT, POSITIVE, Part, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class InferenceSettings(Part):
    """The service as a model of the Open Inference Protocol."""

    v2: bool = setting(True, click.BOOL, "Serve the Open Inference Protocol at /v2.", "--v2")
    model_name: str | None = setting(
        None, click.STRING, "Name of the model at /v2; that of the script, or else of its folder, if not set.",
        "--model-name",
    )  # fmt: skip
    grpc_port: int | None = setting(None, PORT, "Port for the Open Inference Protocol over gRPC.", "--grpc-port")
    grpc_max_message_mb: int = setting(
        64, POSITIVE, "Largest message over gRPC, in MiB, either way.", "--grpc-max-message-mb"
    )
