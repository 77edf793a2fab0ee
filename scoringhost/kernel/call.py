"""Call and Scored: what goes into an entry script and what comes out of it."""

from __future__ import annotations

import types
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import Context, ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from scoringhost.errors import ScoringHostError
from scoringhost.kernel.deadline import Deadline
from scoringhost.kernel.observer import Stages
from scoringhost.script.signature import RunSignature

T = TypeVar("T")

request_id: ContextVar[str] = ContextVar("scoringhost_request_id", default="")
"""The id of the request that the current code works for; empty outside of requests."""


@dataclass(frozen=True, slots=True)
class RawRequest:
    """The transport's request, for a run() under @rawhttp; `make` builds what run() is handed."""

    make: Callable[[], object]


class Arguments:
    """A payload that makes the arguments of run() itself, as tensors do. A base class: `bind` asks for it by type."""

    __slots__ = ()

    @property
    def may_join(self) -> bool:
        """Whether the call may be joined with others to a batch."""
        return True

    def arguments(self, signature: RunSignature) -> dict[str, Any]:
        """The keyword arguments, request_headers excepted; each call of run() asks once, where bodies are decoded.

        Raises:
            CallError: if what came is not what run() takes.
        """
        raise NotImplementedError


Around = Callable[[], AbstractContextManager[object]]
"""Makes a context in which a part of a call's work is to be done."""


def within(around: Around | None, work: Callable[[], T]) -> Callable[[], T]:
    """The work done in a context, if there is one."""
    if around is None:
        return work

    def work_around() -> T:
        with around():
            return work()

    return work_around


def _no_headers() -> dict[str, str]:
    return {}


def never() -> bool:
    """The answer of a caller that cannot be seen to go: it is there."""
    return False


def no_answer(error: BaseException) -> ScoringHostError | None:
    """What an exception of run() stands for where none stands for an answer: a failure."""
    return None


def generated(output: object) -> object | None:
    """The output itself if it streams: an async generator, or what a function with `yield` gives.

    A generator expression is not a stream: where azmlinfsrv's scripts return one, a list(...)
    around it was forgotten, and the error says so.
    """
    if isinstance(output, types.AsyncGeneratorType):
        return output
    if isinstance(output, types.GeneratorType) and output.gi_code.co_name != "<genexpr>":
        return output
    return None


NEVER_STREAMED = frozenset({list, dict, str, float, int, bool, type(None)})
"""Types of outputs that need not be asked whether they stream."""

LATER = object()
"""In place of an encoded result: it is so large that it has to be encoded beside the event loop."""


class Encoder(Protocol):
    """Makes of an output what is sent. A result is encoded before the next run() may change it."""

    def at_once(self, output: object) -> object | None:
        """The result encoded, LATER, or None if it is nothing to encode."""

    def beside(self, output: object) -> object:
        """A large result encoded, on any thread, without keeping the interpreter lock for long."""


class AsItIs:
    """Encodes nothing: whoever calls wants the output itself."""

    def at_once(self, output: object) -> object | None:
        """Nothing."""
        return None

    def beside(self, output: object) -> object:
        """Never asked for."""
        return output


_AS_IT_IS = AsItIs()


@dataclass(slots=True)
class Call:
    """One request to score, free of any protocol.

    payload: the body as it came (text or JSON), values by parameter name, the raw request, or what makes arguments.
    headers: asked for only if run() takes `request_headers`.
    abandoned: whether the caller has gone; asked just before run() would start, and while it waits.
    around: makes the context that run(), and each step of a stream, is executed in, if there is one.
    stream_of: what of the output is to be sent piece by piece, or None.
    size: of the body, in bytes; larger calls are expected to take longer.
    deliberate: the answer that an exception of run() stands for, or None if it is a failure.
    context: the one that `Service.begin` is called in, if nobody enters it afterwards: the steps of
    a stream are made in it. What is left of the call must then be awaited in a copy.
    encoder: makes of the output what is sent.
    stages: hears what happens to the call, if anybody watches; began_s: since when, of `time.perf_counter`.
    deadline: until when the caller waits for its answer, if it has said so.
    """

    payload: bytes | Mapping[str, object] | RawRequest | Arguments
    headers: Callable[[], dict[str, str]] = _no_headers
    abandoned: Callable[[], bool] = never
    around: Around | None = None
    stream_of: Callable[[object], object | None] = generated
    deliberate: Callable[[BaseException], ScoringHostError | None] = no_answer
    size: int = 0
    context: Context | None = None
    encoder: Encoder = _AS_IT_IS
    stages: Stages | None = None
    began_s: float = 0.0
    deadline: Deadline | None = None


@dataclass(slots=True)
class Scored:
    """What run() answered. `run_ms` is the time inside run(); `items` are the pieces of a stream.

    encoded: what the call's encoder has made of the output, if it was one to encode.
    """

    output: object
    run_ms: float
    items: AsyncIterator[object] | None = None
    encoded: Any = None
