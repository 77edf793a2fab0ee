"""RunOutputs: the outputs of a model, and the tensors of what its run() returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoringhost.errors import ResultNotEncodable, UnknownTensor
from scoringhost.inference.messages import RequestedOutput, Tensor
from scoringhost.inference.model_metadata import NamedTensor
from scoringhost.schema.declared import Misfit
from scoringhost.schema.output import FIRST_OUTPUT, DeclaredOutput
from scoringhost.schema.tensor_metadata import Array, datatype_of


class RunOutputs:
    """The outputs of one run()."""

    def __init__(self, declared: DeclaredOutput) -> None:
        self._declared = declared
        self.tensors = tuple(NamedTensor.of(one) for one in declared.tensors())
        self._known = {tensor.name: tensor for tensor in self.tensors}

    def check(self, requested: Sequence[RequestedOutput]) -> None:
        """Nothing, if the model may have those outputs.

        Raises:
            UnknownTensor: if it does not.
        """
        for one in requested:
            if self._known and one.name not in self._known:
                raise UnknownTensor("output", one.name, tuple(self._known))

    def of(self, output: object, requested: Sequence[RequestedOutput]) -> list[Tensor]:
        """The tensors of a result, those that are asked for.

        Raises:
            ResultNotEncodable: if they cannot be made.
            UnknownTensor: if one that is asked for is not among them.
        """
        arrays = self._arrays(output)
        names = [one.name for one in requested] or list(arrays)
        found = []
        for name in names:
            if name not in arrays:
                raise UnknownTensor("output", name, tuple(arrays))
            array: Any = arrays[name]
            found.append(Tensor(name, datatype_of(array.dtype), array.shape, array))
        return found

    def _arrays(self, output: object) -> dict[str, Array]:
        if self._declared.is_declared:
            try:
                return self._declared.to_tensors(output)
            except Misfit as misfit:
                reason = f"expected {misfit.expected}, got {misfit.got}" + (f" at {misfit.path}" if misfit.path else "")
                raise ResultNotEncodable(reason) from None
        import numpy as np

        array = np.asarray(output)
        if array.dtype.kind in "US":
            array = array.astype(object)
        return {FIRST_OUTPUT: array.reshape(1) if array.ndim == 0 else array}
