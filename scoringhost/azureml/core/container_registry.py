"""Where an image is, and who may fetch it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ContainerRegistry:
    """A registry of images. `password` is not kept anywhere, and shown to nobody."""

    address: str | None = None
    username: str | None = None
    password: str | None = None
    registry_identity: object = None

    def __repr__(self) -> str:
        return f"ContainerRegistry(address={self.address!r}, username={self.username!r})"
