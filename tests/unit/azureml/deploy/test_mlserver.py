"""Publishing, changing, listing and removing against a hub in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoringhost.azureml.common import HttpException
from scoringhost.azureml.deploy import DeployClient
from tests.unit.azureml.deploy.conftest import LocalHub, Told, described

BLOB = b'blob\0scoringhost\0{"format":"onnx"}\n'
X = {"x": int}


def _refused(action: Any) -> tuple[int | None, str]:
    with pytest.raises(HttpException) as caught:
        action()
    return caught.value.status, str(caught.value.body)


def scored(x):
    return x * factor  # type: ignore[name-defined]  # noqa: F821 - an object


def test_a_service_is_published_with_its_objects_and_nothing_is_left_of_the_session(hub: LocalHub) -> None:
    with hub.client() as client:
        service = client.deploy_service(
            "my-svc", version="v1", description="d", code_fn=scored, inputs=X, outputs={"y": int},
            objects={"factor": 2}, models={"model": np.array([1.0])}, artifacts=["a.png"],
        )  # fmt: skip
        found = service.capabilities()
        assert (found["name"], found["version"], found["published_by"], found["description"]) == (
            "my-svc", "v1", "carl", "d",
        )  # fmt: skip
        assert (found["artifacts"], found["operation_id"], found["runtime"]) == (["a.png"], "scored", "Python")
        assert {path.name for path in (hub.world.folder("my-svc") / "objects").glob("*.dill")} == {
            "factor.dill",
            "model.dill",
        }
        assert list((hub.world.home / "mlserver" / "sessions").iterdir()) == []


def test_without_objects_no_session_is_opened(told: Told, client: DeployClient) -> None:
    told.will_answer("POST /services/s", "7f", status=201)
    told.will_answer("GET /services/s/7f", [described(name="s", version="7f")])
    assert client.deploy("s", code_str="y = 1").capabilities()["version"] == "7f"
    assert [f"{one.method} {one.path_url}" for one in told.asked] == ["POST /services/s", "GET /services/s/7f"]


def test_a_session_is_closed_when_the_server_refuses(told: Told, client: DeployClient) -> None:
    told.will_answer("POST /sessions", {"sessionId": "1"}, status=201)
    told.will_answer("POST /sessions/1/workspace/a", None)
    told.will_answer("POST /sessions/1/snapshot", {"snapshotId": "2"}, status=201)
    told.will_answer("POST /services/s/v1", {"message": "code: no", "code": "value_refused"}, status=400)
    assert _refused(lambda: client.deploy_service("s", version="v1", code_str="x", objects={"a": 1}))[0] == 400
    assert [one.path_url for one in told.asked[-2:]] == ["/snapshots/2", "/sessions/1"]
    assert {one.method for one in told.asked[-2:]} == {"DELETE"}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "code_fn or code_str is missing"),
        ({"code_str": "x", "objects": {"a": (number for number in range(3))}}, "object 'a'"),
        ({"code_fn": scored}, "argument 'x' of code_fn"),
        ({"code_str": "x", "inputs": {"x": "complex"}}, "'complex'"),
    ],
)
def test_what_cannot_be_published_is_refused_before_any_request(
    told: Told, client: DeployClient, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        client.deploy_service("s", **options)
    assert told.asked == []


def test_what_the_server_refuses_names_its_field(hub: LocalHub) -> None:
    with hub.client() as client:
        status, body = _refused(lambda: client.deploy_service("a b", code_str="x"))
        assert (status, "a b" in body) == (400, True)
        status, body = _refused(lambda: client.deploy_service("s", code_str="x", alias="swagger"))
        assert (status, "alias" in body) == (400, True)
        client.deploy_service("s", version="1", code_str="x")
        assert _refused(lambda: client.deploy_service("s", version="1", code_str="x"))[0] == 409
    with hub.client("rita") as reader:
        assert _refused(lambda: reader.deploy_service("t", code_str="x"))[0] == 403


@pytest.mark.parametrize("name", ["", ".", "..", 3, None])
def test_a_name_that_would_lead_elsewhere_is_refused(client: DeployClient, told: Told, name: Any) -> None:
    with pytest.raises(ValueError, match="name"):
        client.deploy_service(name, code_str="x")
    with pytest.raises(ValueError, match="name"):
        client.delete_service(name, version="1")
    assert told.asked == []


def test_services_are_listed_all_or_by_name_or_one(hub: LocalHub) -> None:
    with hub.client() as client:
        for version in ("2", "10", "1"):
            client.deploy_service("s", version=version, code_str="x")
        client.deploy_service("t", version="1", code_str="x")
        assert [one["version"] for one in client.list_services("s")] == ["2", "10", "1"]
        assert [one["name"] for one in client.list_services()] == ["s", "s", "s", "t"]
        assert [one["version"] for one in client.list_services("s", version="10")] == ["10"]
        assert client.list_services("nobody") == []
        assert client.get_service("s").capabilities()["version"] == "1"
        assert client.get_service("s", version="10").capabilities()["version"] == "10"
        with pytest.raises(ValueError, match="there is no service 'nobody'"):
            client.get_service("nobody")
        assert _refused(lambda: client.get_service("s", version="3"))[0] == 404
        with pytest.raises(ValueError, match="name is missing"):
            client.list_services(version="1")
        with pytest.raises(ValueError, match="there is no option 'versions'"):
            client.list_services("s", versions="1")


def test_a_version_is_removed_and_has_to_be_named(hub: LocalHub) -> None:
    with hub.client() as client:
        client.deploy_service("s", version="1", code_str="x")
        with pytest.raises(ValueError, match="version is missing"):
            client.delete_service("s")
        assert client.delete_service("s", version="1") is True
        assert _refused(lambda: client.delete_service("s", version="1"))[0] == 404


def test_a_change_keeps_what_it_does_not_name(hub: LocalHub) -> None:
    with hub.client() as client:
        client.deploy_service("s", version="1", code_fn=scored, inputs=X, outputs={"y": int}, objects={"factor": 2})
        client.deploy_service("s", version="0", code_str="x")
        changed = client.redeploy_service("s", version="1", description="new", artifacts=["a.txt"])
        found = changed.capabilities()
        assert (found["description"], found["artifacts"]) == ("new", ["a.txt"])
        assert found["inputs"] == [{"name": "x", "type": "integer"}]
        assert (hub.world.folder("s") / "objects" / "factor.dill").exists()


def test_without_a_version_the_newest_one_is_changed(hub: LocalHub) -> None:
    with hub.client() as client:
        for version in ("2", "1"):
            client.deploy_service("s", version=version, code_str="x")
        assert client.redeploy("s", description="new").capabilities()["version"] == "1"
        assert [one["description"] for one in client.list_services("s")] == ["", "new"]
        with pytest.raises(ValueError, match="there is no service 't'"):
            client.redeploy_service("t", description="new")


def test_a_service_is_described_step_by_step(hub: LocalHub) -> None:
    with hub.client() as client:
        made = (
            client.service("steps").version("v1").alias("go").description("d").code_fn(scored).inputs(x=int)
            .outputs(y="int").objects(factor=1).models(model=2).artifact("a").artifacts(["b", "c"])
        )  # fmt: skip
        found = made.deploy().capabilities()
        assert (found["operation_id"], found["artifacts"]) == ("go", ["a", "b", "c"])
        assert made.description("e").redeploy(force=True).capabilities()["description"] == "e"
        assert "steps" in str(made)
        source = client.service("source").code_str("y = 1", init="z = 1").outputs(y=int).deploy()
        assert len(source.capabilities()["version"]) == 36


def test_a_model_without_code_is_published_and_changed(hub: LocalHub) -> None:
    with hub.client() as client:
        model = client.realtime_service("r").version("v1").serialized_model(BLOB + b"graph").description("d")
        found = model.deploy().capabilities()
        assert (found["runtime"], found["operation_id"], found["description"]) == ("Realtime", "consume", "d")
        assert found["inputs_encoded"] == [{"name": "inputData", "type": "pandas.DataFrame"}]
        assert client.redeploy_realtime("r", description="e").capabilities()["description"] == "e"
        client.redeploy_realtime("r", version="v1", serialized_model=BLOB + b"other")
        assert (hub.world.folder("r") / "model.onnx").read_bytes() == b"other"
        assert client.get_service("r").capabilities()["description"] == "e"
        assert client.redeploy_realtime("r").capabilities()["version"] == "v1"
        assert len(client.deploy_realtime("q", serialized_model=BLOB + b"1").capabilities()["version"]) == 36
        status, body = _refused(lambda: client.deploy_realtime("q", serialized_model=b"blobrevo"))
        assert (status, "model" in body) == (400, True)


def test_pools_are_made_asked_for_and_removed(hub: LocalHub) -> None:
    with hub.client() as client:
        client.deploy_service("s", version="1", code_str="x")
        assert client.get_service_pool_status("s", "1")[0]["status"] == "NotFound"
        assert client.create_or_update_service_pool("s", "1", 1, 3).status_code == 200
        assert client.get_service_pool_status("s", version="1")[0]["status"] in ("Pending", "Success")
        made = client.create_or_update_service_pool(name="s", version="1", initial_pool_size=1, maximum_pool_size=2)
        assert made.status_code == 200
        assert hub.world.supervisor.lives["s", "1"].spec.pool.maximum == 2
        assert client.delete_service_pool("s", "1").status_code == 200
        assert client.get_service_pool_status("s", "1")[0]["status"] == "NotFound"
        status, body = _refused(lambda: client.create_or_update_service_pool("s", "1", 3, 2))
        assert (status, "MaxPoolSize" in body) == (400, True)
        with pytest.raises(ValueError, match="max_pool_size is missing"):
            client.create_or_update_service_pool("s", "1", 3)
        assert _refused(lambda: client.get_service_pool_status("s", "2"))[0] == 404


def test_a_folder_is_published_and_replaced(hub: LocalHub, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    (folder / "model").mkdir(parents=True)
    (folder / "__pycache__").mkdir()
    (folder / "score.py").write_text("def init(): pass\ndef run(data): return data\n")
    (folder / "model" / "w.txt").write_text("1")
    (folder / "__pycache__" / "score.pyc").write_text("x")
    with hub.client() as client:
        found = client.deploy_folder("s", folder, version="1", description="of & wine").capabilities()
        assert (found["version"], found["description"], found["operation_id"]) == ("1", "of & wine", "consume")
        place = hub.world.folder("s")
        assert (place / "model" / "w.txt").read_text() == "1"
        assert not (place / "__pycache__").exists()
        (folder / "model" / "w.txt").write_text("2")
        assert client.redeploy_folder("s", str(folder)).capabilities()["description"] == "of & wine"
        assert (hub.world.folder("s") / "model" / "w.txt").read_text() == "2"
        assert client.redeploy_service("s", description="later").capabilities()["description"] == "later"
        with pytest.raises(ValueError, match=r"folder: there is no score.py"):
            client.deploy_folder("s", tmp_path)
