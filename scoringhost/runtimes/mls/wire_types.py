"""The types of inputs and outputs of the MLServer class: a table, and the values of each in JSON and in Python.

`null` is None, both ways. NaN and infinities are `null` on their way out, as JSON has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoringhost.schema.declared import JsonValue, Misfit, phrase
from scoringhost.schema.tensor_metadata import Array, TensorMetadata, Tensors

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WireType:
    """One type: its name on the wire, in Python and in Swagger; as a `DeclaredType`, it reads a JSON value."""

    name: str
    python: str
    swagger: str
    words: str
    read: Callable[[JsonValue], object]
    """From JSON; raises a Misfit. None is read already."""
    write: Callable[[Any], JsonValue]
    """To JSON; raises a ValueError or a TypeError for what does not fit."""

    def to_python(self, value: JsonValue) -> object:
        """See `DeclaredType`."""
        return None if value is None else self.read(value)

    def to_json(self, value: object) -> JsonValue:
        """An output as JSON has it.

        Raises:
            ValueError: if it is nothing of this type.
        """
        if value is None:
            return None
        try:
            return self.write(value)
        except (TypeError, ValueError, OverflowError, AttributeError):
            raise ValueError(f"it is no {self.python}, but {_shown(value)}") from None

    def schema(self) -> Json:
        """Its schema in Swagger 2.0; the name on the wire is the description, as several share a type."""
        found: Json = {"type": self.swagger, "description": self.name}
        if self.swagger == "array":
            found["items"] = {"type": "array", "items": {}} if self.name == "matrix" else {}
        return found

    # Services of this protocol are not asked by tensors: nothing says their shapes.

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """None."""
        return ()

    def from_tensors(self, tensors: Tensors) -> object:
        """Never asked for, as there are none."""
        raise Misfit(self.words, "tensors")

    def to_tensors(self, value: object) -> dict[str, Array]:
        """None."""
        return {}


# -- from JSON ----------------------------------------------------------------------------------------


def _integer(value: JsonValue) -> int:
    is_whole = isinstance(value, float) and value.is_integer()
    if not (isinstance(value, int) or is_whole) or isinstance(value, bool):
        raise Misfit("a whole number", phrase(value))
    return int(value)


def _numeric(value: JsonValue) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Misfit("a number", phrase(value))
    try:
        return float(value)
    except OverflowError:
        raise Misfit("a number that a float can hold", phrase(value)) from None


def _character(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise Misfit("a text", phrase(value))
    return value


def _logical(value: JsonValue) -> bool:
    if not isinstance(value, bool):
        raise Misfit("true or false", phrase(value))
    return value


def _vector(value: JsonValue) -> object:
    import numpy as np  # only services with such inputs pay for it

    if not isinstance(value, list):
        raise Misfit("a list", phrase(value))
    try:
        return np.array(value)
    except ValueError:
        raise Misfit("a list whose items are of one shape", phrase(value)) from None


def _matrix(value: JsonValue) -> object:
    import numpy as np

    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise Misfit("a list of lists", phrase(value))
    try:
        # A view, as making one the other way warns: it is not what authors should choose, but they have.
        return np.array(value).view(np.matrix)
    except ValueError:
        raise Misfit("a list of lists of one length", phrase(value)) from None


def _frame(value: JsonValue) -> object:
    import pandas as pd

    if not isinstance(value, dict) or not all(isinstance(column, list) for column in value.values()):
        raise Misfit("an object of columns, each a list", phrase(value))
    if len({len(column) for column in value.values()}) > 1:
        raise Misfit("columns of one length", ", ".join(f"{name}: {len(one)}" for name, one in value.items())[:200])
    return pd.DataFrame(value)


# -- to JSON ------------------------------------------------------------------------------------------


def _one(value: Any) -> Any:
    """The only element of what has just one, such as a numpy scalar; anything else as it is."""
    if isinstance(value, list | tuple) and len(value) == 1:
        return _one(value[0])
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        return value.item() if not hasattr(value, "columns") else value.iloc[0, 0]
    return value


def _to_integer(value: Any) -> int | None:
    found = _one(value)
    if isinstance(found, float) and not math.isfinite(found):
        return None
    if isinstance(found, str | bytes) or found != int(found):
        raise ValueError
    return int(found)


def _to_numeric(value: Any) -> float | None:
    found = _one(value)
    if isinstance(found, str | bytes):
        raise TypeError
    number = float(found)
    return number if math.isfinite(number) else None


def _to_character(value: Any) -> str:
    found = _one(value)
    if not isinstance(found, str):
        raise TypeError
    return str(found)


def _to_logical(value: Any) -> bool:
    found = _one(value)
    if not isinstance(found, bool):
        raise TypeError
    return found


def plain(value: Any) -> Any:
    """Nested values as JSON has them: numpy's and pandas' made Python's, what is no number null, dates as text.

    Raises:
        TypeError: for what JSON cannot hold.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) or type(value).__name__ in ("NaTType", "NAType"):
        return value if isinstance(value, float) and math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return _plain_of_others(value)


def _plain_of_others(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    found = value.tolist() if hasattr(value, "tolist") else value
    if type(found) is type(value):
        raise TypeError(f"JSON has no {type(value).__name__}")
    return plain(found)


def _to_vector(value: Any) -> list[Any]:
    if isinstance(value, str | bytes | dict) or hasattr(value, "columns"):  # list() of a table are its columns' names
        raise TypeError
    found = value.tolist() if hasattr(value, "tolist") else list(value)
    return list(plain(found if isinstance(found, list) else [found]))


def _to_matrix(value: Any) -> list[Any]:
    import numpy as np

    table = np.asarray(value)
    if table.ndim not in (1, 2):
        raise ValueError
    return list(plain(np.atleast_2d(table).tolist()))


def _to_frame(value: Any) -> Json:
    import pandas as pd

    frame = value if isinstance(value, pd.DataFrame) else pd.DataFrame(value)
    return {str(name): plain(frame.iloc[:, at].tolist()) for at, name in enumerate(frame.columns)}


def _shown(value: object) -> str:
    kind = type(value).__name__
    text = repr(value) if isinstance(value, int | float | str | bool) else ""
    return f"{kind} {text[:60]}".strip()


WIRE_TYPES: Mapping[str, WireType] = {
    one.name: one
    for one in (
        WireType("integer", "int", "integer", "a whole number", _integer, _to_integer),
        WireType("numeric", "float", "number", "a number", _numeric, _to_numeric),
        WireType("character", "str", "string", "a text", _character, _to_character),
        WireType("logical", "bool", "boolean", "true or false", _logical, _to_logical),
        WireType("vector", "numpy.array", "array", "a list", _vector, _to_vector),
        WireType("matrix", "numpy.matrix", "array", "a list of lists", _matrix, _to_matrix),
        WireType("data.frame", "pandas.DataFrame", "object", "an object of columns", _frame, _to_frame),
    )
}
"""By their names on the wire."""
