"""openapi: documents that a real validator takes, from real inference-schema decorators."""

from __future__ import annotations

import copy
import datetime
import functools
import json
from collections.abc import Callable
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pytest
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from scoringhost.schema.inference import declare
from scoringhost.schema.json_text import dumps
from scoringhost.schema.openapi import OpenApiVersion, RunSchemas, ServiceInfo, document, schemas_of

V2, V3, V31 = OpenApiVersion
VALIDATORS = {V2: OpenAPIV2SpecValidator, V3: OpenAPIV30SpecValidator, V31: OpenAPIV31SpecValidator}
each_version = pytest.mark.parametrize("version", OpenApiVersion, ids=lambda version: version.value)
INFO = ServiceInfo("Price model", "2.7")
MOMENT = datetime.datetime(2024, 1, 31, 10, 20)
Run = Callable[..., object]


def takes(name: str, kind: object) -> Callable[[Run], Run]:
    return cast(Callable[[Run], Run], input_schema(name, kind))


def gives(kind: object) -> Callable[[Run], Run]:
    return cast(Callable[[Run], Run], output_schema(kind))


def undecorated(data: object) -> object:
    return data


@takes("flags", NumpyParameterType(np.array([[True, False]])))
@takes("prices", NumpyParameterType(np.array([[1.5, 2.5], [3.5, 4.5]])))
@takes("rows", NumpyParameterType(np.array([(1, True)], dtype=[("id", np.int32), ("on", np.bool_)])))
@takes("dates", NumpyParameterType(np.array(["2024-01-31"], dtype="datetime64[D]")))
@gives(NumpyParameterType(np.array([True])))
def arrays(flags: object, prices: object, rows: object, dates: object) -> object:
    return prices


FRAME = pd.DataFrame({"age": [31], "city": ["Oslo"], "since": pd.to_datetime(["2024-01-31"]), "member": [True]})


@takes("records", PandasParameterType(FRAME))
@takes("split", PandasParameterType(FRAME[["age"]], orient="split"))
@takes("index", PandasParameterType(FRAME, orient="index"))
@takes("columns", PandasParameterType(FRAME, orient="columns"))
@takes("table", PandasParameterType(FRAME, orient="table"))
@gives(PandasParameterType(pd.DataFrame({0: [0.5]})))
def frames(records: object, split: object, index: object, columns: object, table: object) -> object:
    return records


@takes("whole", StandardPythonParameterType(3))
@takes("text", StandardPythonParameterType("True"))
@takes("flag", StandardPythonParameterType(True))
@takes("blob", StandardPythonParameterType(b"\x00"))
@takes("day", StandardPythonParameterType(MOMENT.date()))
@takes("moment", StandardPythonParameterType(MOMENT))
@takes("nothing", StandardPythonParameterType({}))
@gives(StandardPythonParameterType({"price": 1.5, "notes": {}}))
def standard(
    whole: object, text: object, flag: object, blob: object, day: object, moment: object, nothing: object, rest: object
) -> object:
    return whole


FLAGS = NumpyParameterType(np.array([True]))


@takes("bundle", StandardPythonParameterType({"frame": PandasParameterType(FRAME), "flags": FLAGS}))
@takes("series", StandardPythonParameterType([FLAGS, FLAGS]))
@gives(StandardPythonParameterType([{"name": "x", "sizes": [1.5]}]))
def nested(bundle: object, series: object) -> object:
    return series


@takes("mixed", StandardPythonParameterType([1, "a"]))
def mixed(mixed: object) -> object:
    return mixed


@gives(StandardPythonParameterType({"answer": 42}))
def output_only(question: object) -> object:
    return question


KINDS: list[object] = [
    *(NumpyParameterType(np.array([1, 0]).astype(kind)) for kind in ("f8", "f4", "i8", "u1", "?", "U", "O", "m8[s]")),
    *(PandasParameterType(FRAME, orient=layout) for layout in ("records", "split", "index", "columns", "values")),
    *map(StandardPythonParameterType, [3, 2.5, "x", True, b"\x00", bytearray(b"x"), [1], {}]),
    *map(StandardPythonParameterType, [MOMENT, MOMENT.date(), MOMENT.time()]),
    StandardPythonParameterType({"frame": PandasParameterType(FRAME), "flags": FLAGS}),
]
RUNS = [undecorated, arrays, frames, standard, nested, mixed, output_only]


def name_of(run: Run) -> str:
    return str(getattr(run, "__name__", run))


def made(run: Run, version: OpenApiVersion = V2, info: ServiceInfo = INFO) -> dict[str, Any]:
    schemas = schemas_of(run)
    return document(version, info, schemas.input, schemas.output)


# -- validity


