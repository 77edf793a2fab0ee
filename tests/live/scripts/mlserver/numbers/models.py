"""A runtime in the way of the manual's chapter on custom runtimes: decode_args, metrics, a handler of its own."""

import os

import numpy as np
from mlserver import MLModel, log, register
from mlserver.codecs import decode_args
from mlserver.handlers import custom_handler
from mlserver.utils import get_model_uri


class Scaled(MLModel):
    async def load(self) -> bool:
        register("rows_scaled", "Rows that were scaled.")
        place = await get_model_uri(self._settings, wellknown_filenames=["factor.txt"])
        with open(place) as file:
            self.factor = float(file.read())
        return True

    @decode_args
    async def predict(self, data: np.ndarray, labels: list[str]) -> np.ndarray:
        log(rows_scaled=len(labels))
        return data * self.factor

    @custom_handler(rest_path="/factor", rest_method="GET")
    def shows_factor(self) -> dict:
        return {"factor": self.factor, "process": os.getpid()}
