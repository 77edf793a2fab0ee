"""create_app() inside somebody else's process: what it starts, and that it leaves nothing behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost import create_app
from scoringhost.errors import InitFailed, ScriptNotFound, SettingsError

SCRIPT = """
import threading
from pathlib import Path

LIFE = []


def init():
    LIFE.append(("init", threading.current_thread().name))


def run(raw_data):
    LIFE.append(("run", threading.current_thread().name))
    return LIFE


def shutdown():
    LIFE.append(("shutdown", threading.current_thread().name))
    Path(__file__ + ".log").write_text(repr([what for what, _ in LIFE]), encoding="utf-8")
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Path]:
    before = dict(os.environ)
    path = tmp_path / "score.py"
    path.write_text(SCRIPT, encoding="utf-8")
    yield path
    os.environ.clear()
    os.environ.update(before)


def close(app: Any) -> None:
    app.extensions["scoringhost"].close()


def test_init_run_and_shutdown_are_called_on_one_thread(script: Path) -> None:
    app = create_app(str(script), environ={})
    life = app.test_client().post("/score", data="x").json
    close(app)
    assert [what for what, _ in life] == ["init", "run"]
    assert len({thread for _, thread in life}) == 1
    assert Path(f"{script}.log").read_text(encoding="utf-8") == "['init', 'run', 'shutdown']"


# BUG: the first request after the end starts the threads anew, without an init().
def test_a_closed_app_is_a_503_that_says_so(script: Path) -> None:
    app = create_app(str(script), environ={})
    close(app)
    close(app)
    answer = app.test_client().post("/score", data="x")
    assert (answer.status_code, answer.json) == (503, {"message": "The service is closed"})
    assert Path(f"{script}.log").read_text(encoding="utf-8") == "['init', 'shutdown']"


def test_own_routes_come_before_the_hosts(script: Path) -> None:
    app = create_app(str(script), environ={})
    app.add_url_rule("/own", view_func=lambda: "own")
    client = app.test_client()
    assert client.get("/own").data == b"own"
    assert client.get("/").data == b"Healthy"
    close(app)


def test_two_apps_live_side_by_side_with_settings_of_their_own(script: Path) -> None:
    apps = [create_app(str(script), environ={}, service_name=name) for name in ("one", "two")]
    names = [app.test_client().get("/swagger.json").json["info"]["title"] for app in apps]
    lives = [app.test_client().post("/score").json for app in apps]
    for app in apps:
        close(app)
    assert names == ["one", "two"]
    assert [len(life) for life in lives] == [2, 2]


NAMED = """
import os
import util


def init():
    global model
    model = os.environ["AZUREML_MODEL_DIR"]


def run(raw_data):
    return [util.NAME, os.path.basename(os.path.dirname(model))]
"""


# BUG: the second app scores with the first one's model folder, and with its module of the same name.
def test_two_apps_have_models_and_modules_of_their_own(script: Path) -> None:
    apps = []
    for name in ("one", "two"):
        (script.parent / name / "model").mkdir(parents=True)
        (script.parent / name / "util.py").write_text(f"NAME = {name!r}", encoding="utf-8")
        (script.parent / name / "score.py").write_text(NAMED, encoding="utf-8")
        apps.append(create_app(str(script.parent / name)))
    answers = [app.test_client().post("/score").json for app in apps]
    for app in apps:
        close(app)
    assert answers == [["one", "one"], ["two", "two"]]


def test_a_closed_app_leaves_environment_path_and_modules_as_they_were(script: Path) -> None:
    (script.parent / "beside.py").write_text("", encoding="utf-8")
    script.write_text(f"import beside\n{SCRIPT}", encoding="utf-8")
    before = dict(os.environ), list(sys.path), set(sys.modules)
    close(create_app(str(script)))
    assert before == (dict(os.environ), list(sys.path), set(sys.modules))


def test_an_app_that_fails_leaves_environment_path_and_modules_as_they_were(script: Path) -> None:
    script.write_text(SCRIPT.replace('LIFE.append(("init"', 'LIFE.pop(("init"'), encoding="utf-8")
    before = dict(os.environ), list(sys.path), set(sys.modules)
    with pytest.raises(InitFailed):
        create_app(str(script))
    assert before == (dict(os.environ), list(sys.path), set(sys.modules))


def left_open(work: Callable[[], None]) -> list[str]:
    """What Python complains of as never closed, once nobody refers to it any more."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
        gc.collect()
    return [str(warning.message) for warning in caught if warning.category is ResourceWarning]


# An event loop that is only stopped, not closed, loses three descriptors with each app.
def test_closing_leaves_no_thread_and_no_event_loop(script: Path) -> None:
    def open_and_close() -> None:
        before = set(threading.enumerate())
        app = create_app(str(script), environ={})
        started = set(threading.enumerate()) - before
        close(app)
        for thread in started:
            thread.join(10)
            assert not thread.is_alive()

    assert left_open(open_and_close) == []


# BUG: PrivateLoopSteps is not closed at the end of its stream, nor if its first item fails: each such
# request loses an event loop, which is three descriptors.
@pytest.mark.parametrize("act", ["words", "fails at once"])
def test_an_async_generator_of_a_plain_run_leaves_no_event_loop(script: Path, act: str) -> None:
    text = (
        "async def words():\n    yield 'one'\n\n\nasync def fail():\n    raise ValueError\n    yield\n\n\n"
        "def init():\n    pass\n\n\ndef run(raw_data):\n    return words() if raw_data == 'words' else fail()\n"
    )
    script.write_text(text, encoding="utf-8")
    app = create_app(str(script), environ={})
    client = app.test_client()
    statuses: list[int] = []

    def ask() -> None:
        for _ in range(3):  # the scoring thread remembers the last one
            with client.post("/score", data=act) as response:
                response.get_data()
                statuses.append(response.status_code)

    found = left_open(ask)
    close(app)
    assert set(statuses) == {200 if act == "words" else 500}
    assert found == []


# BUG: the threads and the event loop are left running if init() fails.
def test_a_failing_init_leaves_no_thread(script: Path) -> None:
    script.write_text("def init():\n    raise ValueError\n\n\ndef run(raw_data):\n    pass\n", encoding="utf-8")
    before = set(threading.enumerate())
    with pytest.raises(InitFailed):
        create_app(str(script), environ={})
    started = set(threading.enumerate()) - before
    for thread in started:
        thread.join(20)
    assert [thread.name for thread in started if thread.is_alive()] == []


@pytest.mark.parametrize(
    ("change", "settings", "error"),
    [
        (("", ""), {"workers": 0}, SettingsError),
        (("", ""), {"wrokers": 1}, TypeError),
        (('LIFE.append(("init"', 'LIFE.pop(("init"'), {}, InitFailed),
    ],
    ids=["bad value", "unknown name", "failing init"],
)
def test_what_cannot_be_served_is_an_exception_not_an_exit(
    script: Path, change: tuple[str, str], settings: dict[str, object], error: type[Exception]
) -> None:
    script.write_text(SCRIPT.replace(*change), encoding="utf-8")
    with pytest.raises(error):
        create_app(str(script), environ={}, **settings)


def test_a_missing_script_is_an_exception_that_suggests_another(script: Path) -> None:
    with pytest.raises(ScriptNotFound, match=r"Did you mean 'score\.py'"):
        create_app(str(script.with_name("scores.py")), environ={})
