"""Compatibility with Azure ML: its import names, and inference-schema's decorators as declared types.

The import shims are one finder on `sys.meta_path`. The modules with the helpers of raw requests
are ours even if the Azure packages are installed, because only our `rawhttp` marks the function;
everything else of those packages is found where it is, and packages that are missing are empty.
"""

from __future__ import annotations

import importlib.machinery
import inspect
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scoringhost.schema.declared import DeclaredType, JsonValue
from scoringhost.schema.inference import declare
from scoringhost.schema.openapi import schemas_of
from scoringhost.schema.output import DeclaredOutput
from scoringhost.schema.tensor_metadata import Array, TensorMetadata, Tensors
from scoringhost.schema.tensors import AsGiven
from scoringhost.script.signature import Declarations, DeclaredInput, rawhttp, undeclared

_REQUEST_MODULES = ("azureml.contrib.services.aml_request", "azureml_inference_server_http.api.aml_request")
_RESPONSE_MODULES = ("azureml.contrib.services.aml_response", "azureml_inference_server_http.api.aml_response")
_PACKAGES = (
    "azureml",
    "azureml.contrib",
    "azureml.contrib.services",
    "azureml_inference_server_http",
    "azureml_inference_server_http.api",
)


def _fill_request(module: types.ModuleType) -> None:
    from scoringhost.script.flask_objects import Request

    vars(module).update(AMLRequest=Request, rawhttp=rawhttp, _rawHttpRequested=False)


def _fill_response(module: types.ModuleType) -> None:
    from scoringhost.script.flask_objects import Response

    vars(module).update(AMLResponse=Response)


def _fill_package(module: types.ModuleType) -> None:
    module.__path__ = []
    if module.__name__ == "azureml.contrib.services":
        vars(module).update(rawhttp=rawhttp)


class _Loader:
    """Makes a module and fills it."""

    def __init__(self, fill: Callable[[types.ModuleType], None]) -> None:
        self._fill = fill

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Put our names into it."""
        self._fill(module)


class _Finder:
    """Finds our modules under the names that it is given."""

    def __init__(self, fillers: Mapping[str, Callable[[types.ModuleType], None]]) -> None:
        self._fillers = fillers

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of one of our modules."""
        fill = self._fillers.get(name)
        if fill is None:
            return None
        return importlib.machinery.ModuleSpec(name, _Loader(fill), is_package=fill is _fill_package)  # type: ignore[arg-type]


_OURS = _Finder(
    {name: _fill_request for name in _REQUEST_MODULES} | {name: _fill_response for name in _RESPONSE_MODULES}
)
_MISSING = _Finder({name: _fill_package for name in _PACKAGES})


def install_import_shims() -> None:
    """Let entry scripts import Azure ML's names; to be called before one is loaded, any number of times."""
    if _OURS in sys.meta_path:
        return
    sys.meta_path.insert(0, _OURS)
    sys.meta_path.append(_MISSING)
    for name in (*_REQUEST_MODULES, "azureml.contrib.services"):
        if name in sys.modules:  # imported before us, from the real package
            sys.modules[name].rawhttp = rawhttp  # type: ignore[attr-defined]


# -- inference-schema -----------------------------------------------------------------------------


def declarations_of(run: Callable[..., Any]) -> Declarations:
    """What the inference-schema decorators around run() declare, found by following `__wrapped__`.

    The conversions are the host's; `call` therefore skips the decorators that are outermost. One
    below a decorator of the user's own lets decoded values through, save for optional parameters,
    whose truth it asks for (an array has none): those are checked here and converted there.
    """
    layers = [run]
    while (inner := getattr(layers[-1], "__wrapped__", None)) is not None and len(layers) < 100:
        layers.append(inner)
    inputs: dict[str, DeclaredInput] = {}
    call, decorated, outermost = run, False, True
    for layer in layers:
        wrapper = _schema_wrapper(layer)
        if wrapper is None:
            outermost = False
            continue
        decorated = True
        names = inspect.getclosurevars(wrapper).nonlocals
        if "param_name" in names:
            inputs[names["param_name"]] = _declared(names, outermost=outermost)
        if outermost:
            call = layer.__wrapped__  # type: ignore[attr-defined]
    if not decorated:
        return undeclared(run)
    order = [name for name in inspect.signature(run).parameters if name in inputs]
    in_order = {name: inputs[name] for name in [*order, *(inputs.keys() - set(order))]}
    schemas = schemas_of(run)
    return Declarations(call, in_order, True, schemas, DeclaredOutput(schemas.output))


def _schema_wrapper(layer: object) -> Any:
    """inference-schema's own function inside one of its wrapt wrappers, else None."""
    wrapper = getattr(layer, "_self_wrapper", None)
    return wrapper if getattr(wrapper, "__module__", None) == "inference_schema.schema_decorators" else None


def _declared(names: Mapping[str, Any], *, outermost: bool) -> DeclaredInput:
    optional = bool(names.get("optional"))
    if not names.get("convert_to_provided_type", True):
        return DeclaredInput(AsGiven(), optional)
    declared = declare(names["param_type"])
    return DeclaredInput(_Checked(declared) if optional and not outermost else declared, optional)


class _Checked:
    """A type whose values are only checked: they are converted further in."""

    def __init__(self, declared: DeclaredType) -> None:
        self._declared = declared

    def to_python(self, value: JsonValue) -> object:
        """The JSON value itself, if it fits.

        Raises:
            Misfit: if it does not.
        """
        self._declared.to_python(value)
        return value

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """Those of the type."""
        return self._declared.tensors()

    def from_tensors(self, tensors: Tensors) -> object:
        """The value converted: what converts further in lets it through."""
        return self._declared.from_tensors(tensors)

    def to_tensors(self, value: object) -> dict[str, Array]:
        """Those of the type."""
        return self._declared.to_tensors(value)
