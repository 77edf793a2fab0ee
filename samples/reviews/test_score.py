"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def test_praise_and_complaint_are_told_apart(serve_script):
    request = json.loads((HERE / "request.json").read_text(encoding="utf-8"))
    answer = serve_script(HERE).score(request)
    assert [found["label"] for found in answer] == ["positive", "negative", "negative"]
    assert all(found["score"] > 0.5 for found in answer)
