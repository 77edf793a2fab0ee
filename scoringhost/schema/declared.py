"""DeclaredType: what an entry script says about one parameter of run()."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from scoringhost.schema.tensor_metadata import Array, TensorMetadata, Tensors

JsonValue = Any
"""What a JSON parser gives: None, bool, int, float, str, list or dict."""

SHOWN_CHARACTERS = 60
"""How much of a caller's value a message repeats."""


def shortened(text: str) -> str:
    """The text, cut to SHOWN_CHARACTERS with a mark where it was cut."""
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def phrase(value: JsonValue) -> str:
    """A short description of a JSON value for the "got" part of a message; never raises for one."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object with {shortened('keys ' + ', '.join(map(str, value))) if value else 'no keys'}"
    if isinstance(value, str):
        return f"str ({shortened(repr(value[:SHOWN_CHARACTERS]))})"
    if isinstance(value, int) and value.bit_length() > 1024:  # text for it may be refused by Python
        return f"int (about 2 to the {value.bit_length()})"
    return f"{type(value).__name__} ({shortened(repr(value))})"


class Misfit(ValueError):
    """A value does not fit its declared type.

    `expected` and `got` are short phrases for the caller; `path` leads to the part at fault, such
    as `[2].age`, and is empty for the whole value.
    """

    def __init__(self, expected: str, got: str, path: str = "") -> None:
        super().__init__(f"expected {expected}, got {got}" + (f" at {path}" if path else ""))
        self.expected, self.got, self.path = expected, got, path

    def under(self, step: str) -> Misfit:
        """The same misfit seen from one level further out; `step` is `[3]` or `.name`."""
        return Misfit(self.expected, self.got, step + self.path)


@runtime_checkable
class DeclaredType(Protocol):
    """What a declared parameter, or result, is: from JSON to Python, and to tensors and back.

    For tensors see `tensor_metadata`; the keys of the mappings are the suffixes that `tensors()` names.
    """

    def to_python(self, value: JsonValue) -> object:
        """Decode one JSON value, or check a value of the sample's own type; the result may be written to.

        Raises:
            Misfit: if the value does not fit; never anything else for a value that JSON can hold.
        """
        ...

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """The tensors that stand for a value, in order."""
        ...

    def from_tensors(self, tensors: Tensors) -> object:
        """What `to_python` would make of the value that the tensors hold.

        Raises:
            Misfit: if a tensor is missing, or its elements or its shape do not fit.
        """
        ...

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The tensors of a value, given as JSON or as the sample's own type.

        Raises:
            Misfit: if the value does not fit.
        """
        ...


@runtime_checkable
class TakesRows(Protocol):
    """A declared type of many rows, of which a file of rows can be made into one value."""

    rows_are_objects: bool | None
    """Whether a row is an object by its columns, or else a list; None if it takes no rows after all."""
    text_columns: frozenset[str]
    """The columns that hold text, in which `1.10` is no number and `True` no truth."""


def takes_rows(declared: DeclaredType) -> bool:
    """Whether it is a type of many rows."""
    return isinstance(declared, TakesRows) and declared.rows_are_objects is not None
