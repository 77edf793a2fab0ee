"""Run with `pytest`; the fixture serve_script comes with scoringhost."""

import json
import socket
from pathlib import Path

import pytest

from scoringhost.testing import ScoreFailed

HERE = Path(__file__).parent


def test_without_the_service_behind_it_the_answer_is_a_503(serve_script, monkeypatch):
    with socket.socket() as nobody:  # bound, but nobody listens there
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WINE_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        request = json.loads((HERE / "request.json").read_text(encoding="utf-8"))
        with pytest.raises(ScoreFailed) as failed:
            serve_script(HERE).score(request)
    assert failed.value.status == 503
