"""@typed: a run() whose annotations say what it takes and returns.

The marker itself (`signature.typed`) leaves the function as it is; what is put around it here, once, is what the
host calls. Imported for such scripts only.
"""

from __future__ import annotations

import inspect
import typing
from collections import abc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from scoringhost.errors import ResultMisfit
from scoringhost.schema.declared import Misfit
from scoringhost.schema.json_values import is_a
from scoringhost.schema.typed_codec import TypedType, require_pydantic
from scoringhost.schema.typed_output import TypedOutput
from scoringhost.schema.typed_schemas import ParameterSchema, schemas_of
from scoringhost.script.signature import HEADERS_NAME, REQUIRED, Declarations, DeclaredInput

_STREAMS = (abc.Iterator, abc.Generator, abc.AsyncIterator, abc.AsyncGenerator)
_STREAMS_IF_IT_YIELDS = (abc.Iterable, abc.AsyncIterable)


def declarations_of(run: Callable[..., Any]) -> Declarations:
    """What the annotations of a marked run() declare.

    Raises:
        MissingExtra: if pydantic is not installed.
        ValueError: if a parameter has no annotation, or one that JSON cannot be made of; names it.
    """
    require_pydantic()
    hints = _hints(run)
    inputs: dict[str, DeclaredInput] = {}
    parameters: list[ParameterSchema] = []
    for name, parameter in inspect.signature(run).parameters.items():
        if name == HEADERS_NAME:
            continue
        if name not in hints:
            raise ValueError(f"run() is @typed, and its parameter {name!r} has no annotation; write {name}: int, say")
        declared = _type_of(hints[name], f"parameter {name!r}")
        inputs[name] = DeclaredInput(declared)
        parameters.append(ParameterSchema(name, declared, parameter.default is REQUIRED, parameter.default))
    returned, streams = _returned(run, hints)
    result = None if returned is inspect.Signature.empty else _type_of(returned, "the result")
    schemas = schemas_of(parameters, result)
    row_lists = frozenset(one.name for one in parameters if one.type.is_list_of_objects())
    output = TypedOutput(schemas.output, result, streams)
    return Declarations(_called(run, output), inputs, True, schemas, output, True, row_lists)


def _hints(run: Callable[..., Any]) -> dict[str, Any]:
    function = inspect.unwrap(run)
    if not inspect.isroutine(function):
        function = type(function).__call__
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError) as problem:
        raise ValueError(f"run() is @typed, and its annotations cannot be read: {problem}") from problem


def _type_of(annotation: Any, what: str) -> TypedType:
    try:
        return TypedType(annotation)
    except TypeError as problem:
        shown = annotation.__name__ if isinstance(annotation, type) else annotation
        remedy = "; inside a class, mark arrays, frames, pictures and bytes: Annotated[TYPE, scoringhost.as_json]"
        raise ValueError(f"run() is @typed, and {what} is {shown}: {problem}{remedy}") from problem


def _returned(run: Callable[..., Any], hints: dict[str, Any]) -> tuple[Any, bool]:
    """The annotation of the result, or of the items of one that streams; and whether it streams."""
    annotation = hints.get("return", inspect.Signature.empty)
    if annotation is Any or annotation is object or _is_response_class(annotation):
        annotation = inspect.Signature.empty
    function = inspect.unwrap(run)
    yields = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    origin = typing.get_origin(annotation) or annotation
    if origin not in _STREAMS and not (yields and origin in _STREAMS_IF_IT_YIELDS):
        if yields and annotation is not inspect.Signature.empty:
            raise ValueError("run() is @typed and yields: its result is an Iterator[X] of what it yields")
        return annotation, False
    arguments = typing.get_args(annotation)
    return (arguments[0] if arguments else inspect.Signature.empty), True


def _is_response_class(annotation: Any) -> bool:
    return isinstance(annotation, type) and any(
        base.__module__.startswith("werkzeug.wrappers") for base in annotation.__mro__
    )


# -- what the host calls ------------------------------------------------------------------------------


def _called(run: Callable[..., Any], output: TypedOutput) -> Callable[..., Any]:
    """run() with its result checked."""
    if output.of is None:
        return run
    if output.streams:
        return _streaming(run, output)
    if inspect.iscoroutinefunction(inspect.unwrap(run)):

        async def awaited(**arguments: Any) -> Any:
            return _checked(output, await run(**arguments))

        return awaited

    def called(**arguments: Any) -> Any:
        return _checked(output, run(**arguments))

    return called


def _streaming(run: Callable[..., Any], output: TypedOutput) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(inspect.unwrap(run)):

        async def awaited(**arguments: Any) -> Any:
            return _stream_of(output, await run(**arguments))

        return awaited

    def called(**arguments: Any) -> Any:
        return _stream_of(output, run(**arguments))

    return called


def _stream_of(output: TypedOutput, result: Any) -> Any:
    if hasattr(result, "__anext__"):
        return _async_items(output, result)
    if hasattr(result, "__next__"):
        return _items(output, result)
    return _checked(output, result)  # it is no stream: a response, or a mistake


def _items(output: TypedOutput, source: Iterator[object]) -> Iterator[object]:
    try:
        for item in source:
            yield _checked(output, item)
    finally:
        if hasattr(source, "close"):
            source.close()


async def _async_items(output: TypedOutput, source: AsyncIterator[object]) -> AsyncIterator[object]:
    try:
        async for item in source:
            yield _checked(output, item)
    finally:
        if hasattr(source, "aclose"):
            await source.aclose()


def _checked(output: TypedOutput, result: object) -> object:
    """The result as it is to be encoded.

    Raises:
        ResultMisfit: if it is not what the annotation says.
    """
    if is_a(result, "werkzeug.wrappers", "Response"):
        return result  # the script answers with a status of its own
    try:
        return output.checked(result)
    except Misfit as misfit:
        raise ResultMisfit(misfit.path, misfit.expected, misfit.got) from None
