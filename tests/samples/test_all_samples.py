"""What holds for every sample: `check` finds nothing to mend, and its API documents are true of their own example."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner
from openapi_spec_validator import validate

from scoringhost import testing
from scoringhost.checking import check
from scoringhost.checking.findings import Severity
from scoringhost.cli.init import init
from scoringhost.settings import Settings

ROOT = Path(__file__).parents[2]
LEFT_OUT = frozenset({"net", "reviews"})  # PyTorch is not among the packages for development; tests/torch checks them
NAMES = sorted({path.parent.name for path in (ROOT / "samples").glob("*/score.py")} - LEFT_OUT)
RULES = {"2": jsonschema.Draft4Validator, "3": jsonschema.Draft4Validator, "3.1": jsonschema.Draft202012Validator}
"""The JSON Schema that each version of the document is built on, near enough for what samples say."""


@pytest.fixture(scope="module", params=NAMES)
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A sample as `scoringhost init` leaves it, or as it lies in the repository if it is no template."""
    folder = ROOT / "samples" / request.param
    if request.param == "rentals":  # its pickle belongs to the versions that made it, so `init` trains it
        folder = tmp_path_factory.mktemp("samples") / "rentals"
        done = CliRunner().invoke(init, [str(folder), "--template", "sklearn"])
        assert done.exit_code == 0, done.output
    return folder


def test_check_finds_nothing_to_mend(sample: Path) -> None:
    settings, ignored = Settings.load({}, {"script": ("SCRIPT", str(sample))}, os.getcwd())
    report = check(settings, {}, ignored=ignored)
    found = {one.code for one in report.findings if one.severity is not Severity.HINT}
    assert found == ({"unavailable"} if sample.name == "gateway" else set())  # there is nobody behind the gateway here


def test_the_documents_are_valid_and_true_of_their_example(sample: Path) -> None:
    with testing.serve(sample) as client:
        for version in RULES:
            answer = client.request("GET", f"/swagger.json?version={version}")
            if version == "2" and answer.status == 404:
                continue  # arrays of mixed types cannot be said in it
            found = answer.json()
            validate(found)
            taken = schema(found, "ServiceInput")
            if "example" in taken:
                RULES[version](taken).validate(taken["example"])


def schema(document: Any, name: str) -> Any:
    """A schema with the others beside it, which it refers to; its own example is no part of the question."""
    schemas = document.get("definitions") or document["components"]["schemas"]
    place = "definitions" if "definitions" in document else "components"
    return {**schemas[name], place: document[place]}
