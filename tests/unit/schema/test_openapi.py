"""openapi: documents that a real validator takes, from real inference-schema decorators."""

from __future__ import annotations

import copy
import datetime
import functools
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from scoringhost.schema.json_text import dumps
from scoringhost.schema.openapi import OpenApiVersion, RunSchemas, ServiceInfo, document, own_documents, schemas_of

V2, V3, V31 = OpenApiVersion
VALIDATORS = {V2: OpenAPIV2SpecValidator, V3: OpenAPIV30SpecValidator, V31: OpenAPIV31SpecValidator}
INFO = ServiceInfo("Price model", "2.7")
Run = Callable[..., object]


def undecorated(data: object) -> object:
    return data


@input_schema("flags", NumpyParameterType(np.array([[True, False]])))
@input_schema("prices", NumpyParameterType(np.array([[1.5, 2.5], [3.5, 4.5]])))
@input_schema("rows", NumpyParameterType(np.array([(1, True)], dtype=[("id", np.int32), ("on", np.bool_)])))
@input_schema("dates", NumpyParameterType(np.array(["2024-01-31"], dtype="datetime64[D]")))
@output_schema(NumpyParameterType(np.array([True])))
def arrays(flags: object, prices: object, rows: object, dates: object) -> object:
    return prices


FRAME = pd.DataFrame({"age": [31], "city": ["Oslo"], "since": pd.to_datetime(["2024-01-31"]), "member": [True]})


@input_schema("records", PandasParameterType(FRAME))
@input_schema("split", PandasParameterType(FRAME, orient="split"))
@input_schema("index", PandasParameterType(FRAME, orient="index"))
@input_schema("columns", PandasParameterType(FRAME, orient="columns"))
@input_schema("table", PandasParameterType(FRAME, orient="table"))
@output_schema(PandasParameterType(pd.DataFrame({0: [0.5]})))
def frames(records: object, split: object, index: object, columns: object, table: object) -> object:
    return records


@input_schema("whole", StandardPythonParameterType(3))
@input_schema("text", StandardPythonParameterType("True"))
@input_schema("flag", StandardPythonParameterType(True))
@input_schema("blob", StandardPythonParameterType(b"\x00"))
@input_schema("day", StandardPythonParameterType(datetime.date(2024, 1, 31)))
@input_schema("moment", StandardPythonParameterType(datetime.datetime(2024, 1, 31, 10, 20)))
@input_schema("nothing", StandardPythonParameterType({}))
@output_schema(StandardPythonParameterType({"price": 1.5, "notes": {}}))
def standard(
    whole: object, text: object, flag: object, blob: object, day: object, moment: object, nothing: object, rest: object
) -> object:
    return whole


FLAGS = NumpyParameterType(np.array([True]))


@input_schema("bundle", StandardPythonParameterType({"frame": PandasParameterType(FRAME), "flags": FLAGS}))
@input_schema("series", StandardPythonParameterType([FLAGS, FLAGS]))
@output_schema(StandardPythonParameterType([{"name": "x", "sizes": [1.5]}]))
def nested(bundle: object, series: object) -> object:
    return series


@input_schema("mixed", StandardPythonParameterType([1, "a"]))
def mixed(mixed: object) -> object:
    return mixed


@output_schema(StandardPythonParameterType({"answer": 42}))
def output_only(question: object) -> object:
    return question


RUNS = [undecorated, arrays, frames, standard, nested, mixed, output_only]


def name_of(run: Run) -> str:
    return run.__name__


def made(run: Run, version: OpenApiVersion = V2, info: ServiceInfo = INFO) -> dict[str, Any]:
    schemas = schemas_of(run)
    return document(version, info, schemas.input, schemas.output)


def resolved_input(run: Run) -> tuple[dict[str, Any], Any]:
    schema = schemas_of(run).input
    return schema, schema["example"]


# -- validity


@pytest.mark.parametrize("version", OpenApiVersion, ids=lambda version: version.value)
@pytest.mark.parametrize("run", RUNS, ids=name_of)
def test_a_document_is_valid_for_its_version(run: Run, version: OpenApiVersion) -> None:
    if version not in schemas_of(run).versions:
        pytest.skip("inference-schema cannot express it in this version")

    written = json.loads(dumps(made(run, version, ServiceInfo('The "best" $SERVICE_NAME$', "1.0", "/a/b/"))))

    assert [error.message for error in VALIDATORS[version](written).iter_errors()] == []


@pytest.mark.parametrize("version", OpenApiVersion, ids=lambda version: version.value)
def test_the_validator_would_object_to_a_broken_document(version: OpenApiVersion) -> None:
    broken = made(arrays, version)
    broken["paths"]["/score"]["post"]["responses"]["200"].pop("description")

    assert list(VALIDATORS[version](broken).iter_errors())


@pytest.mark.parametrize("run", [arrays, frames, standard, nested], ids=name_of)
def test_the_example_of_an_input_fits_its_own_schema(run: Run) -> None:
    schema, example = resolved_input(run)

    jsonschema.validate(example, schema)


@pytest.mark.parametrize("run", [arrays, nested], ids=name_of)
def test_booleans_in_examples_are_json_booleans(run: Run) -> None:
    text = json.dumps(schemas_of(run).input["example"])

    assert "true" in text
    assert '"True"' not in text and '"False"' not in text


def test_a_string_that_reads_like_a_boolean_stays_a_string() -> None:
    assert schemas_of(standard).input["example"]["text"] == "True"


# -- contents


