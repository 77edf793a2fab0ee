"""A handwritten digit from a picture: @rawhttp gives the bytes of the request, and takes any response."""

import json
import os
from io import BytesIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from scoringhost import Request, Response, rawhttp

MODEL: dict[str, np.ndarray] = {}
MAX_PIXELS = 4_000_000


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "digits.json")
    with open(path, encoding="utf-8") as source:
        MODEL.update({name: np.array(value) for name, value in json.load(source).items()})
    print(f"logistic regression loaded from {path}")


@rawhttp
def run(request: Request):
    """The body is the picture, or a form (as a browser sends it) has it as its file `picture`."""
    if request.method == "OPTIONS":  # a browser asks whether its page may post; the host adds the answer's headers
        return Response("", 204)
    if request.method != "POST":
        return Response({"message": "POST a picture of a digit, light on dark"}, 405)
    data = request.files["picture"].read() if "picture" in request.files else request.get_data()
    try:
        picture = Image.open(BytesIO(data))
    except UnidentifiedImageError:
        return Response({"message": "the body is no picture that Pillow can read"}, 415)
    if picture.width * picture.height > MAX_PIXELS:
        return Response({"message": f"the picture has more than {MAX_PIXELS:,} pixels"}, 413)
    pixels = np.asarray(picture.convert("L").resize((8, 8), Image.Resampling.BOX)) / 255
    scores = MODEL["coefficients"] @ pixels.ravel() + MODEL["intercepts"]
    likely = np.exp(scores - scores.max())
    return {"digit": int(scores.argmax()), "probability": float(likely.max() / likely.sum())}
