"""The model repository, over a repository of a few lines."""

import asyncio
import gzip
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from scoringhost.dialects.azureml import AzureMl
from scoringhost.dialects.oip.repository import ListedModel, RepositoryEndpoints
from scoringhost.errors import LoadFailed, NotReady, UnknownService
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse

ROWS = [
    ListedModel("wine", "1", "READY"),
    ListedModel("wine", "2", "LOADING", "running init()"),
    ListedModel("plain", "", "UNAVAILABLE", "unloaded"),
]


class Asked:
    """A repository that remembers what it was asked for."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str, str | None]] = []

    async def index(self) -> Sequence[ListedModel]:
        return ROWS

    async def load(self, name: str, version: str | None) -> None:
        self.log.append(("load", name, version))
        if name == "broken":
            raise LoadFailed(name, "ValueError: no model")
        if name == "late":
            raise NotReady("The fleet is ending")
        if name == "nobody":
            raise UnknownService(name, version)

    async def unload(self, name: str, version: str | None) -> None:
        self.log.append(("unload", name, version))
        if name == "nobody":
            raise UnknownService(name, version)


def post(
    path: str, body: bytes = b"", repository: Asked | None = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    dialect = RepositoryEndpoints(repository or Asked())
    fallback = AzureMl(None, {}, None, 1)  # type: ignore[arg-type]
    app = HttpApp([dialect, fallback], Cors(None))
    response: HttpResponse = asyncio.run(app.handle(HttpRequest("POST", path, b"", Headers(headers or {}), body)))
    assert isinstance(response.body, bytes)
    return response.status, json.loads(response.body) if response.body else None


@pytest.mark.parametrize("body", [b"", b"{}", b" \r\n", b'{"ready": false}'])
def test_the_index_lists_all_models_with_state_and_reason(body: bytes) -> None:
    status, rows = post("/v2/repository/index", body)
    assert status == 200
    assert rows[1] == {"name": "wine", "version": "2", "state": "LOADING", "reason": "running init()"}
    assert len(rows) == 3


def test_the_index_lists_those_that_are_ready_if_asked() -> None:
    assert post("/v2/repository/index", b'{"ready": true}') == (
        200,
        [{"name": "wine", "version": "1", "state": "READY", "reason": ""}],
    )


@pytest.mark.parametrize("body", [b"[]", b"true", b'{"ready": "yes"}', b'{"ready": 1}', b"{", b"\xff"])
def test_a_body_that_is_neither_is_a_400(body: bytes) -> None:
    status, said = post("/v2/repository/index", body)
    assert (status, list(said)) == (400, ["error"])


@pytest.mark.parametrize("asked", ["load", "unload"])
def test_models_and_versions_are_loaded_and_unloaded(asked: str) -> None:
    repository = Asked()
    assert post(f"/v2/repository/models/wine/{asked}", b"", repository) == (200, None)
    assert post(f"/v2/repository/models/wine/versions/2/{asked}", b"{}", repository) == (200, None)
    assert repository.log == [(asked, "wine", None), (asked, "wine", "2")]


def test_what_tritonclient_sends_to_unload_is_taken() -> None:
    body = b'{"parameters": {"unload_dependents": false}}'
    assert post("/v2/repository/models/wine/unload", body) == (200, None)
    packed = post("/v2/repository/models/wine/unload", gzip.compress(body), headers={"content-encoding": "gzip"})
    assert packed == (200, None)


@pytest.mark.parametrize(
    ("parameters", "name"), [({"config": "{}"}, "'config'"), ({"file:1/model.onnx": "AAAA"}, "'file:1/model.onnx'")]
)
def test_another_configuration_or_files_are_refused_by_name(parameters: dict[str, str], name: str) -> None:
    repository = Asked()
    body = json.dumps({"parameters": parameters}).encode()
    status, said = post("/v2/repository/models/wine/load", body, repository)
    assert (status, repository.log) == (400, [])
    assert name in said["error"]
    assert post("/v2/repository/models/wine/load", b'{"parameters": []}')[0] == 400


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("models/nobody/load", 404, "There is no service 'nobody'"),
        ("models/nobody/versions/3/unload", 404, "There is no service 'nobody' of version '3'"),
        ("models/broken/load", 500, "The model 'broken' could not be loaded: ValueError: no model"),
        ("models/late/load", 503, "The fleet is ending"),
        ("models/wine/reload", 404, "Nothing is served"),
        ("nothing", 404, "Nothing is served"),
    ],
)
def test_every_error_is_an_object_with_error_and_says_whose_fault_it_is(path: str, status: int, words: str) -> None:
    got, said = post(f"/v2/repository/{path}")
    assert (got, list(said)) == (status, ["error"])
    assert words in said["error"]


def test_it_costs_a_front_neither_numpy_nor_flask() -> None:
    code = (
        "import sys, scoringhost.dialects.oip.repository as r;"
        "print([one for one in ('numpy', 'pandas', 'flask', 'werkzeug', 'inference_schema') if one in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
