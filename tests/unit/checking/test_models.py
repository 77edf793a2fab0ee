"""check, of a model that is served without a script."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import LinearRegression

from scoringhost.checking import check
from scoringhost.settings import Settings


def test_a_model_is_checked_with_its_own_sample(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(LinearRegression().fit(np.eye(2), [1, 2]), path)
    report = check(Settings(script=str(path)), {})
    assert report.findings == ()


def test_a_model_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(b"no model")
    report = check(Settings(script=str(path)), {})
    assert [finding.code for finding in report.findings] == ["not-loaded"]
    assert "was expected" in report.findings[0].message
