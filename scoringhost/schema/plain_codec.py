"""Codecs for standard Python samples: numbers, text, bytes and dates."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import date, datetime, time
from importlib import import_module
from typing import Any

from scoringhost.schema import moments
from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit, phrase
from scoringhost.schema.nested_codec import SCALAR_DATATYPES, AnyList
from scoringhost.schema.tensor_metadata import (
    BASE64,
    DATETIME,
    TEXT,
    Array,
    TensorMetadata,
    Tensors,
)
from scoringhost.schema.tensors import ByJson, one_element, text_of

_ONE_DAY = datetime(2000, 1, 15)
_OTHER_DAY = datetime(2004, 2, 16, 5)
"""Two moments that differ in year, month, day and hour: what a text leaves open shows as a difference."""


class _Scalar:
    """Tensors of a type of one value: one element, in a tensor of any shape that has no more."""

    _datatype, _content_type = "BYTES", ""

    def to_python(self, value: JsonValue) -> object:
        """The value itself."""
        return value

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One tensor of one element."""
        return (TensorMetadata("", self._datatype, (1,), self._content_type or None),)

    def from_tensors(self, tensors: Tensors) -> object:
        """What `to_python` makes of the only element.

        Raises:
            Misfit: if there are more, or it does not fit.
        """
        return self.to_python(text_of(one_element(tensors)))

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The value as the only element.

        Raises:
            Misfit: if it does not fit.
        """
        from scoringhost.schema.numpy_arrays import array_of  # whoever asks for tensors pays for numpy

        return {"": array_of([self._element(self.to_python(value))], self._datatype)}

    def _element(self, value: object) -> object:
        return value


class InstanceOf(_Scalar):
    """A value that JSON gives as the sample's own type: int, str or bool.

    True and false count as int, as they do in Python.
    """

    def __init__(self, wanted: type) -> None:
        self._wanted = wanted
        self._datatype = SCALAR_DATATYPES.get(wanted, "BYTES")
        self._content_type = TEXT if wanted is str else ""

    def to_python(self, value: JsonValue) -> object:
        """Answer the value itself.

        Raises:
            Misfit: if the value is of another type.
        """
        if isinstance(value, self._wanted):
            return value
        raise Misfit(self._wanted.__name__, phrase(value))


class AnyOf(ByJson):
    """A value of another type that JSON gives, or that only its own instances are."""

    def __init__(self, wanted: type) -> None:
        self._wanted = wanted

    def to_python(self, value: JsonValue) -> object:
        """Answer the value itself.

        Raises:
            Misfit: if the value is of another type.
        """
        if isinstance(value, self._wanted):
            return value
        raise Misfit(self._wanted.__name__, phrase(value))


class Number(_Scalar):
    """A float sample: any JSON number; an int stays an int."""

    _datatype = "FP64"

    def to_python(self, value: JsonValue) -> object:
        """Answer the number itself.

        Raises:
            Misfit: if the value is no number; true and false are none.
        """
        if isinstance(value, float) or type(value) is int:
            return value
        raise Misfit("float", phrase(value))


class Base64(_Scalar):
    """A bytes or bytearray sample: base64 text of the standard alphabet; line breaks are allowed."""

    _content_type = BASE64

    def __init__(self, wanted: type[bytes] | type[bytearray]) -> None:
        self._wanted = wanted

    def from_tensors(self, tensors: Tensors) -> object:
        """The bytes of the only element; text is base64, as JSON has it.

        Raises:
            Misfit: if there are more elements, or a text is no base64.
        """
        element = one_element(tensors)
        return self._wanted(element) if isinstance(element, bytes) else self.to_python(element)

    def _element(self, value: object) -> object:
        return bytes(value)  # type: ignore[call-overload]

    def to_python(self, value: JsonValue) -> object:
        """Answer the decoded bytes; a value that is already bytes is answered as it is.

        Raises:
            Misfit: if the value is no text, holds other characters or lacks its padding.
        """
        if isinstance(value, self._wanted):
            return value
        if not isinstance(value, str):
            raise Misfit("base64 text", phrase(value))
        unbroken = value.replace("\r", "").replace("\n", "")
        try:
            return self._wanted(base64.b64decode(unbroken.encode("ascii"), validate=True))
        except (binascii.Error, UnicodeEncodeError) as error:
            raise Misfit("base64 text", phrase(value)) from error


class Moment(_Scalar):
    """A date, datetime or time sample: a text (or, for a datetime, a number) that says the whole of it.

    A text that leaves out part of a date, or a time's hour, is refused: it would be filled up from
    the server's clock.
    """

    _content_type = DATETIME

    def __init__(self, wanted: type, expected: str, read: Callable[[Any], object]) -> None:
        self._wanted, self._expected, self._read = wanted, expected, read

    def to_python(self, value: JsonValue) -> object:
        """Answer the moment; a value that is already of the sample's type is answered as it is.

        Raises:
            Misfit: if the value says no such moment.
        """
        if isinstance(value, self._wanted):
            return value
        try:
            return self._read(value)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
            # dateutil lets all of these out, depending on the text
            raise Misfit(self._expected, phrase(value)) from error

    def _element(self, value: object) -> object:
        return value.isoformat()  # type: ignore[attr-defined]


def plain_type(sample_type: type, sample: object = ()) -> DeclaredType:
    """The codec for a standard sample of exactly this type; an unknown type asks for its instances.

    `sample` matters to lists, whose tensors are of the items' type, and to dates, which have a zone or none.
    """
    if sample_type in (list, tuple):
        return AnyList(sample)  # type: ignore[arg-type]
    if sample_type is datetime:
        return _datetime(sample)
    make = _MAKERS.get(sample_type)
    if make is not None:
        return make()
    return InstanceOf(sample_type) if sample_type in SCALAR_DATATYPES else AnyOf(sample_type)


def _read_date(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").date()


def _datetime(sample: object = None) -> DeclaredType:
    zoned_as = sample if isinstance(sample, datetime) else None
    return Moment(datetime, f"date and time, {moments.HOW}", lambda value: moments.read_datetime(value, zoned_as))


def _time() -> DeclaredType:
    parser = import_module("dateutil.parser")  # only scripts with such a sample pay for it

    def read(text: str) -> time:
        moment: datetime = parser.parse(text, default=_ONE_DAY)
        if moment.time() != parser.parse(text, default=_OTHER_DAY).time():
            raise ValueError("the hour is missing")
        return moment.timetz()

    return Moment(time, "time text such as '10:20:30'", read)


_MAKERS: dict[type, Callable[[], DeclaredType]] = {
    float: Number,
    bytes: lambda: Base64(bytes),
    bytearray: lambda: Base64(bytearray),
    date: lambda: Moment(date, "date text such as '2024-01-31'", _read_date),
    time: _time,
}
