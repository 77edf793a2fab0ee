"""What our own client of the MLServer class does beyond Microsoft's, with real processes behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoringhost.azureml.common import HttpException
from scoringhost.azureml.deploy import DeployClient, rx_serialize_model
from scoringhost.azureml.deploy.server import MLServer
from tests.live.hubs import HubProcess

PASSWORD = "a password of carl's"
SCRIPT = """
import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

def init():
    global offset
    offset = float(open("offset.txt").read())

@input_schema("data", PandasParameterType(pd.DataFrame({"name": ["a"], "size": [1.0]})))
@input_schema("times", StandardPythonParameterType(2))
@output_schema(PandasParameterType(pd.DataFrame({"name": ["a"], "price": [1.0]})))
def run(data, times):
    return pd.DataFrame({"name": data["name"], "price": data["size"] * times + offset})
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    """A hub that speaks the API."""
    hub = HubProcess()
    try:
        hub.mlserver_url = hub.start_mlserver("carl", PASSWORD)  # type: ignore[attr-defined]
        yield hub
    finally:
        hub.remove()


@pytest.fixture
def client(hub: HubProcess) -> Iterator[DeployClient]:
    with DeployClient(hub.mlserver_url, auth=("carl", PASSWORD), use=MLServer) as made:  # type: ignore[attr-defined]
        yield made


def parts(x, /, values, *, by):
    rest = values - x
    return rest.sum() * by, rest, {"only": x}


def test_a_function_may_return_all_of_its_outputs(client: DeployClient) -> None:
    service = client.deploy_service(
        "parts", version="1", code_fn=parts, inputs={"by": float, "x": int, "values": np.array},
        outputs={"sum": float, "rest": np.array, "only": "pandas.DataFrame"},
    )  # fmt: skip
    with pytest.raises(HttpException, match="output 'only'"):
        service.parts(1, [1, 2], by=2)
    changed = client.redeploy_service("parts", outputs={"sum": float, "rest": np.array, "only": "list"})
    with pytest.raises(HttpException, match="output 'only'"):
        changed.parts(1, [1, 2], by=2)
    again = client.redeploy_service(
        "parts", code_str="total, rest = x + 1, values", outputs={"total": int, "rest": list}
    )
    found = again.parts(1, [3, 4], by=2)
    assert (found.output("total"), found.output("rest").tolist()) == (2, [3, 4])


def both(x):
    return x + 1, x * 2


def test_the_items_of_a_tuple_are_outputs(client: DeployClient) -> None:
    service = client.deploy_service("both", code_fn=both, inputs={"x": int}, outputs={"a": int, "b": int})
    assert service.both(3).outputs == {"a": 4, "b": 6}


def test_a_score_py_is_published_called_in_batches_and_replaced(client: DeployClient, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "score.py").write_text(SCRIPT)
    (folder / "offset.txt").write_text("1")
    service = client.deploy_folder("prices", folder, version="1", description="of things")
    found = service.capabilities()
    assert found["inputs_encoded"] == [{"name": "data", "type": "pandas.DataFrame"}, {"name": "times", "type": "int"}]
    frame = pd.DataFrame({"name": ["p", "q"], "size": [1.5, 2.0]})
    assert service.consume(frame, times=2).output("result").to_dict("list") == {"name": ["p", "q"], "price": [4.0, 5.0]}
    with pytest.raises(HttpException, match="size") as caught:
        service.consume(frame[["name"]], 2)
    assert caught.value.status == 400
    batch = service.batch([{"data": frame, "times": 0}, {"data": frame, "times": 1}]).start()
    results: Any = batch.results()
    while results.state not in ("Complete", "Failed"):
        results = batch.results()
    assert results.execution(1).output("result")["price"].tolist() == [2.5, 3.0]
    (folder / "offset.txt").write_text("100")
    assert client.redeploy_folder("prices", folder).consume(frame, 0).output("result")["price"].tolist() == [100, 100]
    (folder / "offset.txt").unlink()
    with pytest.raises(HttpException, match="offset") as caught:
        client.redeploy_folder("prices", folder)
    assert caught.value.status == 400
    assert client.get_service("prices").consume(frame, 0).output("result")["price"].tolist() == [100, 100]


def test_a_fitted_model_is_published_without_code(client: DeployClient) -> None:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0]})
    model = LinearRegression().fit(frame, [3.0, 4.0, 7.0])
    service = client.deploy_realtime("linear", version="1", serialized_model=rx_serialize_model(model))
    given = frame[["b", "a"]].assign(more="x")  # by their names
    found = service.consume(given).output("outputData")
    assert np.allclose(found.iloc[:, 0], model.predict(frame), atol=1e-4)
    classes = LogisticRegression().fit(frame.to_numpy(), [0, 0, 1])
    changed = client.redeploy_realtime(
        "linear", serialized_model=rx_serialize_model(classes, realtime_scoring_only=True)
    )
    found = changed.consume(frame).output("outputData")
    assert np.allclose(found.iloc[:, -2:], classes.predict_proba(frame.to_numpy()), atol=1e-4)


def test_a_pool_has_its_processes_ready(client: DeployClient, hub: HubProcess) -> None:
    service = client.deploy_service(
        "pooled", version="1", code_str="import os\npid = os.getpid()", outputs={"pid": int}
    )
    client.create_or_update_service_pool("pooled", "1", initial_pool_size=2, maximum_pool_size=2)
    hub.until(lambda: client.get_service_pool_status("pooled", "1")[0]["status"] == "Success", "the pool")
    assert service.consume().output("pid") > 0
    client.delete_service_pool("pooled", "1")
    assert client.get_service_pool_status("pooled", "1")[0]["status"] == "NotFound"


def test_a_restart_of_the_hub_ends_no_client(client: DeployClient, hub: HubProcess) -> None:
    client.deploy_service("lasting", version="1", code_str="y = 1", outputs={"y": int})
    service = client.get_service("lasting")
    assert hub.stop() == 0
    port = hub.mlserver_url.rpartition(":")[2]  # type: ignore[attr-defined]
    hub.start("--mlserver", "--mlserver-port", port, "--users", str(hub.place / "users"))
    found = hub.until(service.consume, "the service", (HttpException,))
    assert found.output("y") == 1
