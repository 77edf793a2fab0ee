"""The same services under MLServer."""

import os
import time

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

WORK = os.environ["BENCH_WORKLOAD"]


class Model(MLModel):
    async def load(self):
        return True

    async def predict(self, payload):
        data = NumpyCodec.decode_input(payload.inputs[0])
        if WORK == "fixed_cost":
            time.sleep(0.005)
        output = NumpyCodec.encode_output("output-0", data.sum(axis=1))
        return InferenceResponse(model_name=self.name, outputs=[output])
