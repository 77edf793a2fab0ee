"""Who may call which operation: a table with every operation, and every cell of it tried over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoringhost.hub.control.operations import OPERATIONS
from tests.unit.hub.control.conftest import HubWorld

PAGE = Path(__file__).parents[4] / "docs" / "pages" / "hub.md"

ALL, OWN, NONE = "yes", "his own", "no"
ROLES = {
    # owner, contributor, reader
    "about": (ALL, ALL, ALL),
    "add_link": (ALL, NONE, NONE),
    "add_session": (ALL, NONE, NONE),
    "end_session": (ALL, ALL, ALL),
    "stop": (ALL, NONE, NONE),
    "add_upload": (ALL, ALL, NONE),
    "send_part": (OWN, OWN, NONE),
    "remove_upload": (OWN, OWN, NONE),
    "list_models": (ALL, ALL, ALL),
    "register_model": (ALL, OWN, NONE),
    "get_model": (ALL, ALL, ALL),
    "get_model_version": (ALL, ALL, ALL),
    "get_model_content": (ALL, ALL, ALL),
    "change_model": (ALL, OWN, NONE),
    "delete_model": (ALL, OWN, NONE),
    "list_services": (ALL, ALL, ALL),
    "get_service": (ALL, ALL, ALL),
    "create_service": (ALL, ALL, NONE),
    "delete_service": (ALL, OWN, NONE),
    "deploy": (ALL, OWN, NONE),
    "get_version": (ALL, ALL, ALL),
    "update_version": (ALL, OWN, NONE),
    "delete_version": (ALL, OWN, NONE),
    "roll_back": (ALL, OWN, NONE),
    "start": (ALL, OWN, NONE),
    "stop_service": (ALL, OWN, NONE),
    "reload": (ALL, OWN, NONE),
    "scale": (ALL, OWN, NONE),
    "divide": (ALL, OWN, NONE),
    "get_keys": (ALL, OWN, NONE),
    "set_keys": (ALL, OWN, NONE),
    "logs": (ALL, OWN, NONE),
    "metrics_of": (ALL, ALL, ALL),
    "metrics": (ALL, ALL, ALL),
    "get_sample": (ALL, ALL, ALL),
    "try_service": (ALL, ALL, ALL),
    "events_of": (ALL, ALL, ALL),
    "events": (ALL, ALL, ALL),
}
"""Of each operation what an owner, a contributor and a reader may; `his own`: what he has deployed or sent himself."""

CALLERS = {"ann": 0, "bob": 1, "ben": 1, "cat": 2}
"""The column of each; what is asked for is bob's."""


def test_every_operation_has_a_row() -> None:
    assert set(ROLES) == {operation.name for operation in OPERATIONS}


def test_the_page_has_the_same_table() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(), re.M)
    assert {name: cells for name, _, *cells in rows} == {name: list(cells) for name, cells in ROLES.items()}
    asked = {name: text for name, text, *_ in rows}
    assert asked == {one.name: f"`{one.method} {re.sub('[{}]', '', one.path)}`" for one in OPERATIONS}


async def _made(world: HubWorld) -> str:
    """What bob has: a service with two versions, a model, and an upload; returns the upload."""
    world.app_folder()
    for _ in range(2):
        assert (await world.deploy("wine", by="bob")).status == 201
    model = {"upload": await world.upload("bob")}
    assert (await world.call("POST", "/models/ridge", model, by="bob")).status == 201
    return await world.upload("bob")


async def _asked(world: HubWorld, name: str, upload: str, by: str) -> Any:
    operation = next(one for one in OPERATIONS if one.name == name)
    newest = (await world.call("GET", "/models/ridge")).body.get("version", 1)
    version = str(newest) if "/models/" in operation.path else "1"
    names = {"name": "ridge" if "/models/" in operation.path else "wine", "version": version, "upload": upload}
    body: Any = {
        "end_session": {"token": "of-a-page-that-is-gone"},
        "add_upload": {"name": "app", "kind": "folder"},
        "send_part": b"",
        "set_keys": {"keys": {"primary": "a-key-of-a-service-that-is-long"}},
        "scale": {"minimum": 1, "maximum": 2},
        "divide": {"shares": {"1": 50, "2": 50}},
        "change_model": {"description": "other"},
        "update_version": {"description": "other"},
    }.get(name)
    if name in ("deploy", "register_model"):
        body = {"upload": await world.upload(by)} if by != "cat" and by in CALLERS else {"upload": "none"}
    if name == "create_service":
        names["name"] = "beer"
    query = "?wait=30" if "wait" in operation.query else "?offset=10240" if name == "send_part" else ""
    return await world.call(operation.method, operation.path.format(**names) + query, body, by=by)


def _expected(name: str, by: str) -> str:
    cell = ROLES[name][CALLERS[by]]
    return {ALL: ALL, NONE: NONE, OWN: ALL if by == "bob" else NONE}[cell]


@pytest.mark.parametrize("by", [*CALLERS, "nobody", ""])
def test_every_cell_of_the_table(in_hub: Callable[..., None], by: str) -> None:

    async def act(world: HubWorld) -> None:
        upload = await _made(world)
        for name in ROLES:
            answer = await _asked(world, name, upload, by)
            if by not in CALLERS:
                assert answer.status == 401, (name, answer.body)
            elif _expected(name, by) == ALL:
                assert answer.status < 300, (name, answer.body)
                upload = await _again(world, name, upload)
            else:
                # An upload is nobody else's to know of.
                hidden = name in ("send_part", "remove_upload")
                assert answer.status == (404 if hidden else 403), (name, answer.body)
        assert world.stops == int(by == "ann")

    in_hub(act)


async def _again(world: HubWorld, name: str, upload: str) -> str:
    """Put back what an operation that was allowed has taken away."""
    if name.startswith("delete_") or name == "roll_back":
        await world.call("DELETE", "/services/wine?wait=30")
        await world.call("DELETE", "/models/ridge/versions/1")
        await world.call("DELETE", f"/uploads/{upload}", by="bob")
        return await _made(world)
    return upload
