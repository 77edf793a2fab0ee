"""The client for tests: the same answers as over HTTP, on the scoring thread, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from scoringhost.errors import InitFailed, NotReady, ScriptNotFound, SettingsError
from scoringhost.testing import Client, NoSample, ScoreFailed, serve

SAMPLE = Path(__file__).parents[2] / "samples" / "diabetes"
Write = Callable[..., Path]

ECHO = "def init(): pass\ndef run(data): return data\n"

ACTS = """
import asyncio, threading
LIFE = []

def init(): LIFE.append(("init", threading.current_thread().name))
def shutdown(): LIFE.append(("shutdown", threading.current_thread().name))

def run(data):
    if data == "thread": return threading.current_thread().name
    if data == "raise": raise KeyError("no such row")
    if data == "object": return object()
    if data == "loop": return asyncio.run(asyncio.sleep(0, "slept"))
    if data == "stream": return stream()
    if data == "break": return breaking()
    return data

def stream():
    yield {"token": 1}
    yield {"token": 2}

def breaking():
    yield "begun"
    raise OSError("disk gone")
"""


@pytest.fixture
def acts(write: Write) -> Iterator[Client]:
    with serve(write(ACTS)) as client:
        yield client


# -- answers --------------------------------------------------------------------------------------


def test_a_sample_is_scored_with_its_own_input_and_with_arrays() -> None:
    import numpy as np

    with serve(SAMPLE) as client:
        expected = client.score(client.sample())
        assert expected == pytest.approx([207.3, 70.2], abs=0.1)
        assert client.score() == expected
        assert client.score({"data": np.array(client.sample()["data"])}) == expected
        assert client.score((SAMPLE / "request.json").read_bytes()) == expected


def test_a_script_without_a_sample_asks_for_a_payload(acts) -> None:
    with pytest.raises(NoSample, match="give a payload"):
        acts.score()


@pytest.mark.parametrize("payload", ["text", "ünïcode", ""])
def test_text_is_sent_as_it_is(acts, payload: str) -> None:
    assert acts.score(payload) == payload


def test_init_run_and_shutdown_are_on_the_scoring_thread(write: Write) -> None:
    with serve(write(ACTS)) as client:
        life, thread = client.module.LIFE, client.score("thread")
        assert thread != threading.current_thread().name
        assert client.health()
    assert life == [("init", thread), ("shutdown", thread)]


def test_an_async_run_is_awaited(write: Write) -> None:
    with serve(
        write("import asyncio\ndef init(): pass\nasync def run(data): return await asyncio.sleep(0, data)\n")
    ) as c:
        assert c.score("later") == "later"


def test_a_script_may_use_asyncio_run(acts) -> None:
    assert acts.score("loop") == "slept"


def test_a_stream_comes_as_a_whole(acts) -> None:
    assert acts.score("stream") == [{"token": 1}, {"token": 2}]


def test_a_stream_as_events_is_text(acts) -> None:
    text = acts.score("stream", headers={"Accept": "text/event-stream"})
    assert text == 'data: {"token":1}\n\ndata: {"token":2}\n\n'


def test_bytes_of_a_raw_script_are_bytes(write: Write) -> None:
    script = (
        "from scoringhost import rawhttp\ndef init(): pass\n@rawhttp\ndef run(request): return request.get_data()\n"
    )
    with serve(write(script)) as client:
        assert client.score(b"\x00\xff", content_type="image/png") == b"\x00\xff"


def test_any_request_can_be_sent(acts) -> None:
    answer = acts.request("GET", "/score?a=1&b=x%20y", headers={"X-Request-Id": "mine"})
    assert (answer.status, answer.json(), answer.header("X-REQUEST-ID")) == (
        200,
        '{"a": 1, "b": "x y"}',
        "mine",
    )
    assert acts.request("DELETE", "/score").status == 405
    assert acts.request("HEAD", "/").body == b""
    assert acts.request("HEAD", "/").status == 200


# -- failures -------------------------------------------------------------------------------------


def test_an_error_carries_status_message_id_and_the_scripts_traceback(acts) -> None:
    with pytest.raises(ScoreFailed) as caught:
        acts.score("raise", headers={"x-request-id": "number-7"})
    error = caught.value
    assert (error.status, error.request_id) == (500, "number-7")
    assert "An unexpected error occurred in scoring script" in error.message
    assert "no such row" not in error.message
    assert error.traceback.endswith("KeyError: 'no such row'")
    assert "[number-7]\nTraceback" in str(error)


def test_a_result_that_cannot_be_encoded_names_its_type(acts) -> None:
    with pytest.raises(ScoreFailed, match="object"):
        acts.score("object")


def test_a_stream_that_breaks_off_is_a_failure_with_its_traceback(acts) -> None:
    answer = acts.request("POST", body="break")
    assert (answer.status, answer.body, answer.is_success) == (200, b"begun", False)
    with pytest.raises(ScoreFailed, match="disk gone") as caught:
        acts.score("break")
    assert "the stream broke off" in caught.value.message


def test_a_callers_mistake_is_a_400_without_a_traceback() -> None:
    with serve(SAMPLE) as client, pytest.raises(ScoreFailed, match="'data'") as caught:
        client.score({"data": [[1, 2, 3]]})
    assert (caught.value.status, caught.value.traceback) == (400, "")


def test_the_limit_on_bodies_holds(write: Write) -> None:
    with serve(write(ECHO), max_body_mb=1) as client:
        assert client.request("POST", body=b"x" * (1 << 20)).status == 200
        assert client.request("POST", body=b"x" * (1 << 20) + b"x").status == 413


# -- the end --------------------------------------------------------------------------------------


# BUG: a client starts threads anew after its service is closed, without init(), and leaves them running.
def test_a_client_says_that_its_service_is_closed(write: Write) -> None:
    with serve(write(ACTS)) as client:
        assert client.score("1") == "1"
    before = threading.active_count()
    with pytest.raises(NotReady, match="The service is closed"):
        client.score("1")
    assert threading.active_count() == before
    assert [what for what, _ in client.module.LIFE] == ["init", "shutdown"]


# BUG: the block is never left while a run() goes on that never ends.
def test_a_block_that_fails_does_not_wait_for_a_run_that_goes_on(write: Write) -> None:
    script = """
