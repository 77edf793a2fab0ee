"""Between all tensors of a request or a response and one Python value: pd for a frame; np and str for a single one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from scoringhost.inference.input_codecs import InputCodec, NumpyCodec, StringCodec
from scoringhost.inference.messages import Tensor
from scoringhost.schema.declared import Misfit
from scoringhost.schema.tensor_metadata import PANDAS

DecodeOne = Callable[[Tensor], object]
"""The value of one tensor, by its own content type; the tensor itself if it has none."""


@runtime_checkable
class RequestCodec(Protocol):
    """Between the tensors of a request, or of a response, and one value."""

    @property
    def content_type(self) -> str:
        """The name by which requests and metadata ask for it."""

    def can_encode(self, value: object) -> bool:
        """Whether `encode` takes a value."""

    def encode(self, value: Any) -> list[Tensor]:
        """A value as tensors.

        Raises:
            Misfit: if the value holds what they cannot.
        """

    def decode(self, tensors: Sequence[Tensor], decode_one: DecodeOne) -> object:
        """The value that the tensors hold together.

        Raises:
            Misfit: if they are not what the codec reads; `path` begins with the name of the one at fault.
        """


class SingleCodec:
    """A request of exactly one tensor, which another codec is for."""

    def __init__(self, codec: InputCodec, name: str) -> None:
        """`name`: what the tensor is called where one is made."""
        self.content_type = codec.content_type
        self._codec, self._name = codec, name

    def can_encode(self, value: object) -> bool:
        """Whether the codec of the tensor takes the value."""
        return self._codec.can_encode(value)

    def encode(self, value: Any) -> list[Tensor]:
        """One tensor."""
        return [self._codec.encode(self._name, value)]

    def decode(self, tensors: Sequence[Tensor], decode_one: DecodeOne) -> object:
        """What the codec makes of the only tensor.

        Raises:
            Misfit: if there are more, or none, or it does not fit.
        """
        if len(tensors) != 1:
            names = ", ".join(tensor.name for tensor in tensors) or "none"
            expected = f"exactly one input, as the request's content type {self.content_type!r} means"
            raise Misfit(expected, f"{len(tensors)}: {names}")
        value = decode_one(tensors[0])
        try:
            return self._codec.decode(tensors[0]) if value is tensors[0] else value
        except Misfit as misfit:
            raise misfit.under(tensors[0].name) from None


class PandasCodec:
    """pd: a frame, one tensor for each column."""

    content_type = PANDAS

    def __init__(self, *, as_columns: bool = False) -> None:
        """`as_columns`: whether the tensors of columns have the shape (n, 1), as MLServer's, and not (n,)."""
        self._as_columns = as_columns

    def can_encode(self, value: object) -> bool:
        """Whether it is a frame."""
        pandas = sys.modules.get("pandas")
        return pandas is not None and isinstance(value, pandas.DataFrame)

    def encode(self, value: Any) -> list[Tensor]:
        """Numbers as such, moments as ISO 8601 text, everything else as text; a missing text is None.

        A column of whole numbers or truths that lacks a cell has no tensor of its own datatype; it goes as FP64, where
        NaN is what is missing.

        Raises:
            Misfit: if FP64 would change such a number, or two columns have one name.
        """
        from scoringhost.inference.pandas_frames import column_tensors

        tensors = column_tensors(value)
        for tensor in tensors:
            if self._as_columns:
                tensor.shape = (*tensor.shape, 1)
                tensor.array = tensor.array.reshape(tensor.shape)
        return tensors

    def decode(self, tensors: Sequence[Tensor], decode_one: DecodeOne) -> object:
        """A frame with a column for each tensor, of its own content type; text in place of bytes.

        Raises:
            Misfit: if a tensor is no column, or they differ in length, or one does not fit its content type.
        """
        from scoringhost.inference.pandas_frames import frame_of

        return frame_of(tensors, decode_one)


def usual_request_codecs() -> list[RequestCodec]:
    """np, str and pd."""
    return [SingleCodec(NumpyCodec(), "input-0"), SingleCodec(StringCodec(), "input-0"), PandasCodec()]
