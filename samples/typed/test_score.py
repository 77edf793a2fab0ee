"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def test_every_flower_of_the_request_gets_a_guess(serve_script):
    request = json.loads((HERE / "request.json").read_text(encoding="utf-8"))
    first, second = serve_script(HERE).score(request)
    assert first["species"] == "setosa"
    assert second == {"species": None, "probability": second["probability"]}  # it may be one of two


def test_a_length_that_is_none_is_refused_at_its_place(serve_script):
    request = json.loads((HERE / "request.json").read_text(encoding="utf-8"))
    request["flowers"][1]["petal_width"] = "thin"
    answer = serve_script(HERE).request("POST", body=request, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert answer.message == "parameter 'flowers[1].petal_width': expected a number, got str ('thin')"