import threading
BUSY, LET_GO = threading.Event(), threading.Event()
def init(): pass
def shutdown(): raise AssertionError
def run(data):
    BUSY.set()
    LET_GO.wait(60)
"""

    asking: list[threading.Thread] = []

    def ask(client: Client) -> None:
        with pytest.raises(NotReady):
            client.score("")

    def interrupted(client: Client) -> None:
        asking.append(threading.Thread(target=ask, args=[client]))
        asking[0].start()
        client.module.BUSY.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), serve(write(script)) as client:
        interrupted(client)
    asking[0].join(10)
    client.module.LET_GO.set()
    assert client.notices == ("run() has not ended; it is left behind, and shutdown() is not run",)


def test_a_failing_test_runs_shutdown_all_the_same(write: Write) -> None:
    with pytest.raises(AssertionError), serve(write(ACTS)) as client:
        raise AssertionError
    assert [what for what, _ in client.module.LIFE] == ["init", "shutdown"]


# -- settings and the process ---------------------------------------------------------------------


def test_settings_are_keyword_arguments(write: Write) -> None:
    with serve(write("def init(): pass\ndef run(data): return float('nan')\n"), nan="literal") as client:
        assert client.request("POST", body="").body == b"NaN"


def test_an_unknown_setting_is_a_type_error(write: Write) -> None:
    with pytest.raises(TypeError, match="no setting portt"), serve(write(ECHO), portt=3):
        pass


@pytest.mark.parametrize(
    ("source", "settings", "error"),
    [
        ("def init(): 1 / 0\ndef run(data): pass\n", {}, InitFailed),
        (ECHO, {"workers": 0}, SettingsError),
        (None, {}, ScriptNotFound),
    ],
)
def test_what_cannot_start_raises_before_the_block(write: Write, tmp_path: Path, source, settings, error) -> None:
    path = write(source) if source else tmp_path / "score.py"
    before = dict(os.environ), list(sys.path)
    with pytest.raises(error), serve(path, **settings):
        pytest.fail("the block was entered")
    assert before == (dict(os.environ), list(sys.path))


def test_the_process_is_as_before_afterwards(write: Write, tmp_path: Path) -> None:
    write("NAME = 'helper'", "my_helper.py")
    (tmp_path / "model").mkdir()
    path = write("import os, my_helper\nos.environ['SET_BY_SCRIPT'] = '1'\n" + ECHO)
    before, modules = (dict(os.environ), list(sys.path)), set(sys.modules)
    with serve(path) as client:
        assert client.module.my_helper.NAME == "helper"
        assert os.environ["AZUREML_MODEL_DIR"] == str(tmp_path / "model")
    assert (dict(os.environ), list(sys.path)) == before
    assert not {name for name in set(sys.modules) - modules if "helper" in name or "entry" in name}


def test_two_scripts_with_helpers_of_one_name_do_not_meet(write: Write) -> None:
    said = []
    for name in ("a", "b"):
        write(f"NAME = {name!r}", f"{name}/same_helper.py")
        script = "import same_helper\ndef init(): pass\ndef run(data): return same_helper.NAME\n"
        with serve(write(script, f"{name}/score.py")) as client:
            said.append(client.score(""))
    assert said == ["a", "b"]


# -- two services in one process ------------------------------------------------------------------

MODEL = """
import os
import util
def init():
    global found
    found = [os.path.basename(os.path.dirname(os.environ.get("AZUREML_MODEL_DIR", "/none/x"))), util.NAME]
