"""Codecs for lists and objects: of declared types, or of whatever JSON gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit, phrase
from scoringhost.schema.tensor_metadata import JSON_TENSOR, TEXT, VARIABLE, Array, TensorMetadata, Tensors
from scoringhost.schema.tensors import ByJson, texts_of, the_only

SCALAR_DATATYPES: Mapping[type, str] = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}
"""The datatypes of the Python types that JSON has one word for."""

_MOST_DIMENSIONS = 64
"""What numpy can hold at most, nearly."""


class ListOf(ByJson):
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

    def _item_tensor(self) -> TensorMetadata | None:
        """The tensor of an item; None if there are several, or it is JSON: then the list is JSON as a whole."""
        tensors = self._item.tensors()
        return tensors[0] if len(tensors) == 1 and not tensors[0].suffix and tensors[0] != JSON_TENSOR else None

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """That of an item with one more axis in front, or one of JSON text."""
        item = self._item_tensor()
        if item is None:
            return super().tensors()
        shape = (VARIABLE,) if item.shape == (1,) else (VARIABLE, *item.shape)
        return (replace(item, shape=shape),)

    def from_tensors(self, tensors: Tensors) -> object:
        """A list of what the parts along the first axis are.

        Raises:
            Misfit: if a part does not fit; `path` says which.
        """
        if self._item_tensor() is None:
            return super().from_tensors(tensors)
        array = the_only(tensors)
        if array.ndim == 0:
            raise Misfit("a tensor with a first axis", "one without axes")
        decoded = []
        for position in range(len(array)):
            try:
                decoded.append(self._item.from_tensors({"": array[position : position + 1].reshape(array.shape[1:])}))
            except Misfit as misfit:
                raise misfit.under(f"[{position}]") from misfit.__cause__
        return decoded

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The items' tensors on top of each other.

        Raises:
            Misfit: if an item does not fit, or they differ in shape.
        """
        item = self._item_tensor()
        if item is None:
            return super().to_tensors(value)
        from scoringhost.schema.numpy_arrays import array_of, stacked  # whoever asks for tensors pays for numpy

        parts = [self._item.to_tensors(part)[""] for part in _listed(value)]
        if any(part.shape != parts[0].shape for part in parts):
            raise Misfit("items of one shape", "several shapes")
        if not parts:
            return {"": array_of([], item.datatype).reshape(0, *(max(length, 0) for length in item.shape[1:]))}
        whole = stacked(parts)
        return {"": whole.reshape(-1) if item.shape == (1,) else whole}


class ObjectOf(ByJson):
    """A dict sample with declared members; members left out and unknown keys are accepted."""

    def __init__(self, members: Mapping[str, DeclaredType], *, is_whole: bool = True) -> None:
        """`is_whole`: the members are all that the sample has."""
        self._members = dict(members)
        self._is_whole = is_whole and bool(members)

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

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """Those of the members, if all are declared; one of JSON text otherwise."""
        if not self._is_whole:
            return super().tensors()
        return tuple(one.under(name) for name, member in self._members.items() for one in member.tensors())

    def from_tensors(self, tensors: Tensors) -> object:
        """A dict of what the members' tensors are; a member without any is left out.

        Raises:
            Misfit: if a member does not fit; `path` says which.
        """
        if not self._is_whole:
            return super().from_tensors(tensors)
        decoded = {}
        for name, member in self._members.items():
            own = {one.suffix: one.under(name).suffix for one in member.tensors()}
            given = {suffix: tensors[outer] for suffix, outer in own.items() if outer in tensors}
            if not given:
                continue
            try:
                decoded[name] = member.from_tensors(given)
            except Misfit as misfit:
                raise misfit.under(f".{name}") from misfit.__cause__
        return decoded

    def to_tensors(self, value: object) -> dict[str, Array]:
        """Those of the members.

        Raises:
            Misfit: if the value is no dict, lacks a member, or one does not fit; `path` says which.
        """
        if not self._is_whole:
            return super().to_tensors(value)
        if not isinstance(value, dict):
            raise Misfit("object", phrase(value))
        found: dict[str, Array] = {}
        for name, member in self._members.items():
            if name not in value:
                raise Misfit(f"a member {name!r}", phrase(value))
            try:
                arrays = member.to_tensors(value[name])
            except Misfit as misfit:
                raise misfit.under(f".{name}") from misfit.__cause__
            found |= {f"{name}.{suffix}" if suffix else name: array for suffix, array in arrays.items()}
        return found