@pytest.mark.parametrize(
    ("run", "version"),
    [(run, version) for run in RUNS for version in schemas_of(run).versions],
    ids=lambda part: part.value if isinstance(part, OpenApiVersion) else name_of(part),
)
def test_a_document_is_valid_for_its_version(run: Run, version: OpenApiVersion) -> None:
    written = json.loads(dumps(made(run, version, ServiceInfo('The "best" $SERVICE_NAME$', "1.0", "/a/b/"))))

    assert [error.message for error in VALIDATORS[version](written).iter_errors()] == []


@each_version
def test_the_validator_would_object_to_a_broken_document(version: OpenApiVersion) -> None:
    broken = made(arrays, version)
    broken["paths"]["/score"]["post"]["responses"]["200"].pop("description")

    assert list(VALIDATORS[version](broken).iter_errors())


@pytest.mark.parametrize("run", [arrays, frames, standard, nested], ids=name_of)
def test_the_example_of_an_input_fits_its_own_schema(run: Run) -> None:
    schema = schemas_of(run).input

    jsonschema.validate(schema["example"], schema)


@pytest.mark.parametrize("kind", KINDS, ids=[f"{type(kind).__name__}-{number}" for number, kind in enumerate(KINDS)])
def test_the_example_of_a_parameter_is_taken_by_the_host(kind: object) -> None:
    @takes("value", kind)
    def run_of_one(value: object) -> object:
        return value

    example = json.loads(dumps(schemas_of(run_of_one).input["example"]))["value"]

    declare(kind).to_python(example)  # raises Misfit if it is not taken


@pytest.mark.parametrize("run", [arrays, nested], ids=name_of)
def test_booleans_in_examples_are_json_booleans(run: Run) -> None:
    text = json.dumps(schemas_of(run).input["example"])

    assert "true" in text
    assert '"True"' not in text
    assert '"False"' not in text


def test_a_string_that_reads_like_a_boolean_stays_a_string() -> None:
    assert schemas_of(standard).input["example"]["text"] == "True"


# -- contents


@pytest.mark.parametrize("run", [undecorated, functools.partial(undecorated)], ids=["function", "partial"])
def test_an_undecorated_run_takes_and_gives_bare_objects(run: Run) -> None:
    bare = {"type": "object", "example": {}}

    assert schemas_of(run) == RunSchemas(bare, bare, (V2, V3, V31))


def test_what_an_object_requires_is_kept_and_an_empty_list_left_out() -> None:
    assert schemas_of(standard).output["required"] == ["price", "notes"]
    assert schemas_of(standard).output["properties"]["notes"] == {"type": "object", "properties": {}}


def test_a_side_without_decorator_is_any_object() -> None:
    assert schemas_of(output_only).input == {"type": "object"}
    assert schemas_of(mixed).output == {"type": "object"}


def test_mixed_lists_do_not_fit_version_2() -> None:
    assert schemas_of(mixed).versions == (V3, V31)


def test_the_output_restricts_the_versions_too() -> None:
    @takes("n", StandardPythonParameterType(1))
    @gives(StandardPythonParameterType([1, "a"]))
    def run_with_mixed_output(n: object) -> object:
        return n

    assert schemas_of(run_with_mixed_output).versions == (V3, V31)


def test_a_decorator_of_the_user_does_not_hide_the_schema() -> None:
    def labelled(text: str, helper: Callable[[], object]) -> Callable[[Run], Run]:
        def decorate(function: Run) -> Run:
            @functools.wraps(function)
            def inner(*args: object, **kwargs: object) -> object:
                return text, helper, function(*args, **kwargs)

            inner.__name__ = text
            return inner

        return decorate

    def recursive() -> object:
        return recursive

    assert schemas_of(labelled("outer", recursive)(standard)) == schemas_of(standard)


def test_changing_a_document_leaves_the_next_one_alone() -> None:
    before = copy.deepcopy(schemas_of(standard))
    spoiled = made(standard)
    spoiled["definitions"]["ServiceInput"]["properties"].clear()
    spoiled["definitions"]["ServiceOutput"]["required"].clear()
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


@each_version
def test_values_are_put_in_as_they_are(version: OpenApiVersion) -> None:
    info = ServiceInfo('The "best" $SERVICE_VERSION$ {model}', "$PATH_PREFIX$", "p")

    about = made(undecorated, version, info)["info"]

    assert (about["title"], about["version"]) == (info.name, info.version)


@pytest.mark.parametrize(
    ("prefix", "paths"),
    [
        ("", ["/", "/score", "/swagger.json"]),
        ("/", ["//", "//score", "//swagger.json"]),
        ("/api/v1", ["/api/v1/", "/api/v1/score", "/api/v1/swagger.json"]),
    ],
)
@each_version
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
