"""The entry script of a model that MLServer's settings describe: model-settings.json, or the environment alone."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from scoringhost.errors import MissingExtra, ScriptImportFailed, ScriptUnservable
from scoringhost.runtimes.mlserver import known_runtimes
from scoringhost.runtimes.model_schemas import body_schema, sample_of, schemas_of, tensor_schema
from scoringhost.schema.openapi import BARE, RunSchemas
from scoringhost.script.import_hints import of_failed_import
from scoringhost.script.imports import ScriptImports
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import Declarations, declares
from scoringhost.script.tracebacks import user_traceback
from scoringhost.settings.mlserver_files import Given, is_model_settings, read_model_settings


def load(place: Path) -> EntryScript:
    """The service of the model whose settings are at a place: their file, or a folder if the environment has them all.

    Raises:
        SettingsError: if the settings cannot be read.
        ScriptUnservable: if they name no runtime, or one that is no MLModel.
        ScriptImportFailed: if importing it raises.
        MissingExtra: if pydantic is not installed, or what loads the model.
    """
    given = read_model_settings(place, os.environ)
    folder = place.parent if is_model_settings(place) else place
    implementation = given.values.get("implementation")
    if not isinstance(implementation, str) or "." not in implementation:
        why = 'it names no `implementation`: where the class of the runtime is, as in "models.MyRuntime"'
        raise ScriptUnservable(str(place), why)
    own = known_runtimes.load(implementation, given, folder, place)
    if own is not None:
        return own
    _require_pydantic()
    imports = ScriptImports(folder)
    imports.open()
    try:
        with imports.in_force():
            kind = _import(implementation, place)
        return _entry_script(kind, given, place, imports)
    except BaseException:
        imports.close()
        raise


def _require_pydantic() -> None:
    try:
        importlib.import_module("pydantic")
    except ImportError:
        raise MissingExtra("pydantic", "mlserver") from None


def _import(implementation: str, place: Path) -> type:
    module_name, _, name = implementation.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ScriptImportFailed(str(place), _advice(error, implementation, place), user_traceback(error)) from error
    kind = getattr(module, name, None)
    if kind is None:
        raise ScriptUnservable(str(place), f"there is no {name} in {module.__file__ or module_name}")
    if not isinstance(kind, type) or not hasattr(kind, "predict"):
        raise ScriptUnservable(str(place), f"{implementation} is no MLModel: it has no predict()")
    return kind


def _advice(error: BaseException, implementation: str, place: Path) -> str:
    module_name = implementation.partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and error.name == module_name:
        package = known_runtimes.package_of(implementation)
        if package:
            return f"{implementation} is in the package {package}, which is not installed: pip install {package}"
        return f"There is no module {module_name} beside {place}, and no package of that name is installed."
    hint = of_failed_import(error, place) if isinstance(error, ImportError) and error.name else ""
    return hint or f"Correct the {type(error).__name__} shown above it."


def _entry_script(kind: type, given: Given, place: Path, imports: ScriptImports) -> EntryScript:
    from scoringhost.runtimes.mlserver.runtime import Runtime
    from scoringhost.runtimes.mlserver.surfaces import surface_of

    settings = _settings(kind, given, place, surface_of(kind).settings)
    runtime = Runtime(kind, settings)
    run = _function(runtime)
    declares(run, Declarations(run, {}, False, _schemas(runtime), model=runtime))
    module = importlib.import_module(kind.__module__)
    return EntryScript(
        place, module, runtime.init, run, runtime.shutdown, imports, lambda: runtime.refusal, tuple(runtime.handlers)
    )


def _schemas(runtime: Any) -> RunSchemas:
    """What the API document says of /score, of the inputs that the settings name; load() may say more of them later."""
    inputs = runtime.metadata().inputs
    if not inputs:
        return BARE
    properties = {one.name: tensor_schema(one.datatype, one.shape) for one in inputs}
    example = {name: sample_of(schema) for name, schema in properties.items()}
    return schemas_of(body_schema(properties, list(properties), example), {})


def _function(runtime: Any) -> Any:
    """A function, which can be marked, as a method cannot."""
    if runtime.loop is None:

        def run(request: Any) -> Any:
            return runtime.run(request)

        run.__doc__ = runtime.kind.__doc__
        return run

    async def run_awaited(request: Any) -> Any:
        return await runtime.run(request)

    run_awaited.__doc__ = runtime.kind.__doc__
    return run_awaited


def _settings(kind: type, given: Given, place: Path, module: Any) -> Any:
    """The model's settings as its runtime gets them; a relative uri is that of a file beside them."""
    values = {key: value for key, value in given.values.items() if not key.startswith("parameters.")}
    parameters = {key.partition(".")[2]: value for key, value in given.values.items() if key.startswith("parameters.")}
    if given.file is not None and not parameters.get("uri"):
        parameters["uri"] = str(place.parent)
    elif parameters.get("uri") and "://" not in parameters["uri"]:
        base = place.parent if given.file is not None else Path.cwd()
        parameters["uri"] = str(base / parameters["uri"])
    values["parameters"] = module.ModelParameters(**parameters)
    values["implementation"] = kind
    try:
        return module.ModelSettings(**values)
    except ValueError as problem:  # pydantic's are ValueErrors
        raise ScriptUnservable(str(place), f"the settings of the model cannot be used: {problem}") from problem
