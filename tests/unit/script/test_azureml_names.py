"""Azure ML's import names, and inference-schema's decorators as declared types."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

from scoringhost.kernel.binding import bind
from scoringhost.kernel.call import Call
from scoringhost.schema.tensors import AsGiven
from scoringhost.script.azureml_names import declarations_of
from scoringhost.script.signature import RunSignature, Takes

Python = Callable[..., str]

IMPORTS = """
import sys
sys.path.insert(0, {folder!r})
{before}
from scoringhost.script.azureml_names import install_import_shims
install_import_shims()
install_import_shims()
{after}
"""


@pytest.fixture
def shimmed(python: Python, tmp_path: Path) -> Callable[..., str]:
    """Run a program after the shims have been installed, with `site` on the import path."""

    def shimmed(after: str, before: str = "") -> str:
        return python(IMPORTS.format(folder=str(tmp_path / "site"), before=before, after=after))

    return shimmed


def real(tmp_path: Path, **modules: str) -> None:
    """Put packages in place as if they were installed; a dot is written as two underscores."""
    for name, source in modules.items():
        path = (tmp_path / "site").joinpath(*name.split("__"))
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in path.relative_to(tmp_path / "site").parents:
            if folder.name:
                (tmp_path / "site" / folder / "__init__.py").touch()
        path.with_suffix(".py").write_text(source)


# -- import shims ---------------------------------------------------------------------------------

REQUEST = ["azureml.contrib.services.aml_request", "azureml_inference_server_http.api.aml_request"]
RESPONSE = [name.replace("request", "response") for name in REQUEST]


@pytest.mark.parametrize("name", REQUEST)
def test_the_request_and_its_mark_are_ours_if_nothing_is_installed(shimmed: Callable[..., str], name: str) -> None:
    after = f"""
import scoringhost, {name} as m
from scoringhost.script.signature import rawhttp
print(m.AMLRequest is scoringhost.Request, m.rawhttp is rawhttp)
"""
    assert shimmed(after) == "True True"


@pytest.mark.parametrize("name", RESPONSE)
def test_the_response_is_ours_if_nothing_is_installed(shimmed: Callable[..., str], name: str) -> None:
    assert shimmed(f"import scoringhost, {name} as m; print(m.AMLResponse is scoringhost.Response)") == "True"


def test_the_mark_is_found_in_the_package_of_the_services_too(shimmed: Callable[..., str]) -> None:
    assert shimmed("from azureml.contrib.services import rawhttp; print(rawhttp.__module__)") == (
        "scoringhost.script.signature"
    )


def test_what_is_not_ours_stays_missing(shimmed: Callable[..., str]) -> None:
    after = """
