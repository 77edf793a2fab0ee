"""Fit a ridge regression to the diabetes data of scikit-learn and keep its coefficients.

    pip install scikit-learn
    python samples/diabetes/train.py

The model is written as JSON, so that serving it needs NumPy and nothing else, and so that the file
outlives any version of scikit-learn.
"""

import json
from pathlib import Path

from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

MODEL = Path(__file__).parent / "model" / "ridge.json"


def train() -> dict[str, object]:
    """Fit on 80 % of the rows; answers the coefficients and the error on the other 20 %."""
    data = load_diabetes()
    x_train, x_test, y_train, y_test = train_test_split(data.data, data.target, test_size=0.2, random_state=0)
    ridge = Ridge(alpha=0.03).fit(x_train, y_train)
    return {
        "features": list(data.feature_names),
        "coefficients": ridge.coef_.tolist(),
        "intercept": float(ridge.intercept_),
        "mean_squared_error": float(mean_squared_error(y_test, ridge.predict(x_test))),
    }


if __name__ == "__main__":
    model = train()
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {MODEL}; mean squared error on unseen rows: {model['mean_squared_error']:.1f}")