def run(data):
    import late
    return [*found, util.NAME, late.NAME]
"""


@pytest.fixture
def services(write: Write, tmp_path: Path) -> Callable[[str], Path]:
    """A service of a name, whose model folder and modules beside it have that name, too."""

    def services(name: str) -> Path:
        (tmp_path / name / "model").mkdir(parents=True)
        write(f"NAME = {name!r}", f"{name}/util.py")
        write(f"NAME = {name!r}", f"{name}/late.py")
        return write(MODEL, f"{name}/score.py")

    return services


# BUG: the second service takes AZUREML_MODEL_DIR and WORKER_COUNT, which the first one was given, for
# the user's, and finds the first one's module in sys.modules.
def test_two_services_have_their_own_models_settings_and_modules(services: Callable[[str], Path]) -> None:
    b_folder = services("b").parent
    (b_folder / "config.json").write_text('{"WORKER_COUNT": 3}')
    with serve(services("a")) as a, serve(b_folder) as b:
        assert b.score("") == ["b"] * 4
        assert a.score("")[:3] == ["a"] * 3
        assert os.environ["WORKER_COUNT"] == "3"
    assert "util" not in sys.modules


def test_a_service_without_a_model_does_not_find_that_of_another(write: Write, services: Callable[[str], Path]) -> None:
    plain = write("import os\n" + ECHO.replace("pass", "assert 'AZUREML_MODEL_DIR' not in os.environ"), "c/score.py")
    with serve(services("a")), serve(plain) as client:
        assert client.health()


def test_what_the_user_sets_in_between_counts(services: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = (services(name) for name in "abc")
    with serve(a), monkeypatch.context() as patch:
        patch.setenv("AZUREML_MODEL_DIR", str(c.parent / "model"))
        with serve(b) as client:
            assert client.score("")[0] == "c"
        assert os.environ["AZUREML_MODEL_DIR"] == str(c.parent / "model")
    assert "AZUREML_MODEL_DIR" not in os.environ


# BUG: the import path is set back to what it was before the first service, without the second one's folder.
def test_services_may_be_closed_in_any_order(services: Callable[[str], Path]) -> None:
    before = dict(os.environ), list(sys.path), set(sys.modules)
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    with second:
        with first:
            first.enter_context(serve(services("a")))
            client = second.enter_context(serve(services("b")))
        assert client.score("") == ["b"] * 4
        assert os.environ["AZUREML_MODEL_DIR"].endswith("b/model")
    assert before == (dict(os.environ), list(sys.path), set(sys.modules))


# BUG: a module of the tests with the name of one beside the script is taken in its place.
def test_a_module_of_the_tests_is_not_taken_for_one_beside_the_script(
    services: Callable[[str], Path], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("NAME = 'the tests'", "project/util.py")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(services("a").parents[1] / "project"))
        import util  # type: ignore[import-not-found]

        with serve(services("b")) as client:
            assert client.score("")[:3] == ["b"] * 3
        assert sys.modules.pop("util") is util


# BUG: what another fixture has set and undone meanwhile is set again.
def test_what_others_have_changed_meanwhile_is_left_alone(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_FIXTURE", "1")
    monkeypatch.syspath_prepend("/of/the/fixture")
    with serve(write(ECHO)):
        monkeypatch.undo()
        os.environ["LATER"] = "1"
        sys.path.append("/later")
    assert "OF_THE_FIXTURE" not in os.environ
    assert "/of/the/fixture" not in sys.path
    assert os.environ.pop("LATER") == "1"
    assert sys.path.pop() == "/later"


# -- the fixture ----------------------------------------------------------------------------------

USERS_TEST = """
import pytest

