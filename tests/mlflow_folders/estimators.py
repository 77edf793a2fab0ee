"""The scikit-learn estimators whose answers are compared, and the methods they are saved with."""

from __future__ import annotations

ESTIMATORS = (
    ("LinearRegression", "predict"),
    ("LogisticRegression", "predict"),
    ("LogisticRegression", "predict_proba"),
    ("DecisionTreeClassifier", "predict_proba"),
    ("GaussianNB", "predict"),
)
