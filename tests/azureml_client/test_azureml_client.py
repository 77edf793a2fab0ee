"""What `package --target azureml` writes, read by Microsoft's own client, and served as that would run it locally.

Not part of `pytest`: azure-ai-ml takes half a minute to import. `.ci/run` installs it into an environment of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

pytestmark = pytest.mark.filterwarnings("ignore")  # the client uses what other packages have deprecated
SAMPLE = Path(__file__).parents[2] / "samples" / "wine"
APP = "/var/azureml-app/"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, packed by the command."""
    folder = tmp_path_factory.mktemp("packed") / "azure"
    program = shutil.which("scoringhost")
    assert program is not None
    subprocess.run([program, "package", "--target", "azureml", SAMPLE, "--output", folder], check=True)
    return folder


def test_the_client_takes_all_four_documents(packed: Path) -> None:
    from azure.ai import ml

    endpoint = ml.load_online_endpoint(packed / "online-endpoint.yml")
    deployment: Any = ml.load_online_deployment(packed / "online-deployment.yml")
    deployment._validate()
    assert (endpoint.name, endpoint.auth_mode, deployment.endpoint_name) == ("wine", "key", "wine")
    routes = deployment.environment.inference_config
    assert (routes.scoring_route.port, routes.scoring_route.path) == (5001, "/score")
    assert (packed / deployment.environment.build.path / "Dockerfile").is_file()
    batch = ml.load_batch_endpoint(packed / "batch-endpoint.yml")
    scoring: Any = ml.load_batch_deployment(packed / "batch-deployment.yml")
    assert (batch.name, scoring.endpoint_name) == ("wine-batch", "wine-batch")
    assert (scoring.mini_batch_size, scoring.output_file_name) == (10, "predictions.csv")


def test_the_requests_that_the_client_would_send_can_be_made(packed: Path) -> None:
    from azure.ai import ml

    deployment: Any = ml.load_online_deployment(packed / "online-deployment.yml")
    deployment.environment = deployment.model = "azureml:given:1"  # which it uploads before
    deployment.code_configuration.code = "/subscriptions/s/codes/c/versions/1"
    sent = deployment._to_rest_object(location="westeurope").as_dict()
    settings = sent["properties"]["requestSettings"]
    assert (settings["requestTimeout"], settings["maxConcurrentRequestsPerInstance"]) == ("PT1M", 16)
    assert sent["properties"]["readinessProbe"]["failureThreshold"] == 120
    assert sent["properties"]["codeConfiguration"]["scoringScript"] == "score.py"


def test_it_serves_with_the_variables_and_volumes_that_azure_ml_gives_a_container(
    packed: Path, start_program: Callable[..., Served], tmp_path: Path
) -> None:
    from azure.ai.ml._local_endpoints.azureml_image_context import AzureMlImageContext

    given = AzureMlImageContext("wine", "blue", str(packed / "code"), "score.py", str(packed / "model"), "wine/1")
    for volume in given.volumes:
        source, target = volume.split(":")[:2]
        shutil.copytree(source, tmp_path / target.removeprefix(APP))
    environ = {name: value.replace(APP, f"{tmp_path}/") for name, value in given.environment.items()}
    program = shutil.which("scoringhost")
    assert program is not None
    served = start_program(program, "serve", "--port", "{port}", SCORINGHOST_HOST="127.0.0.1", **environ)
    served.wait_ready()
    assert (served.ask("GET", "/livez").status, served.ask("GET", "/readyz").status) == (200, 200)
    body = (SAMPLE / "request.json").read_bytes()
    reply = served.ask("POST", "/score", headers=[("Content-Type", "application/json")], body=body)
    assert reply.status == 200, reply.body
    assert os.path.dirname(environ["AZUREML_MODEL_DIR"]) == str(tmp_path / "azureml-models" / "wine")