class AnyList(ByJson):
    """A list or tuple sample without declared members: any list, handed over as it is.

    A sample of scalars of one type, or of nested lists of numbers, is one tensor; every other list is JSON text.
    """

    def __init__(self, sample: Sequence[object] = ()) -> None:
        kinds = set(_kinds(sample))
        depths = {depth for _, depth in kinds}
        self._datatype = _common_datatype({kind for kind, _ in kinds}) if len(depths) == 1 else None
        self._depth = depths.pop() if self._datatype is not None else 1
        if self._datatype == "BYTES" and self._depth > 1:
            self._datatype = None

    def to_python(self, value: JsonValue) -> object:
        """Answer the list itself.

        Raises:
            Misfit: if the value is no list.
        """
        if isinstance(value, (list, tuple)):
            return value
        raise Misfit("list", phrase(value))

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One tensor with an axis for each level of lists, or one of JSON text."""
        if self._datatype is None:
            return super().tensors()
        content_type = TEXT if self._datatype == "BYTES" else None
        return (TensorMetadata("", self._datatype, (VARIABLE,) * self._depth, content_type),)

    def from_tensors(self, tensors: Tensors) -> object:
        """A list of the elements, nested as deep as the tensor has axes.

        Raises:
            Misfit: if the axes are not as many as the sample's levels, a text is not UTF-8, or JSON text no list.
        """
        if self._datatype is None:
            return super().from_tensors(tensors)
        array = texts_of(the_only(tensors))
        if array.ndim != self._depth:
            raise Misfit(f"a tensor of {self._depth} axes", f"shape {array.shape}")
        return array.tolist()

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The items as elements.

        Raises:
            Misfit: if an item is of another type, or lists differ in length; `path` says where.
        """
        if self._datatype is None:
            return super().to_tensors(value)
        from scoringhost.schema.numpy_arrays import array_of  # whoever asks for tensors pays for numpy

        shape: tuple[int, ...] = ()
        level = [value]
        for _ in range(self._depth):
            lists = [_listed(part) for part in level]
            lengths = {len(part) for part in lists}
            if len(lengths) > 1:
                raise Misfit("lists of one length", f"lengths {', '.join(map(str, sorted(lengths)))}")
            shape = (*shape, *lengths) if lengths else (*shape, 0)
            level = [item for part in lists for item in part]
        allowed = _ALLOWED[self._datatype]
        for position, item in enumerate(level):
            if type(item) not in allowed:
                raise Misfit(self._datatype, phrase(item), _path(position, shape))
        return {"": array_of(level, self._datatype).reshape(shape)}


_ALLOWED: Mapping[str, set[type]] = {"FP64": {int, float}, "INT64": {int}, "BOOL": {bool}, "BYTES": {str}}


def _kinds(sample: Sequence[object], depth: int = 1) -> Iterator[tuple[type, int]]:
    """The type of everything in nested lists that is no list, with the number of lists around it."""
    for item in sample:
        if isinstance(item, (list, tuple)) and depth < _MOST_DIMENSIONS:
            yield from _kinds(item, depth + 1)
        else:
            yield type(item), depth


def _common_datatype(kinds: set[type]) -> str | None:
    """The datatype that holds all of these types; None if there is none."""
    if kinds == {int, float}:
        return "FP64"
    return SCALAR_DATATYPES.get(kinds.pop()) if len(kinds) == 1 else None


def _path(position: int, shape: tuple[int, ...]) -> str:
    """The path to an element of an array, by its position in a flat one."""
    steps: list[str] = []
    for length in reversed(shape):
        position, at = divmod(position, length)
        steps.insert(0, f"[{at}]")
    return "".join(steps)


def _listed(value: object) -> list[object]:
    if isinstance(value, (list, tuple)):
        return list(value)
    raise Misfit("list", phrase(value))
