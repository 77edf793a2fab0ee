"""description: what a script says about its run(), and request.json beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scoringhost.script.request_file import LARGEST_EXAMPLE, request_beside
from scoringhost.testing import NoSample, serve

HEAD = """
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType as Standard
from inference_schema.schema_decorators import input_schema, output_schema
from scoringhost import rawhttp

def init(): pass
"""
DECLARED = (
    HEAD
    + '''
@input_schema("n", Standard(1))
def run(n, factor=2.0, request_headers=None, helper=print):
    """Multiply.

    Two lines more.
    """
    return n * factor
'''
)
PLAIN = HEAD + "def run(text): return len(text)\n"


def script(tmp_path: Path, text: str, request: str | None = None) -> Path:
    path = tmp_path / "score.py"
    path.write_text(text, encoding="utf-8")
    if request is not None:
        (tmp_path / "request.json").write_text(request, encoding="utf-8")
    return path


def test_the_docstring_and_the_members_of_a_request_are_told(tmp_path: Path) -> None:
    with serve(script(tmp_path, DECLARED)) as client:
        said = client.description
    assert (said.summary, said.text) == ("Multiply.", "Multiply.\n\nTwo lines more.")
    assert list(said.input["properties"]) == ["n", "factor", "helper"]  # request_headers are no member of a body
    assert said.input["required"] == ["n"]
    # BUG: what has no decorator was "" in the example, so the service refused or failed on its own sample.
    assert said.input["example"] == said.sample == {"n": 1, "factor": 2.0}


def test_the_sample_of_a_script_with_defaults_is_scored(tmp_path: Path) -> None:
    with serve(script(tmp_path, DECLARED)) as client:
        assert client.score() == 2.0


def test_an_output_schema_alone_leaves_the_members_by_name(tmp_path: Path) -> None:
    with serve(script(tmp_path, HEAD + "@output_schema(Standard(1))\ndef run(question): return 1\n")) as client:
        said = client.description
    assert said.input == {"type": "object", "properties": {"question": {}}, "required": ["question"]}
    assert (said.sample, said.output["type"], said.text) == (None, "integer", "")


@pytest.mark.parametrize("mark", ["", "@rawhttp\n"])
def test_what_is_not_declared_may_be_anything(tmp_path: Path, mark: str) -> None:
    with serve(script(tmp_path, HEAD + mark + "def run(data): return 1\n")) as client:
        said = client.description
    assert (list(said.input), list(said.output)) == (["description"], ["description"])


# BUG: a request.json of megabytes stood whole in the API document, which every page and generator reads.
def test_a_large_request_json_is_the_sample_and_no_example_of_the_document(tmp_path: Path) -> None:
    text = json.dumps("x" * LARGEST_EXAMPLE)
    with serve(script(tmp_path, PLAIN, text)) as client:
        assert client.sample() == json.loads(text)
        document = client.request("GET", "/swagger.json").json()
        assert "example" not in document["definitions"]["ServiceInput"]


def test_request_json_is_the_sample_and_the_example_where_none_is_declared(tmp_path: Path) -> None:
    with serve(script(tmp_path, PLAIN, '{"rows": [[1, null]]}')) as client:
        assert client.sample() == {"rows": [[1, None]]}
        assert client.score() == len('{"rows":[[1,null]]}')
        for version in ("2", "3", "3.1"):
            found = client.request("GET", f"/swagger.json?version={version}").json()
            schemas = found.get("definitions") or found["components"]["schemas"]
            assert schemas["ServiceInput"]["example"] == {"rows": [[1, None]]}
        assert client.request("GET", "/docs/service.json").json()["sample"] == {"rows": [[1, None]]}


def test_request_json_goes_before_the_declared_sample_but_not_in_the_document(tmp_path: Path) -> None:
    with serve(script(tmp_path, DECLARED, '{"n": 21}')) as client:
        assert (client.sample(), client.score()) == ({"n": 21}, 42.0)
        assert client.request("GET", "/docs/service.json").json()["sample"] == {"n": 21}
        found = client.request("GET", "/swagger.json").json()
        assert found["definitions"]["ServiceInput"]["example"] == {"n": 1, "factor": 2.0}


def test_without_either_there_is_no_sample(tmp_path: Path) -> None:
    with serve(script(tmp_path, PLAIN)) as client, pytest.raises(NoSample, match=r"no request\.json beside the script"):
        client.sample()


@pytest.mark.parametrize(
    ("content", "expected"), [(b"[1]", [1]), (b"plain text\n", "plain text\n"), (b" \n", None), (b"\xff\xfe", None)]
)
def test_a_request_file_is_json_or_text(tmp_path: Path, content: bytes, expected: object) -> None:
    (tmp_path / "request.json").write_bytes(content)
    assert request_beside(tmp_path / "score.py") == expected


def test_a_folder_of_that_name_is_no_sample(tmp_path: Path) -> None:
    (tmp_path / "request.json").mkdir()
    assert request_beside(tmp_path / "score.py") is None


def test_a_huge_number_of_a_request_file_is_kept_as_text_has_it(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(json.dumps({"n": 2**70}), encoding="utf-8")
    assert request_beside(tmp_path / "score.py") == {"n": 2**70}
