"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def test_every_bottle_of_the_request_gets_a_cultivar(serve_script):
    request = json.loads((HERE / "request.json").read_text(encoding="utf-8"))
    answer = serve_script(HERE).score(request)
    assert len(answer) == len(request["wines"])
    assert all(0 < found["probability"] <= 1 for found in answer)
