"""Handwritten digits from image files: a batch script of Azure ML, which gets a list of paths."""

import json
import os

import numpy as np
import pandas as pd
from PIL import Image

MODEL: dict[str, np.ndarray] = {}


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "digits.json")
    with open(path, encoding="utf-8") as source:
        MODEL.update({name: np.array(value) for name, value in json.load(source).items()})
    print(f"logistic regression loaded from {path}")


def run(mini_batch):
    images = np.array([pixels(path) for path in mini_batch])
    scores = images @ MODEL["coefficients"].T + MODEL["intercepts"]
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    names = [os.path.basename(path) for path in mini_batch]
    return pd.DataFrame({"file": names, "digit": likely.argmax(axis=1), "probability": likely.max(axis=1).round(4)})


def pixels(path):
    """The 64 grey levels of an image of 8 x 8 pixels, from 0 to 16 as in the training data."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L").resize((8, 8)), dtype=float).ravel() / 255 * 16
