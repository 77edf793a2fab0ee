"""TypedType: a parameter, or a result, as its annotation says; pydantic does the work.

pydantic is imported when the first of them is made, and not before: only scripts with `@typed` need it.
"""

from __future__ import annotations

import json
import types
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Annotated, Any, NewType, Union, get_args, get_origin

import orjson

from scoringhost.errors import MissingExtra, ScoringHostError
from scoringhost.schema import json_text
from scoringhost.schema.as_json import native_of, written_out
from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.nested_codec import ListOf
from scoringhost.schema.plain_codec import plain_type
from scoringhost.schema.tensor_metadata import Array, TensorMetadata, Tensors
from scoringhost.schema.tensors import AsGiven
from scoringhost.schema.typed_misfits import misfit_of

_SCALARS = (bool, int, float, str, bytes, datetime, date, time)


def require_pydantic() -> Any:
    """The module.

    Raises:
        MissingExtra: if it is not installed.
    """
    try:
        import pydantic
    except ImportError as missing:
        if missing.name not in ("pydantic", None):
            raise
        raise MissingExtra("pydantic", "typed") from None
    return pydantic


class TypedType:
    """The values of one annotation. JSON is read as pydantic reads JSON: strictly where the annotation says so."""

    def __init__(self, annotation: Any) -> None:
        """Raises MissingExtra without pydantic, and TypeError if the annotation stands for nothing JSON can hold."""
        pydantic = require_pydantic()
        self._bare = _without_words(pydantic, annotation)
        self.native = native_of(self._bare)
        known = _with_natives(annotation)
        try:
            self.adapter = _adapter(pydantic, known)
        except (pydantic.PydanticUserError, NameError) as problem:
            raise TypeError(_first_line(problem)) from problem
        self._error = pydantic.ValidationError
        self._tensors = _tensor_type(annotation)

    def is_list_of_objects(self) -> bool:
        """Whether the values are lists of objects with members, without limits to their length: rows, that is."""
        if get_origin(self._bare) not in (list, Sequence):
            return False
        schema = self.adapter.json_schema(ref_template="{model}")
        items = schema["items"]
        item = schema["$defs"][items["$ref"]] if "$ref" in items else items
        return "properties" in item

    def to_python(self, value: JsonValue) -> object:
        """The value of a JSON value, or a value of the type's own if it is one already.

        Raises:
            Misfit: if it does not fit; `path` leads to the first part that does not.
        """
        if self.native is not None:
            return self.native.read(value)
        try:
            text = _as_json(value)
        except (TypeError, ValueError, RecursionError):
            return self.checked(value)
        try:
            return self.adapter.validate_json(text)
        except self._error as error:
            raise misfit_of(error, value) from None

    def checked(self, value: object) -> object:
        """The value in the types of the annotation: numbers of numpy and dicts become what it names.

        Raises:
            Misfit: if it does not fit.
        """
        if self.native is not None:
            return self.native.read(value)
        try:
            return self.adapter.validate_python(value)
        except self._error as error:
            raise misfit_of(error, value) from None

    def result(self, value: object) -> object:
        """A result of run() as it is to be encoded: checked, an array, frame or bytes as such, else as JSON values.

        A frame, say, fits an annotation of a list if the records that it is sent as do.

        Raises:
            Misfit: if neither the value nor the JSON that it is sent as fits.
        """
        try:
            fitting = self.checked(value)
        except Misfit:
            fitting = self._sent(value)
        if self.native is not None and self.native.keeps:
            return fitting
        return self.adapter.dump_python(fitting, mode="json", by_alias=True, warnings=False)

    def _sent(self, value: object) -> object:
        try:
            sent = json_text.loads(json_text.dumps(value, nan=NanPolicy.LITERAL))
        except ScoringHostError:
            return self.checked(value)  # for its Misfit
        return self.to_python(sent)

    # -- large arrays ---------------------------------------------------------------------------

    @property
    def buffer_kind(self) -> str | None:
        """That of an array of a dtype; see `ReadsBuffer`."""
        codec = self.native.of_dtype if self.native is not None else None
        return None if codec is None else codec.buffer_kind

    def from_buffer(self, buffer: Any, shape: tuple[int, ...]) -> object | None:
        """The array from a flat buffer; None if it does not fit."""
        codec = self.native.of_dtype if self.native is not None else None
        return None if codec is None else codec.from_buffer(buffer, shape)

    # -- tensors --------------------------------------------------------------------------------

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One of numbers or text for scalars, lists of them and arrays of a dtype; one of JSON text for all else."""
        return self._tensors.tensors()

    def from_tensors(self, tensors: Tensors) -> object:
        """What `to_python` makes of the value that the tensors hold.

        Raises:
            Misfit: if it does not fit.
        """
        return self.checked(self._tensors.from_tensors(tensors))

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The tensors of a value.

        Raises:
            Misfit: if it does not fit.
        """
        return self._tensors.to_tensors(self.result(value))


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().partition("\n")[0]


