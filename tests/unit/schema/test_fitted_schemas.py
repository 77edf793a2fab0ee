"""fitted_schemas: what inference-schema guessed takes its own sample, in every version of the documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from openapi_schema_validator import OAS30Validator, OAS31Validator
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from scoringhost.schema.fitted_schemas import fitted
from scoringhost.schema.json_text import dumps
from scoringhost.schema.openapi import OpenApiVersion, ServiceInfo, document
from scoringhost.schema.openapi_corrections import corrected
from scoringhost.schema.output import DeclaredOutput

V2, V3, V31 = OpenApiVersion
SPECIFICATIONS = {V2: OpenAPIV2SpecValidator, V3: OpenAPIV30SpecValidator, V31: OpenAPIV31SpecValidator}
DIALECTS = {V2: jsonschema.Draft4Validator, V3: OAS30Validator, V31: OAS31Validator}
ANY_COLUMN: list[Callable[[], st.SearchStrategy[Any]]] = [
    lambda: st.one_of(st.none(), st.floats()),
    lambda: st.one_of(st.none(), st.text(max_size=3)),
    lambda: st.one_of(st.none(), st.booleans()),
    lambda: st.integers(-(2**31), 2**31),
    lambda: st.none(),
    lambda: st.one_of(st.text(max_size=2), st.integers(-5, 5), st.booleans(), st.none()),
    lambda: st.one_of(st.none(), st.datetimes(pd.Timestamp(2000, 1, 1), pd.Timestamp(2030, 1, 1))),
]
ORIENTS = ["records", "split", "index", "columns", "values", "table"]


@st.composite
def frames(draw: st.DrawFn) -> PandasParameterType:
    """Frames of any columns with gaps, in any layout."""
    rows = draw(st.integers(0, 3))
    kinds = draw(st.lists(st.sampled_from(ANY_COLUMN), min_size=1, max_size=4))
    columns = {f"c{at}": draw(st.lists(kind(), min_size=rows, max_size=rows)) for at, kind in enumerate(kinds)}
    return PandasParameterType(pd.DataFrame(columns), orient=draw(st.sampled_from(ORIENTS)))


@st.composite
def arrays(draw: st.DrawFn) -> NumpyParameterType:
    """Arrays of numbers with gaps, of objects, of texts."""
    cells = st.one_of(st.none(), st.integers(-9, 9), st.text(max_size=2), st.booleans())
    width = draw(st.integers(1, 3))
    if draw(st.booleans()):
        items: Any = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=3))
        return NumpyParameterType(np.array(items, dtype=object))
    items = draw(st.lists(st.lists(st.floats(width=32), min_size=width, max_size=width), min_size=1, max_size=3))
    return NumpyParameterType(np.array(items, dtype=draw(st.sampled_from(["f4", "f8"]))))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=2), inner, max_size=3)),
    max_leaves=12,
)
STANDARD = st.one_of(st.lists(JSON, max_size=4), st.dictionaries(st.text(max_size=2), JSON, max_size=4)).map(
    StandardPythonParameterType
)


def served(kind: AbstractParameterType, version: OpenApiVersion) -> Any:
    """The document of a run() that takes and gives what the parameter type says, as it is served."""
    schema = fitted(kind.input_to_swagger())
    recorded = {key: part for key, part in kind.input_to_swagger().items() if key != "example"}
    given = fitted({"type": "object", "properties": {"value": recorded}, "example": {"value": schema["example"]}})
    made = corrected(document(version, ServiceInfo("s", "1"), given, schema), version)
    return json.loads(dumps(made))


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.one_of(frames(), arrays(), STANDARD))
def test_every_document_takes_its_own_examples(kind: AbstractParameterType) -> None:
    for version in OpenApiVersion:
        found = served(kind, version)
        assert [error.message for error in SPECIFICATIONS[version](found).iter_errors()] == []
        schemas = found.get("definitions") or found["components"]["schemas"]
        for name in ("ServiceInput", "ServiceOutput"):
            example = schemas[name]["example"]
            assert [error.message for error in DIALECTS[version](schemas[name]).iter_errors(example)] == [], version
            jsonschema.validate(example, schemas[name])  # plain JSON Schema, too


def column(values: list[object], **more: Any) -> Any:
    schema = fitted(PandasParameterType(pd.DataFrame({"c": pd.Series(values, **more)})).input_to_swagger())
    return schema["items"]["properties"]["c"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.5, None], {"type": ["number", "null"], "format": "double"}),
        (["a", None], {"type": ["string", "null"]}),
        ([True, None], {"type": ["boolean", "null"]}),
        ([None, "a"], {"type": ["string", "null"]}),
        ([None, None], {}),
        (["a", 1], {"type": ["integer", "string"]}),
        ([[1], "a"], {}),
        ([pd.Timestamp(2024, 1, 31), None], {"type": ["string", "null"], "format": "date-time"}),
        ([1.5, 2.5], {"type": "number", "format": "double"}),
    ],
    ids=repr,
)
def test_a_column_with_gaps_is_what_its_other_cells_are(values: list[object], expected: Any) -> None:
    assert column(values) == expected


def test_a_column_of_nothing_but_missing_dates_is_still_text() -> None:
    assert column([None, None], dtype="datetime64[ns]") == {"type": ["string", "null"], "format": "date-time"}


def test_what_fits_stays_as_inference_schema_wrote_it() -> None:
    frame = PandasParameterType(pd.DataFrame({"a": [1], "b": ["x"]})).input_to_swagger()
    array = NumpyParameterType(np.array([[1.5]])).input_to_swagger()
    assert fitted(frame) == frame
    assert fitted(array) == array


def test_rows_of_a_table_without_rows_are_objects_and_items_of_an_empty_list_are_anything() -> None:
    empty = PandasParameterType(pd.DataFrame({"a": []})).input_to_swagger()
    assert fitted(empty)["items"] == {"type": "object"}
    assert fitted(StandardPythonParameterType([]).input_to_swagger())["items"] == {}


def test_members_that_not_every_object_of_a_list_has_are_not_required() -> None:
    schema = fitted(StandardPythonParameterType([{"a": 1}, {"a": 1, "b": 2}]).input_to_swagger())
    assert schema["items"]["required"] == ["a"]


def test_references_and_branches_of_other_schemas_are_left_alone() -> None:
    schema = {
        "type": "object",
        "properties": {"row": {"$ref": "#/components/schemas/Row"}, "x": {"anyOf": [{"type": "string"}]}},
        "example": {"row": {"a": None}, "x": 1},
    }
    assert fitted(schema) == schema


# BUG: `scoringhost check` said of a result that fits its sample that it did not: the column was an "object".
def test_a_result_like_a_sample_with_gaps_fits_the_declared_output() -> None:
    kind = PandasParameterType(pd.DataFrame({"score": [0.5, None], "label": ["a", None]}))
    assert list(DeclaredOutput(kind.input_to_swagger()).misfits([{"score": 0.25, "label": "b"}])) == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (V2, {"type": ["number", "null"], "format": "double", "x-nullable": True}),
        (V3, {"anyOf": [{"type": "number", "format": "double", "nullable": True}, {"enum": [None]}]}),
        (V31, {"type": ["number", "null"], "format": "double"}),
    ],
)
def test_each_version_says_in_its_own_words_that_a_value_may_be_missing(version: OpenApiVersion, expected: Any) -> None:
    found = served(PandasParameterType(pd.DataFrame({"c": [1.5, None]})), version)
    schemas = found.get("definitions") or found["components"]["schemas"]
    assert schemas["ServiceOutput"]["items"]["properties"]["c"] == expected
