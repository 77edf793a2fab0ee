"""Fit a logistic regression to the handwritten digits of scikit-learn, and write one of them as a picture.

pip install scikit-learn pillow
python samples/digits/train.py
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

FOLDER = Path(__file__).parent
WHITE = 16
"""The brightest value of a pixel in the data."""


def train() -> dict[str, object]:
    """Fit on 80 % of the digits; answers 64 coefficients for each digit, and the accuracy on the others."""
    data = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(data.data / WHITE, data.target, test_size=0.2, random_state=0)
    fitted = LogisticRegression(C=0.5, max_iter=1000).fit(x_train, y_train)
    return {
        "coefficients": fitted.coef_.round(4).tolist(),
        "intercepts": fitted.intercept_.round(4).tolist(),
        "accuracy": float(fitted.score(x_test, y_test)),
    }


def picture(number: int, side: int = 160) -> Image.Image:
    """One of the digits, light on dark, as a camera or a canvas would give it."""
    pixels = (load_digits().images[number] / WHITE * 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    model = train()
    (FOLDER / "model").mkdir(exist_ok=True)
    (FOLDER / "model" / "digits.json").write_text(json.dumps(model) + "\n", encoding="utf-8")
    picture(13).save(FOLDER / "three.png", optimize=True)
    print(f"accuracy on unseen digits: {model['accuracy']:.3f}")
