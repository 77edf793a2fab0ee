"""Fit one logistic regression to scikit-learn's iris data and one to its breast cancer data.

pip install scikit-learn
python samples/two_models/train.py
"""

import json
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).parent / "model"
DATA = {"iris": load_iris, "tumour": load_breast_cancer}


def train(name: str) -> dict[str, Any]:
    """Fit on 70 % of the rows; answers the scaling, the coefficients, and the accuracy on the others."""
    data = DATA[name]()
    x_train, x_test, y_train, y_test = train_test_split(
        data.data, data.target, test_size=0.3, random_state=0, stratify=data.target
    )
    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x_train, y_train)
    coefficients, intercepts = fitted[1].coef_, fitted[1].intercept_
    if len(coefficients) == 1:  # two classes share a line: the first is the other one's opposite
        coefficients, intercepts = [-coefficients[0], coefficients[0]], [-intercepts[0], intercepts[0]]
    return {
        "classes": data.target_names.tolist(),
        "mean": fitted[0].mean_.tolist(),
        "scale": fitted[0].scale_.tolist(),
        "coefficients": [list(map(float, line)) for line in coefficients],
        "intercepts": [float(number) for number in intercepts],
        "accuracy": float(fitted.score(x_test, y_test)),
    }


if __name__ == "__main__":
    for name in DATA:
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
        model = train(name)
        (FOLDER / name / "model.json").write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: accuracy on unseen rows {model['accuracy']:.3f}")
