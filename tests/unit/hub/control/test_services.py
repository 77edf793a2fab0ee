"""Services over the control API: deployed, changed, rolled back, and by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from scoringhost.fleet.routing import State
from tests.unit.hub.control.conftest import HubWorld, archive


def _has_begun(world: HubWorld, before: int) -> bool:
    return len(world.sets.made) > before and world.last.is_started


def test_a_deployment_is_answered_when_it_is_ready(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        made = await world.deploy(description="ridge", tags={"stage": "test"}, settings={"threads": 4})
        assert made.status == 201
        assert (made.body["version"], made.body["state"], made.body["share"]) == ("1", "ready", 100)
        assert made.body["service_url"] == "http://front/services/wine/score"
        found = (await world.call("GET", "/services/wine")).body
        assert (found["state"], found["default"], found["owner"]) == ("ready", "1", found["versions"][0]["created_by"])
        assert found["versions"][0]["tags"] == {"stage": "test"}
        assert world.last.spec.settings["threads"] == 4
        assert [one["name"] for one in (await world.call("GET", "/services")).body["services"]] == ["wine"]

    in_hub(act)


def test_one_that_is_not_waited_for_is_loading(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        made = await world.deploy(query="")
        assert (made.status, made.body["state"]) == (201, "loading")
        await world.until(lambda: world.sets.made and world.last.is_started)
        world.last.becomes_ready()
        found = await world.call("GET", "/services/wine/versions/1?wait=30")
        assert found.body["state"] == "ready"

    in_hub(act, at_once=False)


def test_a_deployment_that_fails_says_why_and_leaves_nothing(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        deploying = asyncio.create_task(world.deploy())
        await world.until(lambda: world.sets.made and world.last.is_started)
        world.supervisor.log_of("wine:1").add(["loading", "ValueError: no model here"])
        world.last.fails("the process has ended\nValueError: no model here")
        failed = await deploying
        assert failed.status == 422
        assert failed.error["code"] == "deployment_failed"
        assert failed.error["log"] == ["loading", "ValueError: no model here"]
        assert (await world.call("GET", "/services/wine")).status == 404
        assert world.supervisor.lives == {}
        events = (await world.call("GET", "/services/wine/events")).body["events"]
        assert [one["what"] for one in events] == ["deploy", "failed"]
        await world.until(lambda: not list((world.home / "deployments").iterdir()))

    in_hub(act, at_once=False)


def test_one_that_fails_can_be_kept_and_then_be_put_right(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        deploying = asyncio.create_task(world.deploy(query="wait=30&keep_failed=true"))
        await world.until(lambda: world.sets.made and world.last.is_started)
        world.last.fails("no model here")
        assert (await deploying).status == 422
        found = (await world.call("GET", "/services/wine/versions/1")).body
        assert (found["state"], found["reason"]) == ("failed", "no model here")
        world.sets.at_once = True
        body = {"path": world.app_folder()}
        assert (await world.call("PATCH", "/services/wine/versions/1?wait=30", body)).body["state"] == "ready"

    in_hub(act, at_once=False)


def test_a_new_version_that_fails_leaves_the_one_before_serving(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        world.sets.at_once = False
        for body in ({}, {"version": "1"}):
            count = len(world.sets.made)
            deploying = asyncio.create_task(world.deploy(**body))
            await world.until(partial(_has_begun, world, count))
            assert world.supervisor.current_table().services["wine"].default == "1"
            world.last.fails("no model here")
            assert (await deploying).status == 422
            service = (await world.call("GET", "/services/wine")).body
            assert [(one["version"], one["state"], one["share"]) for one in service["versions"]] == [
                ("1", "ready", 100)
            ]
            assert world.supervisor.lives["wine", "1"].current is world.sets.made[0]
        assert world.supervisor.lives["wine", "1"].spec == world.sets.made[0].spec, "what it is started with again"

    in_hub(act)


def test_what_is_not_named_in_an_update_stays(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy(settings={"threads": 4}, environ={"WHO": "ann"}, tags={"stage": "test"})
        body = {"settings": {"threads": 2}, "description": "fewer"}
        updated = await world.call("PATCH", "/services/wine/versions/1?wait=30", body)
        assert (updated.body["tags"], updated.body["description"]) == ({"stage": "test"}, "fewer")
        assert updated.body["deployment"]["environ"] == {"WHO": "ann"}
        assert world.last.spec.settings["threads"] == 2
        assert world.last.spec.script.read_text().startswith("def init")
        count = len(world.sets.made)
        labelled = await world.call("PATCH", "/services/wine/versions/1", {"tags": {"a": "b"}, "pool": {"maximum": 3}})
        assert (labelled.body["tags"], labelled.body["pool"]["maximum"]) == ({"a": "b"}, 3)
        assert len(world.sets.made) == count, "nothing is started for that"
        back = await world.call("POST", "/services/wine/rollback?wait=30")
        assert (back.status, back.body["deployment"]["settings"]) == (200, {"threads": 4})

    in_hub(act)


def test_where_the_files_are_from_belongs_to_a_deployment_and_comes_back_with_it(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        first = await world.deploy(origin={"model_uri": "models:/wine/1", "run_tags": {"team": "cellar"}})
        assert first.body["deployment"]["origin"] == {"model_uri": "models:/wine/1", "run_tags": {"team": "cellar"}}
        address = "/services/wine/versions/1?wait=30"
        kept = await world.call("PATCH", address, {"settings": {"threads": 2}})
        assert kept.body["deployment"]["origin"]["model_uri"] == "models:/wine/1"
        other = await world.call("PATCH", address, {"path": world.app_folder()})
        assert other.body["deployment"]["origin"] == {}, "these files are from elsewhere"
        back = await world.call("POST", "/services/wine/rollback?wait=30")
        assert back.body["deployment"]["origin"]["model_uri"] == "models:/wine/1"

    in_hub(act)


def test_a_version_is_added_to_a_service_that_is_there_and_to_no_other(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        missing = await world.deploy(version="blue", mode="add")
        assert (missing.status, missing.error["code"]) == (404, "service_not_found")
        await world.call("POST", "/services/wine", {})
        assert (await world.deploy(version="blue", mode="add")).status == 201
        assert (await world.deploy(version="green", mode="add", share=0)).body["share"] == 0
        again = await world.deploy(version="blue", mode="add")
        assert (again.status, again.error["code"]) == (409, "version_exists")

    in_hub(act)


def test_traffic_goes_to_a_new_version_and_back(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        await world.deploy(share=10)
        shares = world.supervisor.current_table().services["wine"].traffic.shares
        assert shares == {"1": 90, "2": 10}
        divided = await world.call("PATCH", "/services/wine/traffic", {"default": "2"})
        assert (divided.body["default"], divided.body["shares"]) == ("2", {})
        refused = await world.call("PATCH", "/services/wine/traffic", {"shares": {"1": 90, "2": 20}})
        assert (refused.status, refused.error["field"]) == (400, "shares")
        back = await world.call("POST", "/services/wine/rollback?wait=30")
        assert back.body["version"] == "1"
        service = (await world.call("GET", "/services/wine")).body
        assert [(one["state"], one["wanted"]) for one in service["versions"]] == [
            ("ready", "running"),
            ("stopped", "stopped"),
        ]
        assert (await world.call("POST", "/services/wine/rollback")).error["code"] == "nothing_to_roll_back"

    in_hub(act)


def test_it_is_stopped_started_reloaded_scaled_and_removed(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        for path, state in (("stop", "stopped"), ("start", "ready"), ("reload", "ready")):
            answer = await world.call("POST", f"/services/wine/{path}?wait=30")
            assert answer.body["state"] == state, path
        assert len(world.sets.made) == 3
        await world.call("POST", "/services/wine/scale", {"minimum": 2, "maximum": 4})
        assert world.last.replicas == 2
        refused = await world.call("POST", "/services/wine/scale", {"minimum": 3, "maximum": 2})
        assert (refused.status, refused.error["field"]) == (400, "pool.maximum")
        assert (await world.call("DELETE", "/services/wine?wait=30")).status == 200
        assert world.supervisor.lives == {}
        assert world.last.was_stopped
        await world.until(lambda: not list((world.home / "deployments").iterdir()))
        for path in ("", "/versions/1", "/logs"):
            assert (await world.call("GET", f"/services/wine{path}")).status == 404

    in_hub(act)


def test_what_ran_before_a_restart_runs_after_it(in_hub: Callable[..., None]) -> None:
    async def before(world: HubWorld) -> None:
        await world.deploy("wine")
        await world.deploy("wine", share=25)
        await world.deploy("beer")
        await world.call("POST", "/services/beer/stop?wait=30")
        await world.call("POST", "/services/wine/scale?version=2", {"minimum": 2, "maximum": 2})

    async def after(world: HubWorld) -> None:
        services = {one["name"]: one for one in (await world.call("GET", "/services")).body["services"]}
        assert [one["state"] for one in services["wine"]["versions"]] == ["ready", "ready"]
        assert services["wine"]["shares"] == {"1": 75, "2": 25}
        assert services["beer"]["state"] == "stopped"
        assert {one.spec.key: one.replicas for one in world.sets.made} == {"wine:1": 1, "wine:2": 2}

    in_hub(before)
    in_hub(after)


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_model_that_is_damaged_is_not_deployed(in_hub: Callable[..., None], damage: str) -> None:
    async def act(world: HubWorld) -> None:
        model = world.folder / "ridge.onnx"
        model.write_bytes(b"model of ridge")
        await world.call("POST", "/models/ridge", {"path": str(model)})
        (place,) = (path for path in (world.home / "files").rglob("*") if path.is_file())
        place.chmod(0o600)
        if damage == "gone":
            place.unlink()
        else:
            place.write_bytes(b"model of ridgf" if damage == "changed" else b"model of ridg")
        refused = await world.deploy(models=["ridge"])
        assert (refused.status, refused.error["code"]) == (500, "content_damaged")
        assert "ridge.onnx" in refused.error["message"]
        assert (await world.call("GET", "/services")).body == {"services": []}
        await world.call("POST", "/models/ridge", {"path": str(model)})  # the same content mends it
        assert (await world.deploy(models=["ridge:1"])).status == 201

    in_hub(act)


def test_a_damaged_copy_fails_and_is_made_anew_when_it_is_started(in_hub: Callable[..., None]) -> None:
    async def before(world: HubWorld) -> None:
        await world.deploy("wine")
        (world.home / "deployments" / "1" / "app" / "score.py").write_text("something else")

    async def after(world: HubWorld) -> None:
        found = (await world.call("GET", "/services/wine")).body
        assert found["state"] == "failed"
        assert "score.py: its content has changed" in found["reason"]
        assert world.sets.made == []
        assert (await world.call("POST", "/services/wine/start?wait=30")).body["state"] == "ready"

    in_hub(before)
    in_hub(after)


def test_a_deployment_is_removed_while_it_starts(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        deploying = asyncio.create_task(world.deploy())
        await world.until(lambda: world.sets.made and world.last.is_started)
        again = await world.deploy(version="1")
        assert (again.status, again.error["code"]) == (409, "change_under_way")
        assert (await world.call("DELETE", "/services/wine?wait=30")).status == 200
        assert (await deploying).status in (404, 422)
        assert world.supervisor.lives == {}

    in_hub(act, at_once=False)


def test_two_creates_of_one_name_have_one_winner(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        path = world.app_folder()
        answers = await asyncio.gather(*(world.deploy(path=path, mode="create") for _ in range(6)))
        assert sorted(one.status for one in answers) == [201, *[409] * 5]
        assert {one.error["code"] for one in answers if one.status == 409} == {"service_exists"}
        answers = await asyncio.gather(*(world.deploy(path=path) for _ in range(6)))
        assert sorted(one.body["version"] for one in answers) == ["2", "3", "4", "5", "6", "7"]

    in_hub(act)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"settings": {"thread": 4}}, 400, "settings.thread"),
        ({"settings": {"threads": "many"}}, 400, "settings.threads"),
        ({"setings": {}}, 400, "setings"),
        ({"pool": {"minimum": -1}}, 400, "pool.minimum"),
        ({"pool": {"minimal": 1}}, 400, "minimal"),
        ({"share": 101}, 400, "share"),
        ({"version": "a/b"}, 400, "version"),
        ({"version": 7}, 400, "version"),
        ({"environ": {"A": 1}}, 400, "environ.A"),
        ({"mode": "maybe"}, 400, "mode"),
        ({"path": "relative"}, 400, "path"),
        ({"path": "/not/there"}, 400, "path"),
        ({"script": "main.py"}, 400, "script"),
        ({"models": ["ridge:1"]}, 404, None),
        ({"upload": "none"}, 400, "path"),
    ],
)
def test_what_cannot_be_deployed_is_refused_by_name(
    in_hub: Callable[..., None], body: dict[str, Any], status: int, field: str | None
) -> None:
    async def act(world: HubWorld) -> None:
        refused = await world.deploy(**body)
        assert (refused.status, refused.error.get("field")) == (status, field)
        assert (await world.call("GET", "/services")).body["services"] == []

    in_hub(act)


CELLS: list[tuple[str, str, Any, tuple[int, int, int, int]]] = [
    # what is asked of a service of bob's: by an owner, by bob himself, by another contributor, by a reader
    ("GET", "/services", None, (200, 200, 200, 200)),
    ("GET", "/services/wine", None, (200, 200, 200, 200)),
    ("GET", "/services/wine/versions/1", None, (200, 200, 200, 200)),
    ("GET", "/services/wine/events", None, (200, 200, 200, 200)),
    ("GET", "/services/wine/logs", None, (200, 200, 403, 403)),
    ("GET", "/services/wine/keys", None, (200, 200, 403, 403)),
    ("PUT", "/services/wine/keys", {"keys": {}}, (200, 200, 403, 403)),
    ("POST", "/services/wine/versions", "upload", (201, 201, 403, 403)),
    ("POST", "/services/new/versions", "upload", (201, 201, 201, 403)),
    ("POST", "/services/new", {}, (201, 201, 201, 403)),
    ("POST", "/services/wine/versions", "path", (201, 403, 403, 403)),
    ("PATCH", "/services/wine/versions/1", {"tags": {}}, (200, 200, 403, 403)),
    ("PATCH", "/services/wine/traffic", {}, (200, 200, 403, 403)),
    ("POST", "/services/wine/scale", {"minimum": 1}, (200, 200, 403, 403)),
    ("POST", "/services/wine/stop", None, (200, 200, 403, 403)),
    ("POST", "/services/wine/start", None, (200, 200, 403, 403)),
    ("POST", "/services/wine/reload", None, (200, 200, 403, 403)),
    ("POST", "/services/wine/rollback", None, (409, 409, 403, 403)),
    ("DELETE", "/services/wine/versions/1", None, (200, 200, 403, 403)),
    ("DELETE", "/services/wine", None, (200, 200, 403, 403)),
    ("GET", "/models", None, (200, 200, 200, 200)),
    ("GET", "/models/ridge", None, (200, 200, 200, 200)),
    ("POST", "/models/ridge", "upload", (201, 201, 403, 403)),
    ("POST", "/models/new", "upload", (201, 201, 201, 403)),
    ("POST", "/models/new", "path", (201, 403, 403, 403)),
    ("PATCH", "/models/ridge/versions/{model}", {"tags": {"a": "b"}}, (200, 200, 403, 403)),
    ("DELETE", "/models/ridge/versions/{model}", None, (200, 200, 403, 403)),
    ("POST", "/uploads", {"name": "a", "kind": "file"}, (201, 201, 201, 403)),
    ("POST", "/stop", None, (202, 403, 403, 403)),
    ("GET", "/", None, (200, 200, 200, 200)),
    ("GET", "/events", None, (200, 200, 200, 200)),
]


@pytest.mark.parametrize(("at", "by"), list(enumerate(["ann", "bob", "ben", "cat"])))
def test_each_operation_is_allowed_to_whom_the_table_says(in_hub: Callable[..., None], at: int, by: str) -> None:
    async def act(world: HubWorld) -> None:
        for method, target, given, statuses in CELLS:
            upload = await world.upload("bob")
            model = (await world.call("POST", "/models/ridge", {"upload": upload}, by="bob")).body["version"]
            assert (await world.deploy(by="bob", version="1")).status == 201
            body = given
            if given == "upload":
                body = {"upload": await world.upload(by)}
            elif given == "path":
                body = {"path": world.app_folder()}
            answer = await world.call(method, target.format(model=model), body, by=by)
            assert answer.status == statuses[at], (method, target, given, answer.body)
            await world.call("DELETE", "/services/new?wait=30")
            await world.call("DELETE", "/services/wine?wait=30")
            for one in (await world.call("GET", "/models")).body["models"]:
                await world.call("DELETE", f"/models/{one['name']}/versions/{one['version']}")

    in_hub(act)


def test_readers_do_not_see_the_values_of_variables(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy(by="bob", environ={"SECRET": "x"})
        for by, value in (("ann", "x"), ("bob", "x"), ("ben", "***"), ("cat", "***")):
            found = await world.call("GET", "/services/wine/versions/1", by=by)
            assert found.body["deployment"]["environ"] == {"SECRET": value}

    in_hub(act)


@pytest.mark.parametrize("by", ["", "not-a-key-of-anybody"])
def test_nobody_comes_in_without_a_key(in_hub: Callable[..., None], by: str) -> None:
    async def act(world: HubWorld) -> None:
        for method, target in (("GET", "/services"), ("POST", "/stop"), ("GET", "/nothing")):
            refused = await world.call(method, target, by=by)
            assert (refused.status, refused.error["code"]) == (401, "unauthorized")
        assert world.stops == 0
        assert (await world.call("GET", "/openapi.json", by=by)).body["openapi"] == "3.1.0"

    in_hub(act)


def test_an_archive_that_would_write_elsewhere_is_refused(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        upload = await world.upload(content=archive({"../../evil.py": b"x", "score.py": b""}))
        refused = await world.deploy(path=None, upload=upload)
        assert (refused.status, refused.error["field"]) == (400, "upload")
        assert not list(world.folder.rglob("evil.py"))

    in_hub(act)


def test_parts_come_in_order_and_belong_to_who_sends_them(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        upload = (await world.call("POST", "/uploads", {"name": "m.bin", "kind": "file"}, by="bob")).body["id"]
        target = f"/uploads/{upload}"
        assert (await world.call("PATCH", f"{target}?offset=0", b"abc", by="bob")).body == {"size": 3}
        again = await world.call("PATCH", f"{target}?offset=0", b"abc", by="bob")
        assert (again.status, "at byte 3" in again.error["message"]) == (404, True)
        assert (await world.call("PATCH", f"{target}?offset=3", b"de", by="ben")).status == 404
        assert (await world.call("PATCH", f"{target}?offset=3", b"de", by="bob")).body == {"size": 5}
        made = await world.call("POST", "/models/m", {"upload": upload}, by="bob")
        assert (made.body["size"], made.body["root"], made.body["created_by"]) == (5, "m.bin", "bob")
        assert (await world.call("POST", "/models/m", {"upload": upload}, by="bob")).status == 404
        for name in ("..", "a/b", ""):
            assert (await world.call("POST", "/uploads", {"name": name, "kind": "file"})).status == 400

    in_hub(act)


def test_the_state_of_what_wakes_is_that_of_the_fleet(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy(pool={"minimum": 0, "maximum": 2})
        assert world.supervisor.lives["wine", "1"].state is State.READY, "each deployment is tried once"

    in_hub(act)
