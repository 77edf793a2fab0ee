"""mlflow.deployments with the real MLflow and a hub in real processes: the API, and the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ask, free_port
from tests.live.hubs import HubProcess

pytest.importorskip("mlflow")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("mlflow-deployments"),
    pytest.mark.filterwarnings("ignore"),  # MLflow's own are no failures
]

SUM = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("rows", NumpyParameterType(np.array([[1.0, 2.0]])))
def run(rows):
    return (rows.sum(axis=1) * {factor}).tolist()


def explain(rows):
    return {{"weights": [{factor}, {factor}], "rows": len(rows)}}
"""
STREAM = "def init():\n    pass\n\n\ndef run(raw_data):\n    for number in range(3):\n        yield {'n': number}\n"
FAILING = "def init():\n    raise ValueError('no model here')\n\n\ndef run(data):\n    return data\n"
LINEAR = """
import sys, mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

rows = pd.DataFrame({"sugar": [1.0, 2.0, 3.0, 4.0], "acid": [0.5, 0.1, 0.9, 0.4]})
quality = pd.Series([3.0, 5.0, 7.0, 9.0], name="quality")
signature = infer_signature(rows, quality)
model = LinearRegression().fit(rows, quality)
mlflow.sklearn.save_model(model, sys.argv[1], signature=signature, pip_requirements=["mlflow"])
with mlflow.start_run(tags={"team": "cellar"}) as run:
    mlflow.log_artifacts(sys.argv[1], "wine")
print(run.info.run_id)
"""
FRAME = pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]})
Folder = Callable[..., str]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    """A hub that runs, and that the bare target names in this process."""
    one = HubProcess()
    one.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCORINGHOST_HOME", str(one.place))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_TRACKING_URI", f"file:{one.place / 'mlruns'}")
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        yield one
    one.remove()


@pytest.fixture
def client(hub: HubProcess) -> Iterator[Any]:
    """MLflow's client; nothing is left of what a test has deployed."""
    from mlflow.deployments import get_deploy_client

    found = get_deploy_client("scoringhost")
    yield found
    for service in hub.client().services():
        hub.client().delete(service["name"], wait_s=60)


@pytest.fixture
def summing(hub: HubProcess) -> Folder:
    """Makes a folder of a service that adds up the numbers of each row, times something."""
    return lambda name="sum", factor=1: str(hub.service(name, SUM.format(factor=factor)))


