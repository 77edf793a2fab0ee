"""From the arrays of tensors to values and back: what several declared types have in common."""

from __future__ import annotations

import sys
from typing import Any

from scoringhost.errors import UndecodableBody
from scoringhost.schema import json_text
from scoringhost.schema.declared import JsonValue, Misfit, phrase
from scoringhost.schema.tensor_metadata import JSON_TENSOR, Array, TensorMetadata, Tensors


def the_only(tensors: Tensors) -> Array:
    """The array of a type that has one tensor.

    Raises:
        Misfit: if it is missing.
    """
    if "" not in tensors:
        raise Misfit("a tensor", "none")
    return tensors[""]


def one_element(tensors: Tensors) -> Any:
    """The only element of the only tensor, of any shape, as a Python value.

    Raises:
        Misfit: if there are more elements, or none.
    """
    array = the_only(tensors)
    if array.size != 1:
        raise Misfit("one element", f"shape {array.shape}")
    return array.reshape(-1).tolist()[0]


def text_of(element: object) -> object:
    """The text of an element of BYTES; anything else as it is.

    Raises:
        Misfit: if the bytes are not UTF-8.
    """
    if not isinstance(element, (bytes, bytearray)):
        return element
    try:
        return element.decode("utf-8")
    except UnicodeDecodeError:
        raise Misfit("UTF-8 text", phrase(element.hex())) from None


def json_of(tensors: Tensors) -> JsonValue:
    """The JSON value in the only element.

    Raises:
        Misfit: if the element is no text, or the text no JSON.
    """
    text = text_of(one_element(tensors))
    if not isinstance(text, str):
        raise Misfit("JSON text", phrase(text))
    try:
        return json_text.loads(text.encode("utf-8", "surrogatepass"))
    except UndecodableBody:
        raise Misfit("JSON text", phrase(text)) from None


def texts_of(array: Array) -> Array:
    """An array of BYTES with text in place of bytes, of the same shape; any other array as it is.

    Raises:
        Misfit: if an element is not UTF-8; `path` says which.
    """
    if array.dtype.kind == "S":
        array = array.astype(object)
    if array.dtype.kind != "O":
        return array
    numpy: Any = sys.modules["numpy"]
    texts = numpy.empty(array.shape, dtype=object)
    for place, element in numpy.ndenumerate(array):
        try:
            texts[place] = text_of(element)
        except Misfit as misfit:
            raise misfit.under("".join(f"[{at}]" for at in place)) from None
    return texts


def json_tensor(value: object) -> dict[str, Array]:
    """Any value that JSON can hold as a tensor of one element.

    Raises:
        ResultNotEncodable: if JSON cannot hold it.
    """
    from scoringhost.schema.numpy_arrays import array_of  # whoever asks for tensors pays for numpy

    return {"": array_of([json_text.dumps(value).decode("utf-8")], "BYTES")}


class ByJson:
    """Tensors of a type whose values are no arrays: one element that holds JSON text. A base of such types."""

    def to_python(self, value: JsonValue) -> object:
        """The value itself."""
        return value

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One tensor of one element."""
        return (JSON_TENSOR,)

    def from_tensors(self, tensors: Tensors) -> object:
        """What `to_python` makes of the JSON value.

        Raises:
            Misfit: if it is no JSON, or does not fit.
        """
        return self.to_python(json_of(tensors))

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The JSON text of the value.

        Raises:
            ResultNotEncodable: if JSON cannot hold it.
        """
        return json_tensor(value)


class AsGiven(ByJson):
    """The JSON value itself: an undeclared parameter, or `convert_to_provided_type=False`."""
