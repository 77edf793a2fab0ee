"""Codecs for standard Python samples: numbers, text, bytes, dates, and lists and objects of declared types."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from importlib import import_module

from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit, phrase

_ONE_DAY = datetime(2000, 1, 15)
_OTHER_DAY = datetime(2004, 2, 16, 5)
"""Two moments that differ in year, month, day and hour: what a text leaves open shows as a difference."""


class InstanceOf:
    """A value that JSON gives as the sample's own type: int, str, bool, dict, list and the like.

    True and false count as int, as they do in Python.
    """

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


class Number:
    """A float sample: any JSON number; an int stays an int."""

    def to_python(self, value: JsonValue) -> object:
        """Answer the number itself.

        Raises:
            Misfit: if the value is no number; true and false are none.
        """
        if isinstance(value, float) or type(value) is int:
            return value
        raise Misfit("float", phrase(value))


class Base64:
    """A bytes or bytearray sample: base64 text of the standard alphabet; line breaks are allowed."""

    def __init__(self, wanted: type[bytes] | type[bytearray]) -> None:
        self._wanted = wanted

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


class Moment:
    """A date, datetime or time sample: a text that says the whole of it.

    A text that leaves out part of a date, or a time's hour, is refused: it would be filled up from
    the server's clock.
    """

    def __init__(self, wanted: type, expected: str, read: Callable[[str], object]) -> None:
        self._wanted, self._expected, self._read = wanted, expected, read

    def to_python(self, value: JsonValue) -> object:
        """Answer the moment; a value that is already of the sample's type is answered as it is.

        Raises:
            Misfit: if the value is no text, or not such a text.
        """
        if isinstance(value, self._wanted):
            return value
        if not isinstance(value, str):
            raise Misfit(self._expected, phrase(value))
        try:
            return self._read(value)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
            # dateutil lets all of these out, depending on the text
            raise Misfit(self._expected, phrase(value)) from error


class ListOf:
    """A list or tuple sample whose first declared member describes every item."""

    def __init__(self, item: DeclaredType) -> None:
        self._item = item

    def to_python(self, value: JsonValue) -> object:
        """Answer a new list of decoded items.

        Raises:
            Misfit: if the value is no list, or an item does not fit; `path` says which.
        """
        if not isinstance(value, (list, tuple)):
            raise Misfit("list", phrase(value))
        decoded = []
        for position, item in enumerate(value):
            try:
                decoded.append(self._item.to_python(item))
            except Misfit as misfit:
                raise misfit.under(f"[{position}]") from misfit.__cause__
        return decoded


class ObjectOf:
    """A dict sample with declared members; members left out and unknown keys are accepted."""

    def __init__(self, members: Mapping[str, DeclaredType]) -> None:
        self._members = dict(members)

    def to_python(self, value: JsonValue) -> object:
        """Answer a new dict in which the declared members are decoded.

        Raises:
            Misfit: if the value is no object, or a member does not fit; `path` says which.
        """
        if not isinstance(value, dict):
            raise Misfit("object", phrase(value))
        decoded = dict(value)
        for name, member in self._members.items():
            if name not in value:
                continue
            try:
                decoded[name] = member.to_python(value[name])
            except Misfit as misfit:
                raise misfit.under(f".{name}") from misfit.__cause__
        return decoded


class AnyList:
    """A list or tuple sample without declared members: any list, handed over as it is."""

    def to_python(self, value: JsonValue) -> object:
        """Answer the list itself.

        Raises:
            Misfit: if the value is no list.
        """
        if isinstance(value, (list, tuple)):
            return value
        raise Misfit("list", phrase(value))


def plain_type(sample_type: type) -> DeclaredType:
    """The codec for a standard sample of exactly this type; an unknown type asks for its instances."""
    make = _MAKERS.get(sample_type)
    return make() if make is not None else InstanceOf(sample_type)


def _read_date(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").date()


def _datetime() -> DeclaredType:
    parser = import_module("dateutil.parser")  # only scripts with such a sample pay for it

    def read(text: str) -> datetime:
        moment: datetime = parser.parse(text, default=_ONE_DAY)
        if moment.date() != parser.parse(text, default=_OTHER_DAY).date():
            raise ValueError("part of the date is missing")
        return moment

    return Moment(datetime, "date and time text such as '2024-01-31T10:20:30'", read)


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
    datetime: _datetime,
    time: _time,
    list: AnyList,
    tuple: AnyList,
}
