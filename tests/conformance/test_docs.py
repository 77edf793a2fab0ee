"""The page at /docs, over every door."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conformance.conftest import Client

Serve = Callable[..., "Client"]


def test_the_page_names_no_address_of_another_host(serve: Serve) -> None:
    client = serve("text.py")
    reply = client.get("/docs")
    assert (reply.status, reply.header("Content-Type")) == (200, "text/html; charset=utf-8")
    assert "script-src 'self'" in (reply.header("Content-Security-Policy") or "")
    parts = re.findall(rb'(?:href|src)="([^"]+)"', reply.body)
    files = [part.decode() for part in parts if not part.startswith(b"data:")]
    assert sorted(files) == ["docs/page.css", "docs/page.js"]
    kinds = [client.get(f"/{file}").header("Content-Type") for file in sorted(files)]
    assert kinds == ["text/css; charset=utf-8", "text/javascript; charset=utf-8"]
    script = client.get("/docs/page.js").body.decode()
    modules = re.findall(r'^import .* from "\./(\w+\.js)";$', script, re.MULTILINE)
    assert modules == ["answer.js", "calls.js", "fields.js", "key.js", "pretty.js", "snippets.js"]
    for module in [*modules, "schema.js"]:
        assert client.get(f"/docs/{module}").header("Content-Type") == "text/javascript; charset=utf-8"


# BUG: another site could put the page into a frame of its own and have its visitor press the button.
def test_no_other_page_can_frame_the_page_or_take_its_forms(serve: Serve) -> None:
    client = serve("text.py")
    for path in ("/docs", "/docs/page.js", "/docs/page.css", "/docs/service.json"):
        reply = client.get(path)
        policy = (reply.header("Content-Security-Policy") or "").split("; ")
        assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
        assert (reply.header("X-Frame-Options"), reply.header("X-Content-Type-Options")) == ("DENY", "nosniff")


@pytest.mark.parametrize(
    ("script", "kind", "parameters"), [("text.py", "text", []), ("raw.py", "raw", []), ("standard.py", "json", None)]
)
def test_the_page_is_told_what_run_takes(serve: Serve, script: str, kind: str, parameters: list[str] | None) -> None:
    about = serve(script).get("/docs/service.json").json()
    assert (about["kind"], about["script"]) == (kind, script)
    if parameters is None:
        assert about["parameters"]
        assert set(about["sample"]) == set(about["parameters"])
    else:
        assert (about["parameters"], about["sample"]) == (parameters, None)


def test_the_sample_of_the_page_is_scored(serve: Serve) -> None:
    client = serve("arrays.py")
    sample = client.get("/docs/service.json").json()["sample"]
    assert client.score(**sample).status == 200


# BUG: the page showed how the sample is sent to /score alone.
def test_the_sample_is_shown_and_scored_by_the_open_inference_protocol_too(serve: Serve) -> None:
    client = serve("v2_numbers.py")
    about = client.get("/docs/service.json").json()
    call = about["v2"]
    assert call["path"] == "v2/models/v2_numbers/infer"
    assert [(one["name"], one["datatype"]) for one in call["request"]["inputs"]] == [("data", "FP32")]
    headers = [("Content-Type", "application/json")]
    reply = client.send("POST", f"/{call['path']}", headers, json.dumps(call["request"]).encode())
    assert (reply.status, reply.json()["outputs"][0]["data"]) == (200, client.score(**about["sample"]).json())


@pytest.mark.parametrize(("script", "settings"), [("raw.py", {}), ("text.py", {}), ("v2_numbers.py", {"v2": False})])
def test_where_there_is_no_such_call_none_is_shown(serve: Serve, script: str, settings: dict[str, object]) -> None:
    assert serve(script, **settings).get("/docs/service.json").json()["v2"] is None


# BUG: whoever reached the page read where the server keeps its models.
def test_no_folder_of_the_server_is_told_but_for_debugging(
    serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("models")
    folder.chmod(0o755)
    quiet = serve("text.py", model_dir=folder).get("/docs/service.json")
    assert (quiet.json()["model_dir"], str(folder) in quiet.body.decode()) == (None, False)
    assert serve("text.py", model_dir=folder, debug=True).get("/docs/service.json").json()["model_dir"] == str(folder)


def test_the_page_is_told_the_docstring_of_run(serve: Serve) -> None:
    assert serve("gaps.py").get("/docs/service.json").json()["text"].startswith("Weigh people.")


def test_posting_to_the_page_is_a_405(serve: Serve) -> None:
    reply = serve("text.py").send("POST", "/docs", [], b"")
    assert (reply.status, reply.header("Allow")) == (405, "GET, HEAD")


def test_the_page_can_be_switched_off(serve: Serve) -> None:
    client = serve("text.py", docs=False)
    assert [client.get(path).status for path in ("/docs", "/docs/service.json", "/docs/page.js")] == [404, 404, 404]
