"""Fit a logistic regression to the digits of scikit-learn, and write images of some that it has not seen.

    pip install scikit-learn pillow
    python samples/mini_batch/train.py

The name of an image is its number and the digit that was written, as 03_7.png.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
MODEL, IMAGES = HERE / "model" / "digits.json", HERE / "images"
KEPT = 25


def split() -> list[np.ndarray]:
    """Images to train with and others, their digits likewise; an image is 64 grey levels from 0 to 16."""
    data = load_digits()
    return train_test_split(data.data, data.target, test_size=0.3, random_state=0, stratify=data.target)


def train() -> dict[str, object]:
    """Fit; answers a line of coefficients for each digit, and the accuracy on unseen images."""
    x_train, x_test, y_train, y_test = split()
    fitted = LogisticRegression(C=0.01, max_iter=1000).fit(x_train, y_train)
    return {
        "coefficients": fitted.coef_.round(6).tolist(),
        "intercepts": fitted.intercept_.round(6).tolist(),
        "accuracy": float(fitted.score(x_test, y_test)),
    }


if __name__ == "__main__":
    model = train()
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_text(json.dumps(model) + "\n", encoding="utf-8")
    IMAGES.mkdir(exist_ok=True)
    _, images, _, digits = split()
    for number, (image, digit) in enumerate(zip(images[:KEPT], digits[:KEPT], strict=True)):
        grey = (image.reshape(8, 8) / 16 * 255).round().astype(np.uint8)
        Image.fromarray(grey).save(IMAGES / f"{number:02d}_{digit}.png")
    print(f"wrote {MODEL} and {KEPT} images; accuracy on unseen images: {model['accuracy']:.3f}")
