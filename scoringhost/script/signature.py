"""RunSignature: what a run() takes, read once when the entry script is loaded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, TypeVar

from scoringhost.inference.model_metadata import ModelMetadata, PlainInputs
from scoringhost.schema.declared import DeclaredType
from scoringhost.schema.large_arrays import ReadsBuffer
from scoringhost.schema.openapi import BARE, RunSchemas
from scoringhost.schema.output import DeclaredOutput
from scoringhost.schema.tensor_metadata import TensorMetadata

RAW_MARK = "__scoringhost_rawhttp__"
TYPED_MARK = "__scoringhost_typed__"
DECLARED_MARK = "__scoringhost_declarations__"
HEADERS_NAME = "request_headers"
MINI_BATCH = "mini_batch"
MINI_BATCH_CONTEXT = "mini_batch_context"
REQUIRED = inspect.Parameter.empty

F = TypeVar("F", bound=Callable[..., Any])


def rawhttp(run: F) -> F:
    """Mark a run() that wants the HTTP request itself. Only the function is marked, nothing global."""
    setattr(run, RAW_MARK, True)
    return run


def typed(run: F) -> F:
    """Mark a run() whose annotations are kept to: parameters are decoded by them, and the result is checked.

    Without the mark annotations say nothing, as with azmlinfsrv, and run() gets the body as text.
    """
    setattr(run, TYPED_MARK, True)
    return run


class Takes(Enum):
    """The kinds of run()."""

    TEXT = "the body as text"
    NAMED = "named parameters"
    RAW = "the HTTP request"
    REQUEST = "the inference request"


@dataclass(frozen=True, slots=True)
class DeclaredInput:
    """What an input decorator says of one parameter; `type` is None where nothing is converted."""

    type: DeclaredType
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter that a request may give; `default` is REQUIRED if it must."""

    name: str
    default: object
    declared: DeclaredInput | None


@dataclass(frozen=True, slots=True)
class Declarations:
    """What the decorators around run() say, read once when the script is loaded.

    call: the function for arguments already decoded. schemas: the JSON schemas of all inputs together, and
    of the output, with the versions of API documents that can express both.
    """

    call: Callable[..., Any]
    inputs: Mapping[str, DeclaredInput]
    decorated: bool
    schemas: RunSchemas = BARE
    output: DeclaredOutput = field(default_factory=DeclaredOutput)
    strict: bool = False
    """Whether a key that is no parameter is refused, unless a setting says otherwise."""
    row_lists: frozenset[str] = frozenset()
    """The parameters whose values are lists of rows, which calls that wait may be joined by."""
    parameters: tuple[Parameter, ...] | None = None
    """What run() takes, where its Python signature does not say so: the inputs of a model may have any name."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other names that a body may give a parameter by."""
    model: DescribesModel | None = None
    """Of a run() that takes an InferenceRequest and returns, or yields, InferenceResponses."""
    reads: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    """Makes run()'s arguments of the members of a body, where these are not simply its parameters."""
    restated: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] | None = None
    """Puts a body that lacks a parameter into the parameters' own names; answers None if it cannot."""
    chooses_outputs: str | None = None
    """The parameter that is told which outputs are wanted, as a list of their names, where a protocol can ask."""

    def input_tensors(self) -> tuple[TensorMetadata, ...]:
        """The tensors of the declared inputs, in the order of run()'s parameters as far as they are declared.

        The suffix is the whole name: that of the parameter, or `parameter.column`; the bare column if there is one
        parameter only.
        """
        if len(self.inputs) == 1:
            name, only = next(iter(self.inputs.items()))
            return tuple(one if one.suffix else one.under(name) for one in only.type.tensors())
        return tuple(one.under(name) for name, declared in self.inputs.items() for one in declared.type.tensors())


def declares(run: F, declarations: Declarations) -> F:
    """Mark a run() that was made for a model: it carries its own declarations, and no decorator is looked for."""
    setattr(run, DECLARED_MARK, declarations)
    return run


class DescribesModel(Protocol):
    """What a run() that takes whole inference requests says of itself: it knows its tensors, and no decorator does."""

    def metadata(self) -> ModelMetadata:
        """Its inputs and outputs, its platform and parameters, as they are now; the host knows name and version."""

    def plain_inputs(self) -> PlainInputs:
        """Its inputs for who sends plain values: those of the metadata, or else those that its code names."""


def takes_mini_batch(signature: RunSignature) -> bool:
    """Whether it is the run() of a batch script, by the name that Azure ML gives to what it takes."""
    return signature.takes is Takes.TEXT and signature.parameters[0].name == MINI_BATCH


