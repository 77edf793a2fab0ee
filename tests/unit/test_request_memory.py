"""A request is gone when it is answered: nothing keeps its body until the next garbage collection."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import gzip
import itertools
import random
import textwrap
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost import assemble
from scoringhost.errors import MalformedRequest, ScoringHostError
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse, close_body
from scoringhost.kernel.admission import Admission
from scoringhost.kernel.call import Call
from scoringhost.kernel.scoring_thread import Job, ScoringThread
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


LARGE = """
def init(): pass
def run(data): return [["text"] * 200] * 200
"""

STREAM = """
def init(): pass
def run(data):
    yield "one"
    if "fail" in data: raise ValueError
    yield "two"
"""

ASYNC = """
def init(): pass
async def run(data):
    if "fail" in data: raise ValueError
    return len(data)
"""

SLOW = """
import time
def init(): pass
def run(data): time.sleep(float(data))
"""

SLOW_STREAM = """
import time
def init(): pass
def run(data):
    time.sleep(float(data))
    yield "late"
"""

SLOW_ASYNC = """
import asyncio
def init(): pass
async def run(data): await asyncio.sleep(float(data))
"""

CASES = [
    (RAW, b"well", 200),
    (RAW, b"fail", 500),
    (RAW, b"abort", 401),
    (NAMED, b'{"data": [[0, 0]]}', 200),
    (NAMED, b'{"data": [[0, 1]]}', 500),
    (NAMED, b'{"data": [[0]]}', 400),
    (NAMED, b"{oops", 400),
    (PLAIN, b"well", 200),
    (PLAIN, b"fail", 500),
]

JSON = {"content-type": "application/json"}
FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"b" * 1000 + b"\r\n--x--\r\n"


def site_of(script: str, folder: Path, environ: dict[str, str]) -> Any:
    path = folder / "score.py"
    path.write_text(textwrap.dedent(script))
    settings, _ = Settings.load(environ, {"script": ("script", str(path))})
    site = assemble.build(settings)
    site.init()
    return site


def left_behind() -> list[object]:
    """What knows a request, or its body, and has to wait for the garbage collector."""
    gc.collect()
    return [one for one in gc.garbage if isinstance(one, (Call, Job)) or "equest" in type(one).__name__]


@pytest.mark.usefixtures("unsettled_gc")
@pytest.mark.parametrize(("script", "body", "status"), CASES)
def test_a_request_is_gone_when_it_is_answered(tmp_path: Path, script: str, body: bytes, status: int) -> None:
    site = site_of(script, tmp_path, {})

    async def play() -> Any:
        thread = ScoringThread()
        thread.adopt()
        site.open([thread], lambda: None)
        for _ in range(2):  # the first one imports Flask, which takes long
            for service in site.host:
                service._thread_runner.call_speed.short = True
            gc.collect()
            gc.garbage.clear()
            request = HttpRequest("POST", "/score", b"", Headers(JSON), body)
            answer = contextvars.copy_context().run(site.app.begin, request)
            assert isinstance(answer, HttpResponse)
            del request
        return answer

    answer: Any = asyncio.run(play())
    assert answer.status == status
    assert not left_behind()


NOISE = random.Random(1).randbytes(10_000)
"""Bytes that cannot be packed, and the same ones in every process of a parallel run."""


@pytest.mark.usefixtures("unsettled_gc")
@pytest.mark.parametrize(
    ("script", "body", "status", "headers", "environ"),
    [
        *((*case, JSON, {}) for case in CASES),
        *((*case, JSON | {"x-request-timeout-ms": "20000"}, {}) for case in CASES),
        (RAW, gzip.compress(NOISE, mtime=0), 200, {"content-encoding": "gzip"}, {}),
        (PLAIN, gzip.compress(NOISE.hex().encode(), mtime=0), 200, {"content-encoding": "gzip"}, {}),
        (PLAIN, NOISE, 400, {"content-encoding": "gzip"}, {}),
        (SLOW, b"0.2", 504, {"x-request-timeout-ms": "50"}, {}),
        (SLOW, b"0.2", 504, {}, {"SCORINGHOST_MAX_BATCH_SIZE": "8", "SCORINGHOST_SCORING_TIMEOUT_MS": "50"}),
        (SLOW_STREAM, b"0.2", 504, {}, {"SCORINGHOST_SCORING_TIMEOUT_MS": "50"}),
        (SLOW_ASYNC, b"0.2", 504, {"x-request-timeout-ms": "50"}, {}),
        (RAW, FORM, 200, {"content-type": "multipart/form-data; boundary=x"}, {}),
        (PLAIN, FORM, 200, {"content-type": "multipart/form-data; boundary=x"}, {}),
        (LARGE, b"{}", 200, JSON, {}),
        (STREAM, b"well", 200, JSON, {}),
        (STREAM, b"fail", 200, JSON, {}),
        (ASYNC, b"well", 200, JSON, {}),
        (ASYNC, b"fail", 500, JSON, {}),
        (NAMED, b'{"data": [[0, 0]]}', 200, JSON, {"SCORINGHOST_MAX_BATCH_SIZE": "8"}),
        (NAMED, b'{"data": [[0, 1]]}', 500, JSON, {"SCORINGHOST_MAX_BATCH_SIZE": "8"}),
        (NAMED, b'{"data": [[0]]}', 400, JSON, {"SCORINGHOST_MAX_BATCH_SIZE": "8"}),
    ],
    ids=itertools.count(),
)
def test_a_request_is_gone_when_it_is_answered_from_another_thread(
    tmp_path: Path, script: str, body: bytes, status: int, headers: dict[str, str], environ: dict[str, str]
) -> None:
    site = site_of(script, tmp_path, environ)

    async def ask() -> int:
        request = HttpRequest("POST", "/score", b"", Headers(headers), body)
        answer: HttpResponse = await site.app.handle(request)
        if not isinstance(answer.body, bytes):
            with contextlib.suppress(Exception):
                async for _ in answer.body:
                    pass
            await close_body(answer.body)
        return answer.status

    async def play() -> int:
        thread = ScoringThread()
        thread.start()
        site.open([thread], lambda: None)
        try:
            await asyncio.create_task(ask())  # what is made once
            gc.collect()
            gc.garbage.clear()
            found = await asyncio.create_task(ask())
            await asyncio.create_task(ask())
            # A thread keeps what it did last until there is more to do; and what was answered may still go on.
            await asyncio.to_thread(thread.ask, lambda: None)
            return found
        finally:
            thread.close()

    assert asyncio.run(play()) == status
    assert not left_behind()


class Caller:
    """Whoever waits for a place, as a call with its body does."""


def full() -> Admission:
    admission = Admission(1, 0)
    admission.enter_now()
    return admission


def slow() -> Admission:
    admission = Admission(1, 5, max_wait_s=1.0)
    admission.held.observe(100.0)
    admission.enter_now()
    return admission


def briefly_waited_for() -> Admission:
    admission = Admission(1, 5, max_wait_s=0.01)
    admission.enter_now()
    return admission


def about_to_close() -> Admission:
    admission = Admission(1, 5)
    admission.enter_now()
    asyncio.get_running_loop().call_later(0.01, admission.close, "it ends")
    return admission


@pytest.mark.usefixtures("unsettled_gc")
def test_a_request_with_a_fault_is_gone_when_it_is_answered(tmp_path: Path) -> None:
    site = site_of(RAW, tmp_path, {})
    request = HttpRequest("POST", "/score", b"", Headers(JSON), b"body", fault=MalformedRequest("no Host header"))
    answer = asyncio.run(site.app.handle(request))
    assert answer.status == 400
    del request
    assert not left_behind()


@pytest.mark.usefixtures("unsettled_gc")
@pytest.mark.parametrize("gate", [full, slow, briefly_waited_for, about_to_close])
def test_who_is_not_let_in_is_gone_when_it_is_told_so(gate: Callable[[], Admission]) -> None:
    gc.set_debug(0)

    async def enter(admission: Admission) -> weakref.ref[Caller]:
        caller = Caller()
        known = weakref.ref(caller)
        try:
            await admission.enter()
        except ScoringHostError:
            return known
        raise AssertionError("it was let in")

    async def play() -> weakref.ref[Caller]:
        return await enter(gate())

    assert asyncio.run(play())() is None
