"""Content types: how the elements of a tensor are to be read where the request says otherwise than the metadata."""

from __future__ import annotations

from collections.abc import Callable

from scoringhost.inference.messages import Tensor

Decode = Callable[[Tensor], Tensor]
"""Makes of a tensor as it came the one that the model is to see.

Raises:
    Misfit: if its elements are not of the content type.
"""

DECODERS: dict[str, Decode] = {}
"""What reads the elements of a tensor, by content type; one that is not here changes nothing."""


def decoded(tensor: Tensor, content_type: str) -> Tensor:
    """The tensor as its content type says that its elements are to be read.

    Raises:
        Misfit: if they are not of that content type.
    """
    decode = DECODERS.get(content_type)
    return tensor if decode is None else decode(tensor)
