"""Content types: how the elements of a tensor are to be read where the request says otherwise than the metadata."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from scoringhost.inference.messages import Tensor
from scoringhost.schema.declared import Misfit, phrase
from scoringhost.schema.tensor_metadata import BASE64
from scoringhost.schema.tensors import text_of

Decode = Callable[[Tensor], Tensor]
"""Makes of a tensor as it came the one that the model is to see.

Raises:
    Misfit: if its elements are not of the content type.
"""


def _from_base64(tensor: Tensor) -> Tensor:
    """Bytes from base64 text; elements that came as bytes may be base64 as well, or are what they are."""
    if tensor.datatype != "BYTES":
        raise Misfit("BYTES for the content type base64", tensor.datatype)
    array: Any = tensor.array.copy()
    flat = array.reshape(-1)
    for at, element in enumerate(flat.tolist()):
        try:
            flat[at] = base64.b64decode(str(text_of(element)).encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError, Misfit):
            if isinstance(element, str):
                raise Misfit("base64 text", phrase(element), f"[{at}]") from None
    return replace(tensor, array=array)


DECODERS: dict[str, Decode] = {BASE64: _from_base64}
"""What reads the elements of a tensor, by content type; one that is not here leaves that to the declared type."""


def decoded(tensor: Tensor, content_type: str) -> Tensor:
    """The tensor as its content type says that its elements are to be read.

    Raises:
        Misfit: if they are not of that content type.
    """
    decode = DECODERS.get(content_type)
    return tensor if decode is None else decode(tensor)
