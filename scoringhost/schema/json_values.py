"""What run() returned, rebuilt from the types that JSON has.

Used by `json_text` for values that the encoder must not get as they are. numpy and pandas are looked
up among the modules that the script has imported, never imported here.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import sys
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, cast

from scoringhost.schema.durations import iso_span

Foreign = Any
"""An object of a package that is not imported here."""


SCALARS = frozenset((str, int, float, bool, type(None)))


class Refused(Exception):
    """A value that JSON cannot hold; `path` leads to it, such as `.scores[3]`."""

    def __init__(self, what: str, path: str = "") -> None:
        super().__init__(f"{what} at {path}" if path else what)
        self.what, self.path = what, path

    def under(self, step: str) -> Refused:
        """The same refusal seen from one level further out."""
        return Refused(self.what, step + self.path)


def name_of(value: object) -> str:
    """Answer the name of a value's type, with its module unless it is built in."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def are_finite_scalars(items: Collection[object]) -> bool:
    """Whether all items are of exactly JSON's own scalar types, and none is NaN or infinite."""
    kinds = set(map(type, items))
    if kinds == {float}:
        return all(map(math.isfinite, cast("Collection[float]", items)))
    return kinds <= SCALARS and all(math.isfinite(item) for item in items if type(item) is float)


class Converter:
    """Rebuilds one value; arrays of finite numbers stay arrays, since the encoder writes them fast."""

    def __init__(self, *, keeps_nonfinite: bool) -> None:
        self._keeps_nonfinite = keeps_nonfinite
        self.met_nonfinite = False
        """Whether a NaN or infinity was seen; missing cells of a pandas object do not count."""

    def convert(self, value: object) -> object:
        """Answer the value as None, bool, int, float, str, list, dict, or a finite numeric array.

        NaN and infinities become None unless they are kept.

        Raises:
            Refused: for a type that has no encoding; says which and where.
            RecursionError: if the value contains itself or is nested too deeply.
        """
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int.__int__(value)
        if isinstance(value, float):
            return self._float(float.__float__(value))
        if isinstance(value, (list, tuple)):
            return self._list(value)
        if isinstance(value, dict):
            return self._dict(value)
        return self._foreign(value)

    def _float(self, value: float) -> float | None:
        if math.isfinite(value):
            return value
        self.met_nonfinite = True
        return value if self._keeps_nonfinite else None

    def _list(self, items: Collection[object]) -> list[object]:
        if are_finite_scalars(items):
            return list(items)
        done: list[object] = []
        for item in items:
            try:
                done.append(self.convert(item))
            except Refused as refused:
                raise refused.under(f"[{len(done)}]") from None
        return done

    def _dict(self, items: dict[Any, object]) -> dict[str, object]:
        done: dict[str, object] = {}
        for key, item in items.items():
            name = self._key(key)
            try:
                done[name] = self.convert(item)
            except Refused as refused:
                raise refused.under(f".{name}") from None
        return done

    def _key(self, key: object) -> str:
        """Spell a key as `json.dumps` does; numpy scalars and dates are keys as well."""
        if isinstance(key, str):
            return str.__str__(key)
        if key is None or isinstance(key, (int, float)):
            return json.dumps(key)
        if not any(is_a(key, module, name) for module, name in _KEYS):
            raise Refused(f"a key of type {name_of(key)}")
        plain = self.convert(key)
        return plain if isinstance(plain, str) else json.dumps(plain, default=lambda scalar: scalar.item())

    def _foreign(self, value: Foreign) -> object:
        if isinstance(value, type):
            raise Refused(f"the class {value.__qualname__} itself")
        for module, name, encode in _FOREIGN:
            if is_a(value, module, name):
                return encode(self, value)
        if dataclasses.is_dataclass(value):  # an instance: a class has been refused above
            fields = [one.name for one in dataclasses.fields(value) if not one.name.startswith("_")]
            return self._dict({name: getattr(value, name) for name in fields})
        raise Refused(f"a value of type {name_of(value)}")

    def _model(self, model: Foreign) -> object:
        """Answer what pydantic makes of a model of its own for JSON, by the names that its fields have there."""
        try:
            dumped = model.model_dump(mode="json", by_alias=True, warnings=False)
        except (ValueError, TypeError) as error:
            raise Refused(f"a model of type {name_of(model)} that pydantic cannot dump: {error}") from None
        return self.convert(dumped)

    def _set(self, items: Collection[Any]) -> list[object]:
        """Answer the items in their order if they have one: that of a set of texts differs from process to process."""
        try:
            return self._list(sorted(items))
        except TypeError:
            return self._list(list(items))

    # pandas

    def _frame(self, frame: Foreign) -> list[dict[str, object]]:
        """Answer one record for each row; the index is left out."""
        names = [self._key(name) for name in frame.columns]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Refused(f"a DataFrame with two columns {twice!r}")
        columns = [self._named_column(name, frame.iloc[:, place]) for place, name in enumerate(names)]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def _named_column(self, name: str, column: Foreign) -> list[object]:
        try:
            return self._column(column)
        except Refused as refused:
            raise refused.under(f".{name}") from None

    def _column(self, column: Foreign) -> list[object]:
        cells = column.tolist()
        missing = column.isna()
        if missing.any():
            cells = [None if gone else cell for gone, cell in zip(missing, cells, strict=True)]
        return self._list(cells)

    # numpy

    def _array(self, array: Foreign) -> object:
        numpy: Foreign = sys.modules["numpy"]
        if isinstance(array, numpy.ma.MaskedArray):
            return self.convert(array.tolist())
        array = numpy.asarray(array)
        kind = array.dtype.kind
        if kind in "biu":
            return _native(array)
        if kind == "f":
            return self._floats(array)
        if kind == "M":
            return _dates(array)
        if kind == "m":
            return _spans(array)
        if array.dtype.names:
            return self._records(array)
        if kind == "c":
            raise Refused("complex numbers")
        return self.convert(array.tolist())

    def _floats(self, array: Foreign) -> object:
        numpy: Foreign = sys.modules["numpy"]
        if array.dtype.itemsize > 8:
            array = array.astype(numpy.float64)
        finite = numpy.isfinite(array)
        if finite.all():
            return _native(array)
        self.met_nonfinite = True
        return array.tolist() if self._keeps_nonfinite else numpy.where(finite, array, None).tolist()

    def _records(self, array: Foreign) -> object:
        if array.ndim:
            return self._list(array)
        return self._dict({name: array[name] for name in array.dtype.names})


