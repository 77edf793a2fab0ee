"""Azure ML's SDK v1 on a hub of real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost.azureml import (
    AciWebservice,
    Environment,
    InferenceConfig,
    LocalWebservice,
    Model,
    Webservice,
    Workspace,
)
from scoringhost.azureml.core._packages import PackagesDiffer
from scoringhost.azureml.core.conda_dependencies import CondaDependencies
from scoringhost.azureml.exceptions import UserErrorException, WebserviceException
from scoringhost.hub.client import connect
from scoringhost.hub.place import user_home

SCRIPTS = Path(__file__).parent / "scripts" / "azureml_sdk"
SCRIPT = """
import json
import os

from azureml.core.model import Model


def init():
    global weights
    weights = open(Model.get_model_path("weights")).read()
    print("variables", os.environ["COLOUR"], os.environ["AZUREML_MODEL_DIR"])


def run(data):
    return {{"weights": weights, "sum": sum(json.loads(data)["data"]), "script": {number}}}
"""
FAILING = "def init():\n    raise ValueError('no weights')\n\n\ndef run(data):\n    return data\n"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("azureml")]


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose hub ends with the tests."""
    folder = tmp_path_factory.mktemp("azureml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCORINGHOST_HOME", str(folder / "home"))
        patch.chdir(folder)
        assert user_home(os.environ) == folder / "home"
        made = Workspace.create("live")
        yield made
        for one in Webservice.list(made):
            one.delete()
        connect(made._folder).stop()


@pytest.fixture
def config(ws: Workspace) -> InferenceConfig:
    """A script in a source folder, with a variable in its environment."""
    Path("src").mkdir(exist_ok=True)
    write(1)
    environment = Environment("e")
    environment.environment_variables = {"COLOUR": "red"}
    environment.python.user_managed_dependencies = True
    return InferenceConfig("score.py", source_directory="src", environment=environment)


@pytest.fixture
def model(ws: Workspace) -> Model:
    """A model of the registry."""
    Path("weights.txt").write_text("w")
    return Model.register(ws, "weights.txt", "weights")


def write(number: int) -> None:
    Path("src/score.py").write_text(SCRIPT.format(number=number))


def status_of(service: Webservice, *headers: tuple[str, str]) -> int:
    request = urllib.request.Request(str(service.scoring_uri), b'{"data": [1]}', dict(headers))
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        problem.close()
        return problem.code


def test_a_service_is_deployed_called_listed_found_and_deleted(ws: Workspace, config: InferenceConfig, model: Model):
    service = Model.deploy(ws, "first", [model], config, LocalWebservice.deploy_configuration())
    assert service.state in ("Transitioning", "Healthy")
    service.wait_for_deployment()
    assert (service.state, service.error) == ("Healthy", None)
    assert service.run({"data": [1, 2]}) == service.run('{"data": [1, 2]}') == {"weights": "w", "sum": 3, "script": 1}
    assert f"variables red {ws._folder}" in service.get_logs()
    assert f"azureml-models/weights/{model.version}" in service.get_logs()
    found = Webservice(ws, "first")
    assert isinstance(found, LocalWebservice)
    assert found.serialize()["scoringUri"] == service.scoring_uri
    assert set(found.serialize()) >= {
        "name", "tags", "properties", "state", "createdTime", "updatedTime", "error", "computeType", "workspaceName",
        "imageId", "scoringUri", "swaggerUri", "port", "contentHash",
    }  # fmt: skip
    assert [one.name for one in Webservice.list(ws, model_name="weights")] == ["first"]
    assert Webservice.list(ws, model_name="other") == []
    assert "first" in ws.webservices
    with pytest.raises(WebserviceException, match="in use by service first"):
        model.delete()
    with pytest.raises(NotImplementedError):
        service.get_keys()
    service.delete()
    service.delete()  # no error, as with the SDK
    with pytest.raises(WebserviceException) as caught:
        Webservice(ws, "first")
    assert caught.value.message.startswith("WebserviceNotFound:")


def test_a_request_that_fails_has_status_body_and_id_in_its_exception(
    ws: Workspace, config: InferenceConfig, model: Model
):
    service = Model.deploy(ws, "refusing", [model], config)
    service.wait_for_deployment()
    with pytest.raises(WebserviceException) as caught:
        service.run({"rows": []})
    assert "Response Code: 500" in caught.value.message
    assert re.search(r"Request id: [0-9a-f-]{36}", caught.value.message)
    assert "An unexpected error occurred in scoring script" in caught.value.message
    service.delete()


def test_a_failure_has_its_cause_in_the_exception_and_what_was_there_serves_on(
    ws: Workspace, config: InferenceConfig, model: Model
):
    Path("src/score.py").write_text(FAILING)
    failed = Model.deploy(ws, "failing", [model], config)
    with pytest.raises(WebserviceException, match="ValueError: no weights") as caught:
        failed.wait_for_deployment()
    assert "State: Failed" in caught.value.message
    assert "no weights" in failed.get_logs()
    assert "no weights" in (Webservice(ws, "failing").error or "no weights")
    write(1)
    failed.reload(wait=True)
    assert failed.run({"data": []})["script"] == 1
    Path("src/score.py").write_text(FAILING)
    with pytest.raises(WebserviceException, match="serves on"):
        failed.reload(wait=True)
    assert failed.run({"data": []})["script"] == 1
    failed.delete()


def test_a_reload_takes_todays_script_without_a_refused_request(ws: Workspace, config: InferenceConfig, model: Model):
    service = Model.deploy(ws, "reloaded", [model], config)
    service.wait_for_deployment()
    answers: list[int] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            answers.append(status_of(service))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        write(2)
        LocalWebservice(ws, "reloaded").reload(wait=True)  # found by its name, which throws in the SDK
        assert service.run({"data": []})["script"] == 2
    finally:
        is_over.set()
        asking.join()
    assert set(answers) == {200}
    with pytest.raises(WebserviceException, match="LocalWebservice is expected"):
        service.update(deployment_config=AciWebservice.deploy_configuration())
    service.delete()


