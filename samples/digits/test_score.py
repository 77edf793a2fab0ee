"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

from pathlib import Path

HERE = Path(__file__).parent


def test_the_picture_of_a_three_is_a_three(serve_script):
    assert serve_script(HERE).score((HERE / "three.png").read_bytes())["digit"] == 3
