"""A runtime in the way of the manual's chapter on content types: a codec of its own, asked for by the metadata."""

import io

import numpy as np
from mlserver import MLModel
from mlserver.codecs import InputCodec, NumpyCodec, register_input_codec
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput
from PIL import Image


@register_input_codec
class ImageCodec(InputCodec):
    ContentType = "img"

    @classmethod
    def decode_input(cls, request_input: RequestInput) -> Image.Image:
        (content,) = request_input.data
        return Image.open(io.BytesIO(content))


class Sizes(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        image = self.decode(payload.inputs[0])
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("size", np.array(image.size, "int32"))]
        )
