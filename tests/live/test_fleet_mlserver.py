"""What MLServer's manual promises of several models in one repository, each seen from outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.fleets import Fleet

if TYPE_CHECKING:
    from tests.conftest import Served

pytestmark = pytest.mark.slow

RUNTIME = """import os

from helper import WHO
from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceResponse


class Model(MLModel):
    async def load(self):
        self.greeting = self.settings.parameters.extra["greeting"]
        return True

    async def predict(self, payload):
        said = [self.greeting, WHO, str(os.getpid())]
        if payload.id == "die":
            os._exit(3)
        return InferenceResponse(model_name=self.name, model_version=self.version,
                                 outputs=[StringCodec.encode_output("said", said)])
"""


@pytest.fixture
def fleet(start: Callable[..., Served]) -> Iterator[Fleet]:
    one = Fleet(start)
    yield one
    one.remove()


def model(fleet: Fleet, folder: str, name: str, version: str | None = None, **keys: Any) -> Path:
    """A model of MLServer's: its settings, its runtime, and a helper that others have by the same name."""
    place = fleet.folder / folder
    place.mkdir(parents=True)
    parameters = {"extra": {"greeting": f"I am {folder}"}} | ({"version": version} if version else {})
    settings = {"name": name, "implementation": "runtime.Model", "parameters": parameters, **keys}
    (place / "model-settings.json").write_text(json.dumps(settings))
    (place / "runtime.py").write_text(RUNTIME)
    (place / "helper.py").write_text(f"WHO = {folder!r}\n")
    return place


def infer(served: Served, name: str, version: str | None = None, request_id: str = "x") -> Any:
    path = f"/v2/models/{name}" + (f"/versions/{version}" if version else "") + "/infer"
    body = {"id": request_id, "inputs": [{"name": "a", "datatype": "FP32", "shape": [1], "data": [1]}]}
    return served.ask("POST", path, body=json.dumps(body).encode())


def said(served: Served, name: str, version: str | None = None) -> list[str]:
    reply = infer(served, name, version)
    assert reply.status == 200, reply.body
    data: list[str] = reply.json()["outputs"][0]["data"]
    return data


def test_several_models_versions_parallel_workers_and_modules_of_one_name(fleet: Fleet) -> None:
    (fleet.folder / "settings.json").write_text(json.dumps({"parallel_workers": 2}))
    model(fleet, "a", "sums")
    model(fleet, "b-1", "products", "v9")
    model(fleet, "b-2", "products", "v10")
    served = fleet.start(SCORINGHOST_METRICS="true")
    fleet.until(lambda: fleet.row("sums")["ready"] == 2, "two workers")
    assert said(served, "sums")[:2] == ["I am a", "a"]
    assert said(served, "products", "v9")[:2] == ["I am b-1", "b-1"]
    assert said(served, "products")[:2] == ["I am b-2", "b-2"], "v10 is larger than v9"
    assert len({said(served, "sums")[2] for _ in range(20)}) == 2, "two processes, each with the model"
    assert served.ask("GET", "/v2/models/products").json()["versions"] == ["v10"]
    assert infer(served, "products", "v11").status == 404
    assert infer(served, "nobody").status == 404
    # Labels are those of models and versions that there are, whatever was asked for.
    text = served.ask("GET", "/metrics").body.decode()
    assert {*re.findall(r'service="([^"]*)"', text)} == {"sums", "products"}
    assert {*re.findall(r'service="products",version="([^"]*)"', text)} >= {"v9", "v10"}
    assert "nobody" not in text
    assert "v11" not in text


def test_a_worker_that_dies_in_predict_comes_back_and_no_other_model_notices(fleet: Fleet) -> None:
    model(fleet, "a", "sums")
    model(fleet, "b", "products")
    served = fleet.start()
    before = said(served, "sums")[2], said(served, "products")[2]
    reply = infer(served, "sums", request_id="die")
    assert (reply.status, list(reply.json())) == (502, ["error"])
    assert said(served, "products")[2] == before[1]
    fleet.until(lambda: infer(served, "sums").status == 200, "another worker")
    assert said(served, "sums")[2] != before[0]
    os.kill(int(said(served, "products")[2]), signal.SIGKILL)
    assert said(served, "sums")[:2] == ["I am a", "a"]
    fleet.until(lambda: infer(served, "products").status == 200, "another worker")


def test_a_runtime_is_copied_in_loaded_changed_and_unloaded_without_a_restart(fleet: Fleet) -> None:
    model(fleet, "a", "sums")
    (fleet.folder / "settings.json").write_text(json.dumps({"load_models_at_startup": False}))
    served = fleet.start("--fleet")
    index = served.ask("POST", "/v2/repository/index").json()
    assert [(one["name"], one["state"]) for one in index] == [("sums", "UNAVAILABLE")]
    place = model(fleet, "new", "products", "v1")
    assert served.ask("POST", "/v2/repository/models/products/load").status == 200
    assert said(served, "products", "v1")[:2] == ["I am new", "new"]
    (place / "helper.py").write_text("WHO = 'changed'\n")
    shutil.rmtree(place / "__pycache__", ignore_errors=True)
    assert served.ask("POST", "/v2/repository/models/products/versions/v1/load").status == 200
    assert said(served, "products")[1] == "changed"
    assert served.ask("POST", "/v2/repository/models/products/unload").status == 200
    assert infer(served, "products").status == 404
    assert served.ask("GET", "/v2/health/ready").status == 200
