"""Publishing, changing, listing and deleting web services, and who may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.hub.mls.conftest import MlsWorld, RunMls

INTEGER = [{"name": "x", "type": "integer"}]


async def _snapshot(world: MlsWorld, **objects: bytes) -> str:
    session = (await world.call("POST", "/sessions", {"runtimeType": "Python"})).body["sessionId"]
    for name, data in objects.items():
        assert (await world.call("POST", f"/sessions/{session}/workspace/{name}", data)).status == 200
    made = await world.call("POST", f"/sessions/{session}/snapshot", {"name": None})
    assert made.status == 201
    assert (await world.call("DELETE", f"/sessions/{session}")).status == 200
    return str(made.body["snapshotId"])


def test_a_service_keeps_what_its_snapshot_had_when_that_is_deleted(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        snapshot = await _snapshot(world, model=b"a pickle")
        body = {"code": "y = x", "snapshotId": snapshot, "inputParameterDefinitions": INTEGER}
        assert await world.call("POST", "/services/s/v1", body) == (201, "v1")
        assert (await world.call("DELETE", f"/snapshots/{snapshot}")).status == 200
        assert (world.folder("s") / "objects" / "model.dill").read_bytes() == b"a pickle"
        assert (await world.call("DELETE", f"/snapshots/{snapshot}")).status == 404

    run_mls(work)


def test_what_pickled_an_object_is_kept_beside_it(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        async def publish(method: str, asked: dict[str, Any], *names: str) -> Path:
            session = (await world.call("POST", "/sessions", asked)).body["sessionId"]
            for name in names:
                await world.call("POST", f"/sessions/{session}/workspace/{name}", b"1")
            snapshot = (await world.call("POST", f"/sessions/{session}/snapshot", {"name": None})).body["snapshotId"]
            assert (await world.call(method, "/services/s/1", {"code": "y", "snapshotId": snapshot})).status < 300
            return world.folder("s") / "objects"

        found = await publish("POST", {"pythonVersion": "3.11"}, "a", "b")
        assert [(found / f"{name}.python").read_text() for name in "ab"] == ["3.11", "3.11"]
        found = await publish("PATCH", {"pythonVersion": "3.12"}, "a")
        assert [(found / f"{name}.python").read_text() for name in "ab"] == ["3.12", "3.11"]
        found = await publish("PATCH", {}, "a")
        assert not (found / "a.python").exists()
        assert (found / "b.python").read_text() == "3.11"
        for version in ("3", "../x", 3.12, "3.12\n"):
            refused = await world.call("POST", "/sessions", {"pythonVersion": version})
            assert (refused.status, "pythonVersion" in refused.body["message"]) == (400, True)

    run_mls(work)


def test_without_a_version_it_gets_one_of_its_own(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        made = await world.call("POST", "/services/s", {"code": "y = 1"})
        assert made.status == 201
        assert len(made.body) == 36
        assert (await world.call("GET", f"/services/s/{made.body}")).body[0]["version"] == made.body

    run_mls(work)


def test_lists_have_the_oldest_first_and_a_change_keeps_the_order(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        for version in ("2", "10", "1"):
            await world.publish("s", version)
        await world.publish("a", "1")
        assert (await world.call("PATCH", "/services/s/2", {"code": "y = 2"})).status == 200
        found = await world.call("GET", "/services/s")
        assert [one["version"] for one in found.body] == ["2", "10", "1"]
        assert [one["name"] for one in (await world.call("GET", "/services")).body] == ["s", "s", "s", "a"]
        assert (await world.call("GET", "/services/nobody")) == (200, [])
        assert (await world.call("GET", "/services/s/3")).status == 404

    run_mls(work)


def test_what_is_listed_never_lacks_what_the_client_dies_of(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        await world.publish("s", "1")
        found = (await world.call("GET", "/services/s/1")).body[0]
        assert found["description"] == ""
        assert found["inputParameterDefinitions"] == found["outputParameterDefinitions"] == []
        assert found["outputFileNames"] == []
        assert (found["versionPublishedBy"], found["operationId"], found["runtimeType"]) == (
            "carl",
            "consume",
            "Python",
        )
        assert len(found["creationTime"]) == len("2017-09-20T19:35:18.056")

    run_mls(work)


def test_a_change_merges(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        first = await _snapshot(world, model=b"m", offset=b"1")
        body = {"code": "y = x", "snapshotId": first, "inputParameterDefinitions": INTEGER, "description": "d"}
        await world.call("POST", "/services/s/v1", body)
        empty = await _snapshot(world)
        await world.call("PATCH", "/services/s/v1", {"snapshotId": empty, "description": "other"})
        shown = (await world.call("GET", "/services/s/v1")).body[0]
        assert (shown["description"], shown["code"]) == ("other", "y = x")
        second = await _snapshot(world, offset=b"2")
        assert await world.call("PATCH", "/services/s/v1", {"snapshotId": second}) == (200, "v1")
        objects = world.folder("s") / "objects"
        assert ((objects / "model.dill").read_bytes(), (objects / "offset.dill").read_bytes()) == (b"m", b"2")
        shown = (await world.call("GET", "/services/s/v1")).body[0]
        assert (shown["description"], shown["inputParameterDefinitions"]) == ("other", INTEGER)

    run_mls(work)


def test_a_description_alone_starts_nothing_anew(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        await world.publish("s", "1")
        made = len(world.sets.made)
        assert (await world.call("PATCH", "/services/s/1", {"description": "new"})).status == 200
        assert len(world.sets.made) == made

    run_mls(work)


def test_one_version_is_published_once(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        await world.publish("s", "1")
        again = await world.publish("s", "1")
        assert (again.status, again.body["code"]) == (409, "version_exists")

    run_mls(work)


@pytest.mark.parametrize(
    ("who", "method", "target", "status"),
    [
        ("carl", "PATCH", "/services/s/1", 200),
        ("olga", "PATCH", "/services/s/1", 200),
        ("cora", "PATCH", "/services/s/1", 403),
        ("rita", "PATCH", "/services/s/1", 403),
        ("cora", "DELETE", "/services/s/1", 403),
        ("rita", "DELETE", "/services/s/1", 403),
        ("cora", "POST", "/services/s/2", 403),
        ("rita", "POST", "/services/other/1", 403),
        ("cora", "POST", "/services/other/1", 201),
        ("rita", "POST", "/sessions", 403),
        ("cora", "POST", "/services/s/1/pool", 403),
        ("rita", "GET", "/services/s/1", 200),
        ("rita", "GET", "/api/s/1/swagger.json", 200),
        ("", "GET", "/services", 401),
        ("", "GET", "/api/s/1/swagger.json", 401),
        ("", "POST", "/api/s/1", 401),
        ("", "GET", "/", 200),
        ("olga", "DELETE", "/services/s/1", 200),
    ],
)
def test_who_may_do_what(run_mls: RunMls, who: str, method: str, target: str, status: int) -> None:
    async def work(world: MlsWorld) -> None:
        await world.publish("s", "1")
        body: dict[str, Any] = {"InitialPoolSize": 1, "MaxPoolSize": 2} if "pool" in target else {"code": "y = 3"}
        body = {"runtimeType": "Python"} if target == "/sessions" else body
        body = {"description": "n"} if method == "PATCH" else body
        found = await world.call(method, target, body if method in ("POST", "PATCH") else None, by=who)
        assert found.status == status, found
        if status >= 400:
            assert set(found.body) == {"message", "code"}

    run_mls(work)


def test_code_is_for_its_publisher_and_owners(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        await world.publish("s", "1", initCode="import os")
        for who, is_shown in (("carl", True), ("olga", True), ("cora", False), ("rita", False)):
            shown = (await world.call("GET", "/services/s/1", by=who)).body[0]
            assert ("code" in shown, "initCode" in shown) == (is_shown, is_shown)
            assert shown["myPermissionOnService"] == ("read/write" if is_shown else "read only")

    run_mls(work)


@pytest.mark.parametrize(
    ("target", "body", "named"),
    [
        ("/services/a..b/1", {}, "a..b"),
        ("/services/s/-1", {}, "-1"),
        ("/services/s/1", {"code": None}, "code"),
        ("/services/s/1", {"operationId": "swagger"}, "alias"),
        ("/services/s/1", {"operationId": "a b"}, "alias"),
        ("/services/s/1", {"inputParameterDefinitions": [{"name": "x", "type": "int"}]}, "integer"),
        ("/services/s/1", {"inputParameterDefinitions": [{"name": "class", "type": "integer"}]}, "class"),
        ("/services/s/1", {"inputParameterDefinitions": [{"name": "request_headers", "type": "integer"}]}, "taken"),
        ("/services/s/1", {"outputParameterDefinitions": "y"}, "outputParameterDefinitions"),
        ("/services/s/1", {"outputFileNames": ["../x"]}, "outputFileNames"),
        ("/services/s/1", {"runtimeType": "R"}, "runtimeType"),
        ("/services/s/1/pool", {"InitialPoolSize": 3, "MaxPoolSize": 2}, "MaxPoolSize"),
        ("/services/s/1/pool", {"InitialPoolSize": -1, "MaxPoolSize": 2}, "MaxPoolSize"),
        ("/services/s/1/pool", {"MaxPoolSize": 2}, "InitialPoolSize"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(run_mls: RunMls, target: str, body: Any, named: str) -> None:
    async def work(world: MlsWorld) -> None:
        if target.endswith("/pool"):
            await world.publish("s", "1")
        found = await world.call("POST", target, {"code": "y = 1", **body} if "pool" not in target else body)
        assert found.status == 400
        assert named in found.body["message"]

    run_mls(work)


def test_a_pool_is_there_until_it_is_deleted(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        await world.publish("s", "1")
        assert (await world.call("GET", "/services/s/1/pool")).body[0]["status"] == "NotFound"
        assert (await world.call("POST", "/services/s/1/pool", {"initialPoolSize": 0, "MAXPOOLSIZE": 3})).status == 200
        assert world.supervisor.lives["s", "1"].spec.pool.maximum == 3
        found = (await world.call("GET", "/services/s/1/pool")).body
        assert found == [{"computeNodeEndpoint": "http://front/", "status": "Success"}]
        assert (await world.call("DELETE", "/services/s/1/pool")).status == 200
        assert (await world.call("GET", "/services/s/1/pool")).body[0]["status"] == "NotFound"
        assert (await world.call("GET", "/services/s/2/pool")).status == 404

    run_mls(work)


def _form(**parts: bytes) -> tuple[bytes, str]:
    lines = []
    for name, content in parts.items():
        file = '; filename="model"' if name == "model" else ""
        lines.append(b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
                     % (name.encode(), file.encode(), content))  # fmt: skip
    return b"".join(lines) + b"--b--\r\n", "multipart/form-data; boundary=b"


def test_a_model_without_code_takes_and_returns_tables(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        body, kind = _form(model=b'blob\0scoringhost\0{"format":"onnx"}\ngraph', description=b"d")
        assert await world.call("POST", "/realtime-services/r/1", body, kind=kind) == (201, "1")
        assert (world.folder("r") / "model.onnx").read_bytes() == b"graph"
        shown = (await world.call("GET", "/services/r/1")).body[0]
        assert (shown["runtimeType"], shown["description"]) == ("Realtime", "d")
        assert shown["inputParameterDefinitions"] == [{"name": "inputData", "type": "data.frame"}]
        only_words, kind = _form(description=b"e")
        assert await world.call("PATCH", "/realtime-services/r", only_words, kind=kind) == (200, "1")
        assert (await world.call("GET", "/services/r/1")).body[0]["description"] == "e"
        assert (await world.call("PATCH", "/services/r/1", {"code": "y = 1"})).status == 400

    run_mls(work)


@pytest.mark.parametrize("model", [b"pickle", b"blobrevo", b'blob\0scoringhost\0{"format":"dill"}\nx'])
def test_other_models_are_refused(run_mls: RunMls, model: bytes) -> None:
    async def work(world: MlsWorld) -> None:
        body, kind = _form(model=model)
        found = await world.call("POST", "/realtime-services/r/1", body, kind=kind)
        assert (found.status, found.body["message"].split(":")[0]) == (400, "model")

    run_mls(work)


def test_a_session_is_its_users(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        session = (await world.call("POST", "/sessions", {"runtimeType": "Python"})).body["sessionId"]
        for who in ("cora", "olga"):
            assert (await world.call("POST", f"/sessions/{session}/workspace/a", b"1", by=who)).status == 404
        assert (await world.call("POST", f"/sessions/{session}/workspace/a-b", b"1")).status == 400
        snapshot = await _snapshot(world, a=b"1")
        found = await world.publish("s", "1", by="cora", snapshotId=snapshot)
        assert (found.status, found.body["code"]) == (404, "session_not_found")

    run_mls(work)


def test_a_login_gives_tokens_and_a_wrong_one_does_not(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        good = await world.call("POST", "/login", {"username": "carl", "password": "pw"}, by="")
        assert good.body["token_type"] == "Bearer"
        assert (await world.call("GET", "/services", by=good.body["access_token"])).status == 200
        again = await world.call("POST", "/login/refreshToken", {"refreshToken": good.body["refresh_token"]}, by="")
        assert again.status == 200
        assert (await world.call("POST", "/login", {"username": "carl", "password": "no"}, by="")).status == 401
        assert (await world.call("POST", "/login/refreshToken", {"refreshToken": "no"}, by="")).status == 401
        assert (await world.call("POST", "/login", {"username": "carl"}, by="")).status == 400
        assert (await world.call("DELETE", "/login/refreshToken?refreshToken=x", by="")).status == 200

    run_mls(work)


def test_the_folder_says_all_that_was_published(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        await world.publish("s", "1", initCode="import os", inputParameterDefinitions=INTEGER, operationId="go")
        folder = world.folder("s")
        assert (folder / "source" / "init.py").read_text() == "import os"
        assert json.loads((folder / "webservice.json").read_text())["operationId"] == "go"
        swagger = json.loads((folder / "swagger2.json").read_text())
        assert swagger["paths"]["/api/s/1"]["post"]["operationId"] == "go"
        assert "def run(x, request_headers=None)" in (folder / "score.py").read_text()

    run_mls(work)