def refused(code: str, text: str, call: Callable[[], object]) -> None:
    """Make sure that a call is refused so, in one line or with the culprit in the first."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as found:
        call()
    assert (found.value.error_code, text in str(found.value).splitlines()[0]) == (code, True), str(found.value)


def test_a_deployment_is_made_called_changed_explained_and_removed(client: Any, summing: Folder) -> None:
    made = client.create_deployment("sum", summing(), config={"threads": "2"})
    assert (made["name"], made["flavor"], made["state"], made["config"]) == ("sum", "script", "ready", {"threads": "2"})
    assert client.predict("sum", FRAME) == {"predictions": [3.0, 7.0]}
    assert client.predict("sum", FRAME.to_numpy()).to_json() == '{"predictions": [3.0, 7.0]}'
    assert client.predict("sum", {"rows": [[5, 6]]})["predictions"] == [11.0]
    assert client.explain("sum", FRAME) == {"weights": [1, 1], "rows": 2}
    changed = client.update_deployment("sum", summing("twice", 2))
    assert (changed["flavor"], changed["config"], changed["scoring_uri"]) == (
        "script", {"threads": "2"}, made["scoring_uri"],
    )  # fmt: skip
    assert client.predict("sum", FRAME)["predictions"] == [6.0, 14.0]
    assert client.update_deployment("sum", config={"max_batch_size": 4})["config"] == {
        "threads": "2", "max_batch_size": 4,
    }  # fmt: skip
    assert [one["name"] for one in client.list_deployments()] == ["sum"]
    json.dumps(client.get_deployment("sum"))
    assert client.delete_deployment("sum") is None
    assert client.delete_deployment("sum", config={}) is None
    assert client.list_deployments() == []


def test_what_cannot_be_done_is_refused_and_leaves_nothing(client: Any, hub: HubProcess, summing: Folder) -> None:
    folder, failing = summing(), str(hub.service("failing", FAILING))
    client.create_deployment("sum", folder)
    create = client.create_deployment
    for code, text, call in [
        ("RESOURCE_ALREADY_EXISTS", "sum", lambda: create("sum", folder)),
        ("RESOURCE_DOES_NOT_EXIST", "/not/there", lambda: create("x", "/not/there")),
        ("INVALID_PARAMETER_VALUE", "'onnx'", lambda: create("x", folder, flavor="onnx")),
        ("INVALID_PARAMETER_VALUE", "did you mean 'threads'?", lambda: create("x", folder, config={"thread": "2"})),
        ("INVALID_PARAMETER_VALUE", "threads: 'many'", lambda: create("x", folder, config={"threads": "many"})),
        ("INVALID_PARAMETER_VALUE", "port", lambda: create("x", folder, config={"port": "1"})),
        ("INVALID_PARAMETER_VALUE", "'../../evil'", lambda: create("../../evil", folder)),
        ("RESOURCE_DOES_NOT_EXIST", "'shop'", lambda: create("x", folder, endpoint="shop")),
        ("INVALID_PARAMETER_VALUE", "no model here", lambda: create("x", failing)),
        ("INVALID_PARAMETER_VALUE", "no model here", lambda: client.update_deployment("sum", failing)),
        ("INVALID_PARAMETER_VALUE", "flavor", lambda: client.update_deployment("sum", flavor="script")),
        ("RESOURCE_DOES_NOT_EXIST", "'x'", lambda: client.update_deployment("x", folder)),
        ("RESOURCE_DOES_NOT_EXIST", "'x'", lambda: client.get_deployment("x")),
        ("RESOURCE_DOES_NOT_EXIST", "'x'", lambda: client.predict("x", FRAME)),
        ("INVALID_PARAMETER_VALUE", "name a deployment", lambda: client.predict(inputs=FRAME)),
        ("BAD_REQUEST", "'rows[0][0]'", lambda: client.predict("sum", [["a"]])),
        ("INVALID_PARAMETER_VALUE", "builtins.object", lambda: client.predict("sum", object())),
    ]:
        refused(code, text, call)
    assert [one["name"] for one in client.list_deployments()] == ["sum"]
    assert client.predict("sum", FRAME)["predictions"] == [3.0, 7.0]


def test_an_endpoint_divides_its_requests(client: Any, summing: Folder) -> None:
    assert client.create_endpoint("shop")["traffic"] == {}
    refused("RESOURCE_ALREADY_EXISTS", "'shop'", lambda: client.create_endpoint("shop"))
    refused("RESOURCE_DOES_NOT_EXIST", "no deployment", lambda: client.predict(inputs=FRAME, endpoint="shop"))
    assert client.create_deployment("blue", summing(), endpoint="shop")["share"] == 100
    assert client.create_deployment("green", summing("green", 10), endpoint="shop")["share"] == 0
    assert client.predict(inputs=FRAME, endpoint="shop")["predictions"] == [3.0, 7.0]
    client.update_endpoint("shop", {"traffic": {"blue": 50, "green": 50}})
    answers = {str(client.predict(inputs=FRAME, endpoint="shop")["predictions"]) for _ in range(60)}
    assert answers == {"[3.0, 7.0]", "[30.0, 70.0]"}
    client.update_endpoint(endpoint="shop", config={"green": "100"})
    assert client.get_endpoint("shop")["traffic"] == {"green": 100}
    assert client.predict("blue", FRAME, endpoint="shop")["predictions"] == [3.0, 7.0]
    assert client.predict("blue", FRAME)["predictions"] == [3.0, 7.0]
    assert [one["name"] for one in client.list_deployments(endpoint="shop")] == ["blue", "green"]
    refused("INVALID_PARAMETER_VALUE", "did you mean 'blue'?", lambda: client.update_endpoint("shop", {"bleu": 1}))
    refused("INVALID_PARAMETER_VALUE", "blue, green", lambda: client.delete_endpoint("shop"))
    client.create_deployment("sum", summing())
    refused("RESOURCE_DOES_NOT_EXIST", "'sum'", lambda: client.get_deployment("sum", endpoint="shop"))
    for name in ("blue", "green", "green"):
        client.delete_deployment(name, endpoint="shop")
    assert [one["name"] for one in client.list_endpoints()] == ["shop"]
    assert (client.delete_endpoint("shop"), client.delete_endpoint("shop")) == (None, None)


def test_of_two_creates_of_one_name_one_wins(client: Any, summing: Folder) -> None:
    folder = summing()

    def create(_: int) -> str:
        try:
            return str(client.create_deployment("sum", folder)["state"])
        except Exception as problem:
            return str(getattr(problem, "error_code", problem))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(create, range(4))) == [*["RESOURCE_ALREADY_EXISTS"] * 3, "ready"]


def test_a_stream_comes_in_pieces(client: Any, hub: HubProcess, summing: Folder) -> None:
    client.create_deployment("stream", str(hub.service("stream", STREAM)))
    assert list(client.predict_stream("stream", "go")) == [{"n": 0}, {"n": 1}, {"n": 2}]
    client.create_deployment("sum", summing())
    assert list(client.predict_stream("sum", FRAME)) == [{"predictions": [3.0, 7.0]}]


def test_every_skin_sees_the_same_services(client: Any, hub: HubProcess, summing: Folder) -> None:
    first, second = summing(), summing("second", 2)
    assert hub.verb("deploy", first, "--name", "sum").returncode == 0
    assert hub.verb("deploy", second, "--name", "sum", "--traffic", "0").returncode == 0
    assert [one["name"] for one in client.list_deployments()] == ["sum", "sum:2"]
    assert client.predict("sum", FRAME)["predictions"] == [3.0, 7.0]
    assert client.predict("sum:2", FRAME)["predictions"] == [6.0, 14.0]
    client.delete_deployment("sum:2")
    assert client.update_deployment("sum", second)["model_uri"] == second
    assert "sum:1" in hub.verb("status").stdout
    assert hub.verb("rollback", "sum").returncode == 0
    assert client.get_deployment("sum")["model_uri"] is None, "what runs again was not deployed by MLflow"
    assert hub.verb("undeploy", "sum").returncode == 0
    assert client.list_deployments() == []


def test_endpoints_are_made_by_our_own_command_line(client: Any, hub: HubProcess, summing: Folder) -> None:
    assert "/services/shop/score" in hub.verb("endpoint", "create", "shop").stdout
    client.create_deployment("blue", summing(), endpoint="shop")
    client.create_deployment("green", summing("green", 10), endpoint="shop")
    assert hub.verb("endpoint", "divide", "shop", "blue=30", "green=70").stdout == "shop: blue=30% green=70%\n"
    assert "blue=30% green=70%" in hub.verb("endpoint", "list").stdout
    assert "shop:blue" in hub.verb("endpoint", "delete", "shop").stderr
    hub.verb("undeploy", "shop:blue")
    hub.verb("undeploy", "shop:green")
    assert hub.verb("endpoint", "delete", "shop").stdout == "shop is gone\n"
    assert hub.verb("endpoint", "delete", "shop").returncode == 1


def test_a_model_folder_is_taken_with_what_is_known_of_its_run(client: Any, hub: HubProcess) -> None:
    code = hub.place / "train.py"
    code.write_text(LINEAR)
    place = hub.place / "wine"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", code, place], capture_output=True, text=True, cwd=hub.place, check=False
    )
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.split()[-1]
    made = client.create_deployment("wine", f"runs:/{run_id}/wine")
    assert (made["flavor"], made["run_tags"]["team"], made["model_uri"]) == (
        "python_function", "cellar", f"runs:/{run_id}/wine",
    )  # fmt: skip
    assert made["scoring_uri"].endswith("/services/wine/invocations")
    rows = pd.DataFrame({"acid": [0.5], "sugar": [5.0]}, index=["bottle"])
    assert client.predict("wine", rows)["predictions"] == pytest.approx([11.0])
    assert client.predict("wine", {"sugar": [5], "acid": [0.5]})["predictions"] == pytest.approx([11.0])
    refused("INVALID_PARAMETER_VALUE", "Failed to predict data", lambda: client.predict("wine", rows[["acid"]]))
    refused("INVALID_PARAMETER_VALUE", "explain", lambda: client.explain("wine", rows))
    refused("INVALID_PARAMETER_VALUE", "'onnx'", lambda: client.create_deployment("x", str(place), flavor="onnx"))


def test_a_model_file_alone_is_deployed(client: Any, hub: HubProcess) -> None:
    joblib = pytest.importorskip("joblib")
    from sklearn.linear_model import LinearRegression

    joblib.dump(LinearRegression().fit(np.eye(2), [1.0, 2.0]), hub.place / "line.joblib")
    made = client.create_deployment("line", str(hub.place / "line.joblib"))
    assert made["flavor"] == "sklearn"
    assert client.predict("line", np.eye(2))["predictions"] == pytest.approx([1.0, 2.0])


# -- the command line ---------------------------------------------------------------------------------


def mlflow(hub: HubProcess, *words: str) -> subprocess.CompletedProcess[str]:
    """`mlflow deployments` with these words, for the hub."""
    command = [sys.executable, "-m", "mlflow", "deployments", *words]
    return subprocess.run(
        command, env=environ_of(hub), cwd=hub.place, capture_output=True, text=True, check=False, timeout=300
    )


def environ_of(hub: HubProcess) -> dict[str, str]:
    return {**os.environ, **hub.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}


def test_the_command_line_of_mlflow(client: Any, hub: HubProcess, summing: Folder) -> None:
    target = ("-t", "scoringhost")
    created = mlflow(hub, "create", *target, "--name", "sum", "-m", summing(), "-C", "threads=2")
    assert "script deployment sum is created" in created.stdout, created.stderr
    document = hub.place / "document.json"
    document.write_text('{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}}')
    predicted = mlflow(hub, "predict", *target, "--name", "sum", "-I", str(document))
    assert json.loads(predicted.stdout) == {"predictions": [3.0, 7.0]}, predicted.stderr
    document.write_text('[{"a": 1, "b": 2}]')
    answer = hub.place / "answer.json"
    mlflow(hub, "predict", *target, "--name", "sum", "-I", str(document), "-O", str(answer))
    assert json.loads(answer.read_text()) == {"predictions": [3.0]}
    explained = mlflow(hub, "explain", *target, "--name", "sum", "-I", str(document))
    assert json.loads(explained.stdout) == {"weights": [1, 1], "rows": 1}, explained.stderr
    assert "'sum'" in mlflow(hub, "list", *target).stdout
    assert re.search(r"^state: ready$", mlflow(hub, "get", *target, "--name", "sum").stdout, re.MULTILINE)
    updated = mlflow(hub, "update", *target, "--name", "sum", "-m", summing("twice", 2))
    assert "Deployment sum is updated (with flavor script)" in updated.stdout, updated.stderr
    twice = mlflow(hub, "create", *target, "--name", "sum", "-m", summing())
    assert (twice.returncode, "MlflowException: there is a service 'sum' already" in twice.stderr) == (1, True)
    assert "is deleted" in mlflow(hub, "delete", *target, "--name", "sum").stdout
    assert "SCORINGHOST_HOME" in mlflow(hub, "help", *target).stdout


def test_run_local_serves_in_the_foreground_until_ctrl_c(hub: HubProcess, summing: Folder) -> None:
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "deployments", "run-local", "-t", "scoringhost", "--name", "sum"]
    command += ["-m", summing(), "-C", f"port={port}"]
    running = subprocess.Popen(
        command,
        env=environ_of(hub),
        cwd=hub.place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    timer = threading.Timer(120, running.kill)
    timer.start()
    assert running.stdout is not None
    lines: list[str] = []
    for line in running.stdout:
        lines.append(line)
        if "ready for requests" in line:
            break
    assert running.poll() is None, "".join(lines)
    reply = ask(port, "POST", "/score", headers=[("Content-Type", "application/json")], body=b'{"rows": [[1, 2]]}')
    assert reply.json() == [3.0]
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    rest = running.communicate()[0]
    timer.cancel()
    assert running.returncode == 0, "".join(lines) + rest


def test_run_local_refuses_a_setting_that_there_is_not(hub: HubProcess, summing: Folder) -> None:
    words = ("--name", "sum", "-m", summing(), "-C", "prt=1")
    done = mlflow(hub, "run-local", "-t", "scoringhost", *words)
    assert (done.returncode, "did you mean 'port'?" in done.stderr) == (1, True), done.stderr
