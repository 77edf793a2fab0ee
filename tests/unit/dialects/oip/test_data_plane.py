"""The OpenAPI document of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from scoringhost.dialects.oip.data_plane import data_plane
from scoringhost.dialects.oip.model import Model
from scoringhost.kernel.service import Service
from scoringhost.schema import json_text
from scoringhost.script.declaring import declarations_of
from scoringhost.script.loading import EntryScript

SCRIPTS = Path(__file__).parents[3] / "conformance" / "scripts"


def document_of(script: str, sample: Any = None) -> Any:
    service = Service(EntryScript.load(SCRIPTS / script), declarations=declarations_of)
    return json_text.loads(json_text.dumps(data_plane(Model(service, "m", "1"), sample)))


@pytest.mark.parametrize("script", ["v2_numbers.py", "v2_columns.py", "v2_scalars.py", "text.py", "typed.py"])
def test_the_document_is_a_valid_one(script: str) -> None:
    OpenAPIV31SpecValidator(document_of(script)).validate()


def test_the_document_has_the_models_own_tensors_and_an_example_of_them() -> None:
    document = document_of("v2_pair.py", {"a": [[1, 2]], "b": [[3, 4]]})
    request = document["components"]["schemas"]["InferenceRequest"]
    names = [one["properties"]["name"]["const"] for one in request["properties"]["inputs"]["items"]["anyOf"]]
    assert names == ["a", "b", "GlobalParameters"]
    assert request["examples"][0]["inputs"][1]["data"] == [3, 4]
    assert "/v2/models/m/versions/1/infer" in document["paths"]


def test_a_run_that_takes_http_requests_has_no_inference_in_it(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("from scoringhost import rawhttp\ndef init(): pass\n@rawhttp\ndef run(request): return b'ok'\n")
    document = document_of(str(script))
    OpenAPIV31SpecValidator(document).validate()
    assert "/v2/models/m/infer" not in document["paths"]
