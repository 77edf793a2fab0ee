"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def test_the_digits_of_the_request_are_read(serve_script):
    request = json.loads((HERE / "request.json").read_text(encoding="utf-8"))
    assert serve_script(HERE).score(request) == [0, 1, 7]