@pytest.fixture(scope="module")
def client(serve_script):
    return serve_script("score.py")

def test_echo(client): assert client.score("x") == "x"
def test_again(client): assert client.health()
"""


def run_pytest(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "scoringhost.pytest_plugin", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_the_fixture_serves_a_script_in_a_project_of_the_users(write: Write, tmp_path: Path) -> None:
    write(ECHO)
    write(USERS_TEST, "test_score.py")
    assert "2 passed" in run_pytest(tmp_path)


# BUG: the variable of the first test is there again after the module's last one.
def test_a_variable_of_one_test_is_gone_after_the_fixture_too(write: Write, tmp_path: Path) -> None:
    write(ECHO)
    first = """
def test_first(serve_script, monkeypatch):
    monkeypatch.setenv("OF_ONE_TEST", "1")
    assert serve_script("score.py").health()
"""
    write(first, "test_first.py")
    write("import os\ndef test_second(): assert 'OF_ONE_TEST' not in os.environ\n", "test_second.py")
    assert "2 passed" in run_pytest(tmp_path)


def test_the_plugin_imports_nothing_heavy(python: Callable[..., str]) -> None:
    program = """
        import sys, scoringhost.pytest_plugin
        print(sorted({"numpy", "pandas", "flask", "orjson", "click", "scoringhost.testing"} & set(sys.modules)))
    """
    assert python(program) == "[]"


# BUG: 400, "POST body should be a JSON object, not an array".
@pytest.mark.parametrize("beside", ["", '@input_schema("factor", StandardPythonParameterType(1.0))\n'])
def test_a_frame_or_an_array_is_a_payload_by_itself(tmp_path: Path, beside: str) -> None:
    (tmp_path / "score.py").write_text(
        "import numpy as np\nimport pandas as pd\n"
        "from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType\n"
        "from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType\n"
        "from inference_schema.schema_decorators import input_schema\n\n\n"
        "def init():\n    pass\n\n\n"
        'SAMPLE = pd.DataFrame({"n": [1], "day": pd.to_datetime(["2024-01-31"])})\n\n\n'
        + beside
        + '@input_schema("rows", PandasParameterType(SAMPLE))\n'
        + f"def run(rows{', factor=2.0' if beside else ''}):\n    return (rows.n * 2 + rows.day.dt.day).tolist()\n"
    )
    frame = pd.DataFrame({"day": pd.to_datetime(["2022-02-01", "2022-02-02"]), "n": [10, 20]})
    with serve(tmp_path / "score.py", environ={}) as client:
        assert client.score(frame) == [21, 42]
        assert client.score({"rows": frame}) == [21, 42]
        assert client.score(frame[["n", "day"]].to_numpy()) == [21, 42]
