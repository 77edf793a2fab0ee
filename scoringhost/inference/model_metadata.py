"""What a model says about itself in the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scoringhost.inference.messages import Parameters
from scoringhost.schema.tensor_metadata import TensorMetadata


@dataclass(frozen=True, slots=True)
class NamedTensor:
    """One input or output of a model. shape: -1 for an axis of any length. content_type: how its elements are read."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    content_type: str | None = None
    optional: bool = False

    @classmethod
    def of(cls, tensor: TensorMetadata, *, optional: bool = False) -> NamedTensor:
        """The tensor of a declared type, whose suffix is its whole name."""
        return cls(tensor.suffix, tensor.datatype, tensor.shape, tensor.content_type, optional)

    @property
    def parameters(self) -> Parameters:
        """What the metadata says of it beside datatype and shape."""
        return {} if self.content_type is None else {"content_type": self.content_type}


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """A model's name, its versions, and the tensors that go in and come out; none if that is not known."""

    name: str
    versions: tuple[str, ...]
    inputs: tuple[NamedTensor, ...]
    outputs: tuple[NamedTensor, ...]
    platform: str = ""
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlainInputs:
    """What a model takes: its inputs, None for one whose datatype is that of its values.

    takes_others: whether inputs of any other name are taken, too: it makes a frame of them.
    """

    known: Mapping[str, NamedTensor | None] = field(default_factory=dict)
    takes_others: bool = False

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.known) or self.takes_others
