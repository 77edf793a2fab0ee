"""Between one tensor and one Python value, by content type: np, str, base64, datetime and json.

numpy is imported when a tensor is met, and not before.
"""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

from scoringhost.errors import UndecodableBody
from scoringhost.inference.messages import Tensor
from scoringhost.schema import json_text, moments
from scoringhost.schema.declared import Misfit, phrase
from scoringhost.schema.tensor_metadata import (
    BASE64,
    DATETIME,
    JSON,
    NUMPY,
    TEXT,
    Array,
)
from scoringhost.schema.tensors import text_of


@runtime_checkable
class InputCodec(Protocol):
    """Between a tensor and a value. One of a script's own needs no more than these three, and a name to ask for it."""

    @property
    def content_type(self) -> str:
        """The name by which requests and metadata ask for it."""

    def can_encode(self, value: object) -> bool:
        """Whether `encode` takes a value."""

    def encode(self, name: str, value: Any) -> Tensor:
        """A value as a tensor of that name.

        Raises:
            Misfit: if the value holds what the tensor cannot.
        """

    def decode(self, tensor: Tensor) -> object:
        """The value of a tensor; nobody else writes into it.

        Raises:
            Misfit: if the elements are not what the codec reads; `path` names the first that is not.
        """


class NumpyCodec:
    """np: arrays. Moments and spans of time go as ISO 8601 text; text, bytes and objects as BYTES."""

    content_type = NUMPY

    def can_encode(self, value: object) -> bool:
        """Whether it is an array, or one of numpy's numbers."""
        numpy = sys.modules.get("numpy")
        return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))

    def encode(self, name: str, value: Any) -> Tensor:
        """An array as it is; anything else as numpy makes an array of it."""
        from scoringhost.inference.numpy_values import tensor_array

        return Tensor(name, *tensor_array(value), {"content_type": NUMPY})

    def decode(self, tensor: Tensor) -> Array:
        """An array of the tensor's shape: numbers, or text where all elements are text, or else objects."""
        from scoringhost.inference.numpy_values import own_array

        return own_array(tensor.array, _shape(tensor))


def _shape(tensor: Tensor) -> tuple[int, ...]:
    """The shape that was said, unless it is that of a text: some clients write its length there."""
    count = 1
    for axis in tensor.shape:
        count *= axis
    return tensor.shape if count == tensor.array.size else tensor.array.shape


class _PerElement:
    """A codec of lists, each element of BYTES by itself. A base."""

    content_type = ""
    _takes: tuple[type, ...] = ()

    def can_encode(self, value: object) -> bool:
        """Whether it is a list of what this codec is for."""
        return isinstance(value, list) and bool(value) and all(isinstance(one, self._takes) for one in value)

    def encode(self, name: str, value: Any) -> Tensor:
        """A list, or an array of any shape, each element by itself; anything else as the only element."""
        shape: tuple[int, ...] | None = getattr(value, "shape", None)
        if shape is not None:
            elements = value.ravel().tolist()
        else:
            elements = list(value) if isinstance(value, (list, tuple)) else [value]
            shape = (len(elements),)
        tensor = bytes_tensor(name, [one if one is None else self._element(one) for one in elements], shape or (1,))
        tensor.parameters = {"content_type": self.content_type}
        return tensor

    def decode(self, tensor: Tensor) -> list[Any]:
        """A list of the elements, whatever the shape."""
        return each(tensor.array, self._value)

    def _element(self, value: Any) -> str | bytes:
        raise NotImplementedError

    def _value(self, element: Any) -> object:
        raise NotImplementedError


class StringCodec(_PerElement):
    """str: lists of text."""

    content_type = TEXT
    _takes = (str,)

    def _element(self, value: Any) -> str:
        return value if isinstance(value, str) else str(value)

    def _value(self, element: Any) -> object:
        text = text_of(element)
        if text is not None and not isinstance(text, str):
            raise Misfit("text", phrase(text))
        return text


