"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def rentals(serve_script, tmp_path_factory):
    """A client of the script with a model that the libraries of this moment have made."""
    model = tmp_path_factory.mktemp("model")
    subprocess.run([sys.executable, HERE / "train.py", model], check=True)
    return serve_script(HERE, environ={"AZUREML_MODEL_DIR": str(model)})


def test_more_is_rented_on_a_warm_saturday_than_in_snow(rentals):
    saturday, snow, christmas = rentals.score(json.loads((HERE / "request.json").read_text(encoding="utf-8")))
    assert saturday > christmas > snow > 0


def test_a_weather_it_has_never_seen_is_no_error(rentals):
    day = {"day": "2026-06-06", "weather": "fog", "temperature": 15.0, "is_holiday": False}
    assert len(rentals.score({"days": [day]})) == 1
