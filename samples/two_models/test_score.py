"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

import json
from pathlib import Path

import pytest

from scoringhost.testing import ScoreFailed

HERE = Path(__file__).parent
REQUEST = json.loads((HERE / "request.json").read_text(encoding="utf-8"))


def test_every_flower_of_the_request_gets_a_name(serve_script):
    assert serve_script(HERE).score(REQUEST) == ["setosa", "virginica"]


def test_a_model_that_is_not_there_is_a_404(serve_script):
    with pytest.raises(ScoreFailed) as failed:
        serve_script(HERE).score(REQUEST | {"model": "moon"})
    assert failed.value.status == 404