class Base64Codec(_PerElement):
    """base64: lists of bytes. Text is base64; bytes, as binary tensors have them, are what they are."""

    content_type = BASE64
    _takes = (bytes, bytearray)

    def __init__(self, *, in_bytes: bool = False) -> None:
        """`in_bytes`: whether bytes are base64, too, if they can be, as MLServer's own clients send them."""
        self._in_bytes = in_bytes

    def _element(self, value: Any) -> bytes:
        return value.encode("utf-8") if isinstance(value, str) else bytes(value)

    def _value(self, element: Any) -> object:
        if element is None:
            return None
        if isinstance(element, bytes):
            return _perhaps_base64(element) if self._in_bytes else element
        if not isinstance(element, str):
            raise Misfit("base64 text", phrase(element))
        try:
            return base64.b64decode("".join(element.split()), validate=True)
        except (binascii.Error, ValueError):
            raise Misfit("base64 text", phrase(element)) from None


def _perhaps_base64(element: bytes) -> bytes:
    try:
        return base64.b64decode(element, validate=True)
    except (binascii.Error, ValueError):
        return element


class DatetimeCodec(_PerElement):
    """datetime: lists of moments, as ISO 8601 text; with a zone if they have one."""

    content_type = DATETIME
    _takes = (date,)

    def _element(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if not isinstance(value, date):
            raise Misfit("a date or a datetime", phrase(value))
        return value.isoformat()

    def _value(self, element: Any) -> object:
        text = text_of(element)
        if text is None or isinstance(text, datetime):
            return text
        try:
            return None if moments.read(text) is None else moments.read_datetime(text)
        except (ValueError, TypeError, ArithmeticError):
            raise Misfit(f"a date ({moments.HOW})", phrase(text)) from None


class JsonCodec(_PerElement):
    """json: one JSON text in each element, of any value."""

    content_type = JSON

    def can_encode(self, value: object) -> bool:
        """Whether it is an object, or a list that holds one: what no other content type takes."""
        if isinstance(value, dict) or value is None:
            return True
        return isinstance(value, list) and any(isinstance(one, (dict, list)) or one is None for one in value)

    def encode(self, name: str, value: Any) -> Tensor:
        """The JSON text of the whole value, as the only element."""
        tensor = bytes_tensor(name, [json_text.dumps(value).decode("utf-8")], (1,))
        tensor.parameters = {"content_type": JSON}
        return tensor

    def decode(self, tensor: Tensor) -> Any:
        """The value of the only element; of several elements a list of their values."""
        values = each(tensor.array, self._value)
        return values[0] if len(values) == 1 else values

    def _value(self, element: Any) -> object:
        text = text_of(element)
        if not isinstance(text, str):
            raise Misfit("JSON text", phrase(text))
        try:
            return json_text.loads(text.encode("utf-8", "surrogatepass"))
        except UndecodableBody:
            raise Misfit("JSON text", phrase(text)) from None


def each(array: Array, value_of: Callable[[Any], object]) -> list[Any]:
    """What a function makes of each element, in order.

    Raises:
        Misfit: what the function raises, under the number of the element.
    """
    values = []
    for at, element in enumerate(array.ravel().tolist()):
        try:
            values.append(value_of(element))
        except Misfit as misfit:
            raise misfit.under(f"[{at}]") from None
    return values


def bytes_tensor(name: str, elements: list[Any], shape: tuple[int, ...]) -> Tensor:
    """A tensor of BYTES of some elements: text, bytes, or None where one is missing."""
    from scoringhost.schema.numpy_arrays import array_of

    return Tensor(name, "BYTES", shape, array_of(elements, "BYTES").reshape(shape))


def numbers_tensor(name: str, datatype: str, values: Any, shape: tuple[int, ...] | None = None) -> Tensor:
    """A tensor of numbers of a datatype.

    Raises:
        Misfit: if one of the values is no number that the datatype can hold.
    """
    from scoringhost.inference.numpy_values import numbers

    array = numbers(values, datatype)
    return Tensor(name, datatype, array.shape if shape is None else shape, array)
