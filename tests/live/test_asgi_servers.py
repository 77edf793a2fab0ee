"""create_asgi_app() under the ASGI servers that there are: as it is, and mounted in Starlette."""

from __future__ import annotations

import http.client
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

pytestmark = pytest.mark.slow
GRANIAN = [os.path.join(os.path.dirname(sys.executable), "granian"), "--interface", "asgi", "--host", "127.0.0.1"]
COMMANDS = {
    "uvicorn": [sys.executable, "-m", "uvicorn", "outer:outer", "--host", "127.0.0.1", "--port", "{port}"],
    "hypercorn": [sys.executable, "-m", "hypercorn", "outer:outer", "--bind", "127.0.0.1:{port}"],
    "granian": [*GRANIAN, "--port", "{port}", "outer:outer"],
}

OUTER = """
from pathlib import Path
from scoringhost import create_asgi_app
from starlette.applications import Starlette
from starlette.routing import Mount

folder = Path(__file__).parent
scoring = create_asgi_app(str(folder / "score.py"), app_root=str(folder), max_body_mb=1)
outer = Starlette(routes=[Mount("/raw", scoring), Mount("/", scoring)], lifespan=scoring.lifespan)
alone = scoring
"""

SCRIPT = """
import pathlib, threading, time

HERE = pathlib.Path(__file__).parent

def note(word):
    with open(HERE / "life", "a") as file:
        file.write(word + " " + threading.current_thread().name + "\\n")

def init():
    if (HERE / "broken").exists():
        raise ValueError("no model here")
    note("init")

def run(raw_data):
    if raw_data == "stream":
        return counting()
    if raw_data == "break":
        return breaking()
    if raw_data == "endless":
        return endless()
    return {"got": raw_data}

def counting():
    for number in range(3):
        yield f"{number} "

def breaking():
    yield "one"
    raise ValueError("broken")

def endless():
    try:
        while True:
            yield "x" * 10_000
            time.sleep(0.001)
    finally:
        note("stream closed")

def shutdown():
    note("shutdown")
"""

Launch = Callable[..., "Served"]


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest) -> str:
    """The server of the test."""
    return str(request.param)


@pytest.fixture(scope="module")
def launch(server: str, start_program: Callable[..., Served]) -> Launch:
    """launch(folder, app): the application of that folder behind the server of the test."""

    def launch(folder: Path, app: str = "outer") -> Served:
        (folder / "outer.py").write_text(OUTER, encoding="utf-8")
        (folder / "score.py").write_text(SCRIPT, encoding="utf-8")
        words = [word.replace("outer:outer", f"outer:{app}") for word in COMMANDS[server]]
        return start_program(*words, PYTHONPATH=str(folder))

    return launch


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server that the tests of this module share."""
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def served(launch: Launch, home: Path) -> Served:
    """The server that the tests of this module share."""
    return launch(home).wait_answering()


@pytest.mark.parametrize("root", ["", "/raw"])
def test_requests_are_answered_with_and_without_a_mount(served: Served, root: str) -> None:
    assert served.ask("GET", f"{root}/").body == b"Healthy"
    reply = served.ask("POST", f"{root}/score", body=b"hello")
    assert (reply.status, reply.json()) == (200, {"got": "hello"})
    assert reply.header("x-request-id")
    assert served.ask("GET", f"{root}/nowhere").status == 404


def test_a_stream_comes_whole_and_one_that_fails_is_cut_off(served: Served) -> None:
    whole = served.ask("POST", "/score", body=b"stream")
    assert (whole.body, whole.whole) == (b"0 1 2 ", True)
    try:
        cut = served.ask("POST", "/score", body=b"break")
    except (http.client.HTTPException, OSError):
        return  # cut so hard that not even the head could be read
    assert not cut.whole


def test_a_body_over_the_limit_is_refused(served: Served) -> None:
    assert served.ask("POST", "/score", body=b"x" * (2**20 + 1)).status == 413


def test_a_stream_is_closed_when_its_client_goes(served: Served, home: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request("POST", "/score", body=b"endless")
    assert connection.getresponse().read(100)
    connection.close()
    deadline_s = time.monotonic() + 30
    while "stream closed" not in (home / "life").read_text():
        assert time.monotonic() < deadline_s, served.log.text
        threading.Event().wait(0.02)


def test_init_and_shutdown_are_run_once_on_the_scoring_thread(launch: Launch, tmp_path: Path) -> None:
    server = launch(tmp_path, "alone").wait_answering()
    assert server.say("hello").json() == {"got": "hello"}
    server.stop()
    assert (tmp_path / "life").read_text() == "init scoring-0\nshutdown scoring-0\n", server.log.text


def test_a_server_whose_script_fails_in_init_does_not_start_and_says_why(
    launch: Launch, server: str, tmp_path: Path
) -> None:
    (tmp_path / "broken").touch()
    started = launch(tmp_path, "alone")
    code = started.exit_code(60)
    assert code != 0 or server == "hypercorn", started.log.text  # whose own exit code is 0 even then
    assert "no model here" in started.log.text