@pytest.mark.parametrize("run", [undecorated, functools.partial(undecorated)], ids=["function", "partial"])
def test_an_undecorated_run_takes_and_gives_bare_objects(run: Run) -> None:
    bare = {"type": "object", "example": {}}

    assert schemas_of(run) == RunSchemas(bare, bare, (V2, V3, V31))


def test_a_side_without_decorator_is_any_object() -> None:
    assert schemas_of(output_only).input == {"type": "object"}
    assert schemas_of(mixed).output == {"type": "object"}


def test_mixed_lists_do_not_fit_version_2() -> None:
    assert schemas_of(mixed).versions == (V3, V31)


def test_the_output_restricts_the_versions_too() -> None:
    @input_schema("n", StandardPythonParameterType(1))
    @output_schema(StandardPythonParameterType([1, "a"]))
    def run_with_mixed_output(n: object) -> object:
        return n

    assert schemas_of(run_with_mixed_output).versions == (V3, V31)


def test_a_decorator_of_the_user_does_not_hide_the_schema() -> None:
    def labelled(text: str, helper: Callable[[], object]) -> Callable[[Run], Run]:
        def decorate(function: Run) -> Run:
            @functools.wraps(function)
            def inner(*args: object, **kwargs: object) -> object:
                return text, helper, function(*args, **kwargs)

            return inner

        return decorate

    def recursive() -> object:
        return recursive

    assert schemas_of(labelled("outer", recursive)(standard)) == schemas_of(standard)


def test_changing_a_document_leaves_the_next_one_alone() -> None:
    before = copy.deepcopy(schemas_of(standard))
    spoiled = made(standard)
    spoiled["definitions"]["ServiceInput"]["properties"].clear()
    spoiled["paths"]["/"]["get"].clear()
    spoiled["securityDefinitions"]["Bearer"].clear()

    assert schemas_of(standard) == before
    assert made(standard)["paths"]["/"]["get"]["operationId"] == "ServiceHealthCheck"
    assert made(standard)["securityDefinitions"]["Bearer"]["type"] == "apiKey"


@pytest.mark.parametrize(
    ("version", "key", "number"), [(V2, "swagger", "2.0"), (V3, "openapi", "3.0.3"), (V31, "openapi", "3.1.0")]
)
def test_each_version_says_what_it_is(version: OpenApiVersion, key: str, number: str) -> None:
    assert made(undecorated, version)[key] == number


@pytest.mark.parametrize("version", OpenApiVersion, ids=lambda version: version.value)
def test_values_are_put_in_as_they_are(version: OpenApiVersion) -> None:
    info = ServiceInfo('The "best" $SERVICE_VERSION$ {model}', "$PATH_PREFIX$", "p")

    about = made(undecorated, version, info)["info"]

    assert (about["title"], about["version"]) == (info.name, info.version)


@pytest.mark.parametrize(
    ("prefix", "paths"),
    [
        ("", ["/", "/score", "/swagger.json"]),
        ("/", ["/", "/score", "/swagger.json"]),
        ("api/v1", ["/api/v1/", "/api/v1/score", "/api/v1/swagger.json"]),
        ("/a/b/", ["/a/b/", "/a/b/score", "/a/b/swagger.json"]),
    ],
)
@pytest.mark.parametrize("version", OpenApiVersion, ids=lambda version: version.value)
def test_the_prefix_stands_before_each_path(version: OpenApiVersion, prefix: str, paths: list[str]) -> None:
    assert list(made(undecorated, version, ServiceInfo("s", "1", prefix))["paths"]) == paths


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2", V2),
        ("2.0", V2),
        ("3", V3),
        ("3.0", V3),
        ("3.1", V31),
        ("3.1.0", None),
        ("v3", None),
        ("4", None),
        ("", None),
    ],
)
def test_versions_go_by_their_known_names_only(text: str, version: OpenApiVersion | None) -> None:
    assert OpenApiVersion.named(text) is version


# -- the user's own documents


def test_own_documents_are_read_for_their_versions(tmp_path: Path) -> None:
    for name in ("swagger2.json", "swagger3.json", "swagger3.1.json"):
        (tmp_path / name).write_text(json.dumps({"from": name}), encoding="utf-8")

    assert own_documents(tmp_path) == {
        V2: {"from": "swagger2.json"},
        V3: {"from": "swagger3.json"},
        V31: {"from": "swagger3.1.json"},
    }


def test_swagger_json_goes_before_swagger2_json(tmp_path: Path) -> None:
    (tmp_path / "swagger.json").write_text('{"first": true}', encoding="utf-8")
    (tmp_path / "swagger2.json").write_text('{"first": false}', encoding="utf-8")

    assert own_documents(tmp_path) == {V2: {"first": True}}


@pytest.mark.parametrize("content", [b"{", b"\xff{}", b"[1]", b"", b"[" * 100_000], ids=repr)
def test_a_broken_document_is_skipped_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / "swagger.json").write_bytes(content)
    (tmp_path / "swagger2.json").write_text('{"usable": true}', encoding="utf-8")

    with caplog.at_level(logging.WARNING, "azmlinfsrv.swagger"):
        found = own_documents(tmp_path)

    assert found == {V2: {"usable": True}}
    assert [record.name for record in caplog.records] == ["azmlinfsrv.swagger"]
    assert "swagger.json" in caplog.text


def test_a_folder_in_the_place_of_a_document_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "swagger3.json").mkdir()

    assert own_documents(tmp_path) == {}


def test_a_missing_app_root_has_no_documents(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert own_documents(tmp_path / "nowhere") == {}
    assert caplog.records == []
