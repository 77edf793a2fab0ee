"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def test_as_many_words_come_as_were_asked_for(serve_script):
    request = json.loads((HERE / "request.json").read_text(encoding="utf-8"))
    assert serve_script(HERE).score(request).count(" ") == request["words"]
