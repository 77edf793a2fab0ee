"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def test_every_tumour_of_the_request_gets_a_probability(serve_script):
    request = json.loads((HERE / "request.json").read_text(encoding="utf-8"))
    malignant, benign = serve_script(HERE).score(request)
    assert 0 < benign < 0.5 < malignant < 1