def test_keys_are_asked_for_changed_and_taken_back(ws: Workspace, config: InferenceConfig):
    Path("weights.txt").write_text("unregistered")
    Path("weights").mkdir(exist_ok=True)
    Path("weights/w.txt").write_text("unregistered")
    given = AciWebservice.deploy_configuration(1, 1, auth_enabled=True, primary_key="key-1", tags={"a": "b"})
    service = Model.deploy(ws, "guarded", ["weights"], config, given)
    assert status_of(service) == 401  # before it is ready, too
    with pytest.raises(WebserviceException):
        service.wait_for_deployment()  # the model is a folder, which its script cannot read
    service.delete()
    registered = Model.register(ws, "weights.txt", "weights")
    service = Model.deploy(ws, "guarded", [registered], config, given)
    service.wait_for_deployment()
    assert isinstance(service, AciWebservice)
    primary, secondary = service.get_keys()
    assert primary == "key-1"
    assert service.run({"data": [1]})["sum"] == 1
    assert status_of(service) == 401
    assert status_of(service, ("Authorization", f"Bearer {secondary}")) == 200
    service.regen_key("Secondary")
    assert status_of(service, ("Authorization", f"Bearer {secondary}")) == 401
    assert status_of(service, ("Authorization", f"Bearer {primary}")) == 200
    with pytest.raises(WebserviceException, match="Valid options are: Primary, Secondary"):
        service.regen_key("third")
    with pytest.raises(WebserviceException, match="overwrite=True"):
        Model.deploy(ws, "guarded", [registered], config, given)
    service.update(auth_enabled=False, tags={"c": "d"}, properties={"p": "1"}, description="new")
    assert status_of(service) == 200
    assert (service.tags, service.properties, service.description) == ({"c": "d"}, {"p": "1"}, "new")
    service.add_tags({"e": "f"})
    service.remove_tags(["c"])
    assert Webservice(ws, "guarded").tags == {"e": "f"}
    with pytest.raises(WebserviceException, match="p already"):
        service.add_properties({"p": "2"})
    with pytest.raises(WebserviceException, match="No parameters provided"):
        service.update()
    assert [one.name for one in Webservice.list(ws, "ACI", tags=["e"], properties=[["p", "1"]])] == ["guarded"]
    service.delete()


def test_models_that_are_not_registered_and_several_are_laid_out_as_azure_does_it(
    ws: Workspace, config: InferenceConfig, model: Model
):
    Path("other.txt").write_text("o")
    service = Model.deploy(ws, "several", [model, "other.txt"], config)
    service.wait_for_deployment()
    assert re.search(r"variables red \S+/azureml-models$", service.get_logs(), re.M)
    folder = next(ws._folder.glob("deployments/*/app/azureml-models/other.txt"))
    assert (folder / "0" / "other.txt").read_text() == "o"
    service.delete()


def test_a_missing_package_is_named_in_a_warning(ws: Workspace, config: InferenceConfig, model: Model):
    assert config.environment is not None
    config.environment.python.user_managed_dependencies = False
    config.environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["nonsuch==1", "numpy<1"])
    with pytest.warns(PackagesDiffer, match=r"nonsuch is not installed; numpy is \S+ and not <1"):
        service = Model.deploy(ws, "warned", [model], config)
    service.wait_for_deployment()
    service.delete()


@pytest.mark.parametrize(("name", "models", "kind"), [
    ("No", [], WebserviceException), ("no", [], WebserviceException), ("9ab", [], WebserviceException),
    ("x" * 33, [], WebserviceException), ("abc-", [], WebserviceException), ("abc", [], UserErrorException),
    ("abc", ["nothing.pkl"], FileNotFoundError), ("abc", "weights", WebserviceException),
    ("abc", [3], WebserviceException), ("abc", ["weights:99"], WebserviceException),
])  # fmt: skip
def test_what_cannot_be_deployed_is_refused_at_once(ws: Workspace, name: str, models: Any, kind: type[Exception]):
    with pytest.raises(kind):
        Model.deploy(ws, name, models)


@pytest.mark.drill
def test_a_script_of_azure_ml_runs_with_its_imports_changed(tmp_path: Path):
    shutil.copy(SCRIPTS / "score.py", tmp_path)
    source = (SCRIPTS / "deploy.py").read_text()
    (tmp_path / "deploy.py").write_text(re.sub(r"^from azureml", "from scoringhost.azureml", source, flags=re.M))
    config = {"subscription_id": "s", "resource_group": "g", "workspace_name": "ported"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    environ = {**os.environ, "SCORINGHOST_HOME": str(tmp_path / "home")}
    try:
        done = subprocess.run(
            [sys.executable, "deploy.py"], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        connect(tmp_path / "home" / "workspaces" / "ported", environ).stop()
    lines = done.stdout.splitlines()
    assert lines[0] == "ported\tg\tlocal\ts"
    assert "Name: my-sklearn-model Version: 1" in lines
    assert [line for line in lines if line.endswith("[3.0, 12.0]")] == [
        "no code [3.0, 12.0]", "custom [3.0, 12.0]", "custom [3.0, 12.0]", "local [3.0, 12.0]"
    ]  # fmt: skip
    assert "profile 1.0 0.5 100.0" in lines
    assert lines[-1] == "['my-custom-service', 'my-local-service', 'my-sklearn-service'] ['my-sklearn-model']"
    assert (tmp_path / "imagefiles" / "app" / "azureml-models" / "my-sklearn-model" / "1").is_dir()
