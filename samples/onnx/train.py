"""Fit boosted trees to ten columns of scikit-learn's breast cancer data, and write them as an ONNX file.

pip install scikit-learn skl2onnx
python samples/onnx/train.py
"""

from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split

MODEL = Path(__file__).parent / "model" / "tumours.onnx"
MEANS = 10
"""The first columns of the data are means over the nuclei of a tumour; the others are their spread and extremes."""


def train() -> tuple[bytes, float]:
    """Fit on 70 % of the tumours; answers the ONNX model, and the accuracy of what it was made from on the others."""
    data = load_breast_cancer()
    x_train, x_test, y_train, y_test = train_test_split(
        data.data[:, :MEANS].astype(np.float32), data.target, test_size=0.3, random_state=0, stratify=data.target
    )
    fitted = GradientBoostingClassifier(random_state=0).fit(x_train, y_train)
    # zipmap=False: probabilities as an array, not as a list of dicts. The opset is one that older runtimes know, too.
    model = to_onnx(fitted, x_train[:1], name="tumours", options={"zipmap": False}, target_opset=17)
    return model.SerializeToString(), float(fitted.score(x_test, y_test))


if __name__ == "__main__":
    model, accuracy = train()
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_bytes(model)
    print(f"wrote {MODEL}; accuracy on unseen tumours: {accuracy:.3f}")
