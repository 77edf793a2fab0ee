"""A runtime in the way of the manual's chapter on streaming: a response for each word, as it comes to be."""

import asyncio

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Words(MLModel):
    async def load(self) -> bool:
        self.lock = asyncio.Lock()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        async with self.lock:
            await asyncio.sleep(0.01)
            (text,) = self.decode(payload.inputs[0], default_codec=StringCodec)
        return self._response(text.upper())

    async def predict_stream(self, payloads):
        async for payload in payloads:
            (text,) = self.decode(payload.inputs[0], default_codec=StringCodec)
            for word in text.split():
                await asyncio.sleep(0.01)
                yield self._response(word)

    def _response(self, text: str) -> InferenceResponse:
        output = ResponseOutput(name="output", shape=[1], datatype="BYTES", data=[text])
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=[output])
