"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

from pathlib import Path

HERE = Path(__file__).parent


def test_every_line_of_the_request_gets_its_feeling(serve_script):
    found = serve_script(HERE).score((HERE / "request.txt").read_text(encoding="utf-8"))
    assert [line["feeling"] for line in found] == ["positive", "negative", "neutral"]
