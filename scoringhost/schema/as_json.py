"""What pydantic does not know by itself: arrays, frames, pictures and bytes as JSON values, and back.

Nothing foreign is imported before an annotation of its own has been met.
"""

from __future__ import annotations

import base64
import binascii
import io
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit, phrase
from scoringhost.schema.json_values import Converter, is_a
from scoringhost.schema.large_arrays import ReadsBuffer
from scoringhost.schema.plain_codec import plain_type

Json = Mapping[str, Any]
_JSON_TYPES = {"": "number", "float": "number", "int": "integer", "uint": "integer", "bool": "boolean"}
BASE64: Json = {"type": "string", "format": "byte", "contentEncoding": "base64"}


@dataclass(frozen=True, slots=True, eq=False)  # annotations are hashed
class Native:
    """One type: its class, its values from JSON (raises Misfit) and back, and what the API document says of it.

    pydantic finds the two methods that it asks for where a `Native` stands in an annotation.
    """

    kind: type
    decode: Callable[[JsonValue], object]
    encode: Callable[[Any], JsonValue]
    schema: Json
    tensors: DeclaredType | None = None
    """What its tensors are like; None: they are those of its JSON."""

    of_dtype: ReadsBuffer | None = None
    """The codec of arrays of a dtype, which reads large ones fast."""

    @property
    def keeps(self) -> bool:
        """Whether a result of the type is left to whoever encodes results, who is faster at it."""
        return self.encode is not _base64_of_png

    def read(self, value: JsonValue) -> object:
        """A value from JSON, or one that is there already.

        Raises:
            Misfit: if it does not fit.
        """
        return value if isinstance(value, self.kind) else self.decode(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        written = core_schema.plain_serializer_function_ser_schema(self.encode)
        return core_schema.no_info_plain_validator_function(self.read, serialization=written)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return dict(self.schema)


def written_out(annotation: Any) -> Any:
    """What NumPy's `NDArray[...]` stands for: since NumPy 2.5 an alias (PEP 695) that typing does not look into."""
    alias = get_origin(annotation) or annotation
    is_alias = type(alias).__name__ == "TypeAliasType" and str(alias.__module__).startswith("numpy")
    if not is_alias:
        return annotation
    arguments = get_args(annotation)
    return alias.__value__[arguments] if arguments else alias.__value__


def native_of(annotation: Any) -> Native | None:
    """How an array, frame, picture or bytes are had from JSON; None for any other annotation."""
    annotation = written_out(annotation)
    kind = get_origin(annotation) or annotation
    if kind is bytes:
        return Native(bytes, _bytes, _base64, BASE64, plain_type(bytes))
    if kind is _class("numpy", "ndarray"):
        from scoringhost.schema.numpy_annotations import array_of_annotation  # numpy only if it is annotated

        dtype, decode, codec = array_of_annotation(annotation)
        return Native(kind, decode, _plain, _array_schema(dtype), codec, codec if dtype else None)
    if kind is _class("pandas", "DataFrame"):
        from scoringhost.schema.pandas_annotations import frame_of_records  # pandas only if it is annotated

        return Native(kind, frame_of_records, _plain, {"type": "array", "items": {"type": "object"}})
    if kind is _class("PIL.Image", "Image"):
        return Native(kind, _picture, _base64_of_png, {**BASE64, "description": "A picture file"})
    return None


def _class(module: str, name: str) -> Any:
    """A class, if somebody has imported its module; otherwise something that no annotation is."""
    return getattr(sys.modules.get(module), name, _class)


class AsJson:
    """The marker for a field of a class: `image: Annotated[Image, as_json]`; pydantic asks it what to do."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        native = native_of(source)
        if native is None:
            known = "numpy.ndarray, pandas.DataFrame, PIL.Image.Image and bytes"
            raise TypeError(f"as_json is for {known}, and not for {source!r}")
        return handler.generate_schema(Annotated[source, native])


as_json = AsJson()


def _plain(value: Any) -> JsonValue:
    """An array or frame as lists; NaN and infinities stay, for whoever encodes them."""
    converted: Any = Converter(keeps_nonfinite=True).convert(value)
    if is_a(converted, "numpy", "ndarray") or is_a(converted, "numpy", "generic"):
        return converted.tolist()
    return converted


def _array_schema(dtype: str) -> Json:
    """Lists of any depth: JSON Schema has no words for lists that are as long as each other."""
    item = {"type": _JSON_TYPES.get(dtype.rstrip("0123456789"), "string")}
    about = f"An array of {dtype or 'numbers'} of any rank, as nested lists"
    return {"type": "array", "items": {"anyOf": [item, {"type": "array", "items": {}}]}, "description": about}


# -- bytes and pictures ---------------------------------------------------------------------------


def _bytes(value: JsonValue) -> bytes:
    if not isinstance(value, str):
        raise Misfit("base64", phrase(value))
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Misfit("base64", phrase(value)) from None


def _picture(value: JsonValue) -> object:
    from PIL import Image, UnidentifiedImageError

    content = _bytes(value)
    try:
        picture = Image.open(io.BytesIO(content))
        picture.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise Misfit("a picture", f"{len(content)} bytes that are none ({type(problem).__name__})") from None
    return picture


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _base64_of_png(picture: Any) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return _base64(file.getvalue())