def _native(array: Foreign) -> object:
    """Answer the array as the encoder takes it: C-contiguous, native bytes; 0-d as a scalar."""
    if array.ndim == 0:
        return array[()]
    numpy: Foreign = sys.modules["numpy"]
    return numpy.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _dates(array: Foreign) -> object:
    """Answer datetime64 as ISO 8601 text in the coarsest unit that loses nothing; NaT as None."""
    numpy: Foreign = sys.modules["numpy"]
    absent = numpy.isnat(array)
    unit = numpy.datetime_data(array.dtype)[0]
    for step in ("D",) if unit in ("Y", "M", "W", "D") else ("s", "ms", "us", "ns"):
        rounded = array.astype(f"M8[{step}]")
        if ((rounded == array) | absent).all():
            break
    return numpy.where(absent, None, numpy.datetime_as_string(rounded)).tolist()


def _spans(array: Foreign) -> object:
    """Answer timedelta64 as ISO 8601 text; NaT as None."""
    numpy: Foreign = sys.modules["numpy"]
    unit, step = numpy.datetime_data(array.dtype)
    if unit == "generic":
        raise Refused("a timedelta64 without a unit")
    texts = numpy.empty(array.shape, dtype=object)
    for place, amount in numpy.ndenumerate(array.astype(numpy.int64)):
        texts[place] = iso_span(int(amount) * step, unit)
    return numpy.where(numpy.isnat(array), None, texts).tolist()


def _base64(value: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(bytes(value)).decode("ascii")


def is_a(value: object, module: str, name: str) -> bool:
    """Whether the value is of that class; no, if nobody has imported its module."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)


# Module, class, encoding; the first that fits is taken. NaT is a datetime that differs from itself.
_FOREIGN: tuple[tuple[str, str, Callable[[Converter, Any], object]], ...] = (
    ("numpy", "ndarray", Converter._array),
    ("numpy", "generic", Converter._array),
    ("pandas", "DataFrame", Converter._frame),
    ("pandas", "Series", Converter._column),
    ("pandas", "Index", lambda converter, index: converter._column(index.to_series())),
    ("pandas.api.extensions", "ExtensionArray", Converter._column),
    ("pandas", "Timedelta", lambda _, span: span.isoformat()),
    ("pandas._libs.missing", "NAType", lambda _, __: None),
    ("datetime", "timedelta", lambda _, span: iso_span(span // timedelta(microseconds=1), "us")),
    ("datetime", "date", lambda _, day: day.isoformat() if day == day else None),
    ("datetime", "time", lambda _, clock: clock.isoformat()),
    ("builtins", "bytes", lambda _, data: _base64(data)),
    ("builtins", "bytearray", lambda _, data: _base64(data)),
    ("builtins", "memoryview", lambda _, data: _base64(data)),
    ("enum", "Enum", lambda converter, member: converter.convert(member.value)),
    ("uuid", "UUID", lambda _, unique: str(unique)),
    ("decimal", "Decimal", lambda _, number: str(number)),  # a float would be another number
    ("pathlib", "PurePath", lambda _, path: str(path)),
    ("builtins", "set", Converter._set),
    ("builtins", "frozenset", Converter._set),
    ("collections", "deque", lambda converter, items: converter._list(items)),
    ("pydantic.main", "BaseModel", Converter._model),
)
_KEYS = (
    ("numpy", "generic"),
    ("datetime", "date"),
    ("datetime", "time"),
    ("datetime", "timedelta"),
    ("enum", "Enum"),
    ("uuid", "UUID"),
    ("decimal", "Decimal"),
    ("pathlib", "PurePath"),
)
