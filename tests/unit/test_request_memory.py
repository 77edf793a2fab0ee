"""A request is gone when it is answered: nothing keeps its body until the next garbage collection."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost import assemble
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.settings import Settings

RAW = """
from scoringhost import rawhttp
def init(): pass
@rawhttp
def run(request):
    if request.get_data() == b"fail": raise ValueError
    if request.get_data() == b"abort":
        import flask
        flask.abort(401)
    return request.get_data()
"""
NAMED = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema
def init(): pass
@input_schema("data", NumpyParameterType(np.zeros((1, 2))))
def run(data): return data[0]["no such field"] if data.any() else data
"""

PLAIN = """
import flask
def init(): pass
def run(data):
    flask.g.kept = flask.request.get_data()
    if data == "fail": raise ValueError
    return flask.request.headers.get("content-type")
"""


@pytest.fixture
def unsettled_gc() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # what tests before this one have imported: each collection would look at it, and takes 0.3 s then
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.usefixtures("unsettled_gc")
@pytest.mark.parametrize(
    ("script", "body", "status"),
    [
        (RAW, b"well", 200),
        (RAW, b"fail", 500),
        (RAW, b"abort", 401),
        (NAMED, b'{"data": [[0, 0]]}', 200),
        (NAMED, b'{"data": [[0, 1]]}', 500),
        (NAMED, b'{"data": [[0]]}', 400),
        (NAMED, b"{oops", 400),
        (PLAIN, b"well", 200),
        (PLAIN, b"fail", 500),
    ],
)
def test_a_request_is_gone_when_it_is_answered(tmp_path: Path, script: str, body: bytes, status: int) -> None:
    path = tmp_path / "score.py"
    path.write_text(textwrap.dedent(script))
    settings, _ = Settings.load({}, {"script": ("script", str(path))})
    site = assemble.build(settings)
    site.init()

    async def play() -> Any:
        thread = ScoringThread()
        thread.adopt()
        site.open([thread], lambda: None)
        for _ in range(2):  # the first one imports Flask, which takes long
            for service in site.host:
                service._thread_runner.call_speed.short = True  # type: ignore[union-attr]
            gc.collect()
            gc.garbage.clear()
            request = HttpRequest("POST", "/score", b"", Headers({"content-type": "application/json"}), body)
            answer = contextvars.copy_context().run(site.app.begin, request)
            assert isinstance(answer, HttpResponse)
            del request
        return answer

    answer: Any = asyncio.run(play())
    assert answer.status == status
    gc.collect()
    left = [one for one in gc.garbage if isinstance(one, HttpRequest) or "equest" in type(one).__name__]
    assert not left