import importlib
for name in ("azureml.core", "azureml.contrib.other", "azureml.contrib.services.aml_other", "azureml_other"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        print(error.name)
"""
    assert shimmed(after).splitlines() == [
        "azureml.core",
        "azureml.contrib.other",
        "azureml.contrib.services.aml_other",
        "azureml_other",
    ]


def test_other_parts_of_an_installed_azureml_are_found_where_they_are(
    shimmed: Callable[..., str], tmp_path: Path
) -> None:
    real(tmp_path, azureml__core="value = 1", azureml__contrib__other="value = 2")
    after = """
import scoringhost
from azureml.core import value as core
from azureml.contrib.other import value as other
from azureml.contrib.services.aml_request import AMLRequest
print(core, other, AMLRequest is scoringhost.Request)
"""
    assert shimmed(after) == "1 2 True"


def test_an_azureml_without_init_files_is_found_too(shimmed: Callable[..., str], tmp_path: Path) -> None:
    real(tmp_path, azureml__contrib__other="value = 2")
    for init in (tmp_path / "site").rglob("__init__.py"):
        init.unlink()
    after = """
import scoringhost
from azureml.contrib.other import value
from azureml.contrib.services.aml_response import AMLResponse
print(value, AMLResponse is scoringhost.Response)
"""
    assert shimmed(after) == "2 True"


def test_the_request_is_ours_even_if_the_real_package_is_installed(shimmed: Callable[..., str], tmp_path: Path) -> None:
    real(
        tmp_path,
        azureml__contrib__services__aml_request="rawhttp = AMLRequest = 'real'",
        azureml__contrib__services__other="value = 3",
    )
    after = """
import scoringhost
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.other import value
print(AMLRequest is scoringhost.Request, rawhttp.__module__, value)
"""
    assert shimmed(after) == "True scoringhost.script.signature 3"


def test_a_real_mark_that_was_imported_before_is_replaced(shimmed: Callable[..., str], tmp_path: Path) -> None:
    real(tmp_path, azureml__contrib__services__aml_request="rawhttp = AMLRequest = 'real'")
    after = "from azureml.contrib.services.aml_request import rawhttp; print(rawhttp.__module__)"
    before = "import azureml.contrib.services.aml_request"
    assert shimmed(after, before) == "scoringhost.script.signature"


def test_importing_the_helpers_marks_nothing(shimmed: Callable[..., str]) -> None:
    after = """
import azureml.contrib.services.aml_request as m
def helper(request): ...
def run(request): ...
m.rawhttp(helper)
from scoringhost.script.signature import RunSignature, undeclared
print(RunSignature.read(run, undeclared(run)).takes.name, RunSignature.read(helper, undeclared(helper)).takes.name)
"""
    assert shimmed(after) == "TEXT RAW"


def test_installing_the_shims_imports_no_flask(shimmed: Callable[..., str]) -> None:
    assert shimmed("print('flask' in sys.modules)") == "False"


# -- decorators -----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_schemas_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """inference-schema's table is keyed by module and name, and every function here is called run."""
    from inference_schema import schema_decorators, schema_util

    table: dict[str, Any] = {}
    for module in (schema_decorators, schema_util):
        monkeypatch.setattr(module, "__functions_schema__", table)


NUMBER = StandardPythonParameterType(1)
ARRAY = NumpyParameterType(np.array([[1.0, 2.0]]))


def answer(run: Callable[..., Any], body: bytes) -> Any:
    """What the script's function answers to a body, the way the host calls it."""
    declarations = declarations_of(run)
    return declarations.call(**bind(RunSignature.read(run, declarations), Call(body)))


def wrapped(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def around(*args: Any, **kwargs: Any) -> Any:
        return ("around", run(*args, **kwargs))

    return around


def test_a_run_without_decorators_declares_nothing() -> None:
    def run(data): ...

    declarations = declarations_of(run)
    assert (declarations.call, declarations.inputs, declarations.decorated) == (run, {}, False)


def test_every_input_decorator_declares_its_parameter() -> None:
    @input_schema("a", NUMBER)
    @input_schema("b", ARRAY)
    @output_schema(NUMBER)
    def run(a, b): ...

    assert sorted(declarations_of(run).inputs) == ["a", "b"]


def test_the_decorators_on_the_outside_are_skipped() -> None:
    def run(a): ...

    decorated = input_schema("a", NUMBER)(output_schema(NUMBER)(run))
    assert declarations_of(decorated).call is run


def test_a_decorated_run_is_handed_converted_values() -> None:
    @input_schema("b", ARRAY)
    @input_schema("a", NUMBER)
    def run(a, b):
        return a, b

    a, b = answer(run, b'{"a": 5, "b": [[3, 4]]}')
    assert a == 5
    assert isinstance(b, np.ndarray)
    assert b.tolist() == [[3.0, 4.0]]


def test_a_run_with_an_output_decorator_only_takes_named_parameters_as_they_are() -> None:
    @output_schema(NUMBER)
    def run(a, b=2):
        return a, b

    declarations = declarations_of(run)
    assert (declarations.inputs, declarations.decorated) == ({}, True)
    assert RunSignature.read(run, declarations).takes is Takes.NAMED
    assert answer(run, b'{"a": [1]}') == ([1], 2)


def test_a_decorator_of_the_users_own_on_the_outside_is_called() -> None:
    @wrapped
    @input_schema("a", ARRAY)
    def run(a):
        return a

    label, value = answer(run, b'{"a": [[3, 4]]}')
    assert label == "around"
    assert isinstance(value, np.ndarray)


def test_a_decorator_of_the_users_own_in_between_is_called() -> None:
    @input_schema("a", NUMBER)
    @wrapped
    @input_schema("b", ARRAY)
    def run(a, b):
        return a, b

    label, (a, b) = answer(run, b'{"a": 5, "b": [[3, 4]]}')
    assert (label, a, type(b)) == ("around", 5, np.ndarray)


def test_a_decorator_of_the_users_own_on_the_inside_is_called() -> None:
    @input_schema("a", ARRAY)
    @wrapped
    def run(a):
        return a

    assert answer(run, b'{"a": [[3, 4]]}')[0] == "around"


@pytest.mark.parametrize("decorate", [lambda run: run, wrapped], ids=["outermost", "below the user's own"])
@pytest.mark.parametrize(
    ("body", "kind"), [(b"{}", type(None)), (b'{"a": null}', type(None)), (b'{"a": [[3, 4]]}', np.ndarray)]
)
def test_an_optional_array_may_come_be_null_or_be_left_out(
    decorate: Callable[..., Any], body: bytes, kind: type
) -> None:
    @decorate
    @input_schema("a", ARRAY, optional=True)
    def run(a=None):
        return a

    found = answer(run, body)
    assert type(found[1] if isinstance(found, tuple) else found) is kind


def test_an_optional_parameter_is_declared_as_such() -> None:
    @input_schema("a", NUMBER)
    @input_schema("b", NUMBER, optional=True)
    def run(a, b=None): ...

    inputs = declarations_of(run).inputs
    assert (inputs["a"].optional, inputs["b"].optional) == (False, True)


def test_a_parameter_that_is_not_to_be_converted_comes_as_it_was_sent() -> None:
    @input_schema("a", ARRAY, convert_to_provided_type=False)
    def run(a):
        return a

    assert isinstance(declarations_of(run).inputs["a"].type, AsGiven)
    assert answer(run, b'{"a": {"anything": 1}}') == {"anything": 1}


def test_an_async_run_may_be_decorated() -> None:
    @input_schema("a", NUMBER)
    async def run(a): ...

    assert RunSignature.read(run, declarations_of(run)).is_async


def test_a_chain_of_wrappers_that_never_ends_is_survived() -> None:
    def run(data): ...

    run.__wrapped__ = run  # type: ignore[attr-defined]
    assert not declarations_of(run).decorated


def test_the_output_and_the_schemas_are_read_with_the_inputs() -> None:
    @input_schema("b", NumpyParameterType(np.array([1])))
    @input_schema("a", NumpyParameterType(np.array([[1.0, 2.0]])))
    @output_schema(StandardPythonParameterType([1.5]))
    def run(a: Any, b: Any) -> Any: ...

    found = declarations_of(run)
    assert [(one.suffix, one.datatype, one.shape) for one in found.input_tensors()] == [
        ("a", "FP64", (-1, 2)),
        ("b", "INT64", (-1,)),
    ]
    assert [(one.suffix, one.datatype) for one in found.output.tensors()] == [("output-0", "FP64")]
    assert found.output.json_schema() == found.schemas.output
    assert found.schemas.input["example"] == {"a": [[1.0, 2.0]], "b": [1]}


def test_the_columns_of_the_only_parameter_are_tensors_by_their_bare_names() -> None:
    @input_schema("table", StandardPythonParameterType({"n": StandardPythonParameterType(1)}))
    def run(table: Any) -> Any: ...

    assert [one.suffix for one in declarations_of(run).input_tensors()] == ["n"]
