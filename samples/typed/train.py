"""Fit a logistic regression to the irises that scikit-learn ships and keep its coefficients.

    pip install 'scoringhost[train]'
    python samples/typed/train.py

The scaling is folded into the coefficients, so that serving needs neither scikit-learn nor a pickle.
"""

import json
from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MODEL = Path(__file__).parent / "model" / "iris.json"


def train() -> dict[str, object]:
    """Fit on 70 % of the flowers; answers a line of coefficients for each species, and the accuracy on the others."""
    data = load_iris()
    x_train, x_test, y_train, y_test = train_test_split(
        data.data, data.target, test_size=0.3, random_state=0, stratify=data.target
    )
    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x_train, y_train)
    scaler, regression = fitted[0], fitted[1]
    coefficients = regression.coef_ / scaler.scale_
    return {
        "species": data.target_names.tolist(),
        "coefficients": coefficients.tolist(),
        "intercepts": (regression.intercept_ - coefficients @ scaler.mean_).tolist(),
        "accuracy": float(fitted.score(x_test, y_test)),
    }


if __name__ == "__main__":
    model = train()
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {MODEL}; accuracy on unseen flowers: {model['accuracy']:.3f}")