def _adapter(pydantic: Any, annotation: Any) -> Any:
    """The adapter; bytes inside dataclasses and TypedDicts are base64, too, a pydantic model has its own settings.

    Both take over the configuration of what is around them, but refuse one of their own from outside: so a
    class by itself is given a second name, which pydantic looks through.
    """
    config = pydantic.ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")
    try:
        return pydantic.TypeAdapter(annotation, config=config)
    except pydantic.PydanticUserError as problem:
        if problem.code != "type-adapter-config-unused":
            raise
    if issubclass(annotation, pydantic.BaseModel):
        return pydantic.TypeAdapter(annotation)
    return pydantic.TypeAdapter(NewType(annotation.__name__, annotation), config=config)


def _without_words(pydantic: Any, annotation: Any) -> Any:
    """The annotation without `Field(...)` that only describes it and limits nothing."""
    if get_origin(annotation) is not Annotated:
        return annotation
    bare, *said = get_args(annotation)
    if all(isinstance(one, pydantic.fields.FieldInfo) and not one.metadata for one in said):
        return bare
    return annotation


def _with_natives(annotation: Any) -> Any:
    """The annotation with a marker on every array, frame, picture and bytes that is not inside a class."""
    annotation = written_out(annotation)
    native = native_of(annotation)
    if native is not None:
        return Annotated[annotation, native]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None or not arguments:
        return annotation
    if origin is Annotated:
        return Annotated[(_with_natives(arguments[0]), *arguments[1:])]
    changed = tuple(_with_natives(one) for one in arguments)
    if changed == arguments:
        return annotation
    if hasattr(annotation, "copy_with"):
        return annotation.copy_with(changed)
    return _rebuilt(origin, changed)


def _rebuilt(origin: Any, arguments: tuple[Any, ...]) -> Any:
    return Union[arguments] if origin is types.UnionType else origin[arguments]  # noqa: UP007 - made from a tuple


def _as_json(value: JsonValue) -> bytes:
    """The JSON text of a value; json is slower, and keeps NaN, for which orjson writes null."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS)
    except TypeError:  # an integer beyond 64 bits, or no JSON value at all
        return json.dumps(value).encode("utf-8", "surrogatepass")
    return json.dumps(value).encode("utf-8", "surrogatepass") if b"null" in text else text


# -- tensors ----------------------------------------------------------------------------------------


def _tensor_type(annotation: Any) -> DeclaredType:
    """The type whose tensors are those of the annotation's values."""
    native = native_of(annotation)
    if native is not None and native.tensors is not None:
        return native.tensors
    if get_origin(annotation) is Annotated:
        return _tensor_type(get_args(annotation)[0])
    if annotation in _SCALARS:
        return plain_type(annotation)
    if get_origin(annotation) in (list, Sequence) and get_args(annotation)[0] in _SCALARS:
        return ListOf(plain_type(get_args(annotation)[0]))
    return AsGiven()