def undeclared(run: Callable[..., Any]) -> Declarations:
    """The declarations of a run() without any decorators."""
    return Declarations(run, {}, False)


def _nothing_said(names: Sequence[str]) -> None:
    """Unknown keys are nobody's concern."""


@dataclass(frozen=True, slots=True)
class RunSignature:
    """How to call a run(): its kind, its parameters in order, whether it wants the headers."""

    takes: Takes
    parameters: tuple[Parameter, ...]
    wants_headers: bool
    is_async: bool
    buffers: Mapping[str, ReadsBuffer] = field(default_factory=dict)
    """The parameters whose types can take a flat buffer of numbers."""
    unknown_keys: Callable[[Sequence[str]], None] = _nothing_said
    """Told of the keys of a body that are no parameters; what it raises is the answer."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other names that a body may give a parameter by."""
    reads: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    """Makes the arguments of a body's members; see `Declarations`."""
    restated: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] | None = None
    """Puts a body that lacks a parameter into the parameters' own names; answers None if it cannot."""
    chooses_outputs: str | None = None
    """The parameter that is told which outputs are wanted; no other one without a type is an input, then."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters that a request may give."""
        return tuple(parameter.name for parameter in self.parameters)

    @classmethod
    def read(cls, run: Callable[..., Any], declarations: Declarations) -> RunSignature:
        """Read the signature of a run().

        Raises:
            ValueError: if no request could ever be turned into a call of it; the text says why.
        """
        takes = _kind(run, declarations)
        if declarations.parameters is not None:
            wanted = declarations.parameters
            return cls(
                takes,
                wanted,
                False,
                False,
                _buffers(wanted),
                aliases=declarations.aliases,
                reads=declarations.reads,
                restated=declarations.restated,
                chooses_outputs=declarations.chooses_outputs,
            )
        found = inspect.signature(run).parameters.values()
        allowed = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        if any(parameter.kind not in allowed for parameter in found):
            raise ValueError("run() cannot take positional-only arguments, *args or **kwargs")
        parameters = tuple(
            Parameter(one.name, one.default, declarations.inputs.get(one.name))
            for one in found
            if one.name != HEADERS_NAME
        )
        _check(takes, parameters, declarations)
        innermost = inspect.unwrap(run)
        is_async = any(map(_is_async, (innermost, getattr(type(innermost), "__call__", None))))  # noqa: B004
        return cls(takes, parameters, len(parameters) != len(found), is_async, _buffers(parameters))


def _kind(run: Callable[..., Any], declarations: Declarations) -> Takes:
    raw = marked(run, RAW_MARK)
    if raw and declarations.decorated:
        raise ValueError("run() cannot be decorated with both @rawhttp and @input_schema")
    if raw:
        return Takes.RAW
    if declarations.model is not None:
        return Takes.REQUEST
    return Takes.NAMED if declarations.decorated else Takes.TEXT


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _buffers(parameters: tuple[Parameter, ...]) -> dict[str, ReadsBuffer]:
    types = {one.name: one.declared.type for one in parameters if one.declared is not None}
    return {name: kind for name, kind in types.items() if isinstance(kind, ReadsBuffer) and kind.buffer_kind}


def marked(run: Callable[..., Any], mark: str) -> bool:
    """Whether run(), or a function that decorators are around, carries a mark."""
    return any(getattr(layer, mark, False) for layer in _layers(run))


def _layers(run: Callable[..., Any]) -> list[Callable[..., Any]]:
    layers = [run]
    while (inner := getattr(layers[-1], "__wrapped__", None)) is not None and len(layers) < 100:
        layers.append(inner)
    return layers


def _check(takes: Takes, parameters: tuple[Parameter, ...], declarations: Declarations) -> None:
    if not parameters:
        raise ValueError("run() needs an argument for the input, other than request_headers")
    missing = sorted(set(declarations.inputs) - {parameter.name for parameter in parameters})
    if missing:
        raise ValueError(f"@input_schema names {', '.join(missing)}, which run() does not take as an argument")
    if takes is not Takes.NAMED:
        extra = [parameter.name for parameter in parameters[1:] if parameter.default is REQUIRED]
        if MINI_BATCH_CONTEXT in extra:
            raise ValueError("it is the run() of a batch script, which `scoringhost batch` calls and a request cannot")
        if extra:
            raise ValueError(
                f"run() has no @input_schema, so a request can fill only its first argument; "
                f"give {', '.join(extra)} a default or declare it (annotations count under @scoringhost.typed)"
            )
