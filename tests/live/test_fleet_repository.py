"""V2's repository of a fleet, as the real clients ask for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.fleets import Fleet, load_on

if TYPE_CHECKING:
    from tests.conftest import Reply, Served

pytestmark = pytest.mark.slow

FAILING = "def init():\n    raise ValueError('no model here')\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def fleet(start: Callable[..., Served]) -> Iterator[Fleet]:
    one = Fleet(start)
    yield one
    one.remove()


def client(served: Served) -> Any:
    triton = pytest.importorskip("tritonclient.http")
    return triton.InferenceServerClient(f"127.0.0.1:{served.port}")


def post(served: Served, path: str, body: bytes = b"") -> Reply:
    reply: Reply = served.ask("POST", f"/v2/repository/{path}", body=body)
    return reply


def states(served: Served) -> dict[str, str]:
    rows = post(served, "index", b"{}").json()
    return {f"{row['name']}:{row['version']}".rstrip(":"): row["state"] for row in rows}


def test_tritonclient_lists_loads_and_unloads(fleet: Fleet) -> None:
    for name in ("wine/1", "wine/2", "rentals"):
        fleet.service(name)
    served = fleet.start()
    triton = client(served)
    assert "model_repository" in triton.get_server_metadata()["extensions"]
    assert triton.get_model_repository_index() == [
        {"name": "rentals", "version": "", "state": "READY", "reason": ""},
        {"name": "wine", "version": "1", "state": "READY", "reason": ""},
        {"name": "wine", "version": "2", "state": "READY", "reason": ""},
    ]
    triton.unload_model("wine")
    assert states(served) == {"rentals": "READY", "wine:1": "UNAVAILABLE", "wine:2": "UNAVAILABLE"}
    assert not triton.is_model_ready("wine")
    assert triton.is_server_ready()
    assert [served.ask("POST", f"/v2/models/wine{path}/infer").status for path in ("", "/versions/1")] == [404, 404]
    assert fleet.call("wine").status == 503
    assert fleet.call("rentals").json() == "rentals"
    fleet.service("wine/2", "def init():\n    pass\n\n\ndef run(data):\n    return 'changed'\n")
    triton.load_model("wine")
    assert set(states(served).values()) == {"READY"}
    assert fleet.call("wine").json() == "changed"
    triton.unload_model("wine", unload_dependents=True)


def test_one_version_is_unloaded_and_loaded_as_mlserver_is_asked_to(fleet: Fleet) -> None:
    for name in ("wine/1", "wine/2"):
        fleet.service(name)
    served = fleet.start()
    assert post(served, "models/wine/versions/2/unload").status == 200
    assert [row["name"] + row["version"] for row in post(served, "index", b'{"ready": true}').json()] == ["wine1"]
    assert fleet.call("wine").json() == "wine/1"
    assert served.ask("GET", "/v2/models/wine/versions/2").status == 404
    assert post(served, "models/wine/versions/2/load", b"{}").status == 200
    assert fleet.call("wine").json() == "wine/2"


def test_a_folder_that_is_copied_in_is_loaded_without_a_restart(fleet: Fleet) -> None:
    fleet.service("wine")
    served = fleet.start("--fleet")
    assert post(served, "models/rentals/load").status == 404
    fleet.service("rentals")
    fleet.service("other")
    assert post(served, "models/rentals/load").status == 200
    assert fleet.call("rentals").json() == "rentals"
    assert states(served) == {"rentals": "READY", "wine": "READY"}
    shutil.rmtree(fleet.folder / "rentals")
    assert post(served, "models/rentals/load").status == 500
    assert fleet.call("rentals").json() == "rentals"


def test_a_model_that_cannot_be_loaded_says_why_and_the_one_before_serves_on(fleet: Fleet) -> None:
    fleet.service("wine")
    fleet.service("bad", FAILING)
    served = fleet.start()
    reply = post(served, "models/bad/load")
    assert reply.status == 500
    assert "no model here" in reply.json()["error"]
    rows = {row["name"]: row for row in post(served, "index").json()}
    assert rows["bad"]["state"] in ("UNAVAILABLE", "LOADING")
    fleet.service("wine", FAILING)
    reply = post(served, "models/wine/load")
    assert (reply.status, list(reply.json())) == (500, ["error"])
    assert "no model here" in reply.json()["error"]
    assert fleet.call("wine").json() == "wine"
    assert states(served)["wine"] == "READY"
    (fleet.folder / "wine" / "service.json").write_text(json.dumps({"nonsense": 1}))
    reply = post(served, "models/wine/load")
    assert reply.status == 500
    assert "nonsense" in reply.json()["error"]


def test_no_request_is_lost_while_a_model_is_loaded_again_and_again(fleet: Fleet) -> None:
    fleet.service("a")
    served = fleet.start("--fleet")
    with load_on(served.port, "/services/a/score") as load:
        for _ in range(5):
            assert post(served, "models/a/load").status == 200
            load.wait_for_more()
    assert set(load.end()) == {200}


def test_without_loading_at_the_start_each_is_loaded_when_it_is_asked_for(fleet: Fleet) -> None:
    fleet.service("a")
    fleet.service("b")
    served = fleet.start("--no-load")
    assert states(served) == {"a": "UNAVAILABLE", "b": "UNAVAILABLE"}
    assert served.ask("GET", "/v2/models/a/ready").status == 404
    assert post(served, "models/a/load").status == 200
    assert states(served) == {"a": "READY", "b": "UNAVAILABLE"}
    assert fleet.call("a").json() == "a"


def test_what_cannot_be_heeded_is_a_400(fleet: Fleet) -> None:
    fleet.service("a")
    served = fleet.start("--fleet")
    triton = client(served)
    with pytest.raises(Exception, match="parameter 'config'"):
        triton.load_model("a", config='{"max_batch_size": 4}')
    assert post(served, "index", b"[]").status == 400
    assert post(served, "models/nobody/unload").status == 404
