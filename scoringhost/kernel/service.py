"""Service: one entry script from load to close, and the scoring of calls."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from scoringhost.errors import (
    CallError,
    NotReady,
    RunFailed,
    ScoringHostError,
    ScriptUnservable,
)
from scoringhost.kernel.admission import Admission, require_time
from scoringhost.kernel.batching import Batcher
from scoringhost.kernel.call import LATER, NEVER_STREAMED, Call, Scored, within
from scoringhost.kernel.failing import Failures
from scoringhost.kernel.helper_thread import HelperThread
from scoringhost.kernel.invoking import Invocation
from scoringhost.kernel.joining_calls import ByRows
from scoringhost.kernel.joining_requests import ByRequest
from scoringhost.kernel.limits import USUAL, Limits
from scoringhost.kernel.loop_runner import LoopRunner
from scoringhost.kernel.observer import Observer, Silence
from scoringhost.kernel.runner import Runner, Turn
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.kernel.streaming import Stream, steps_of
from scoringhost.kernel.thread_runner import Mover, ThreadRunner
from scoringhost.kernel.unknown_keys import UnknownKeys
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import Declarations, RunSignature, Takes, undeclared
from scoringhost.script.tracebacks import user_traceback

LARGE_BODY = 65_536
"""Bytes above which a body is not decoded on the event loop, where batches would have it: some 0.5 ms."""


class State(Enum):
    """The life of a service, in this order."""

    LOADED = "loaded"
    READY = "ready"
    DRAINING = "draining"
    CLOSED = "closed"


class Service:
    """One entry script under a name and a version."""

    def __init__(
        self,
        script: EntryScript,
        name: str = "default",
        version: str = "1",
        *,
        declarations: Callable[[Callable[..., Any]], Declarations] = undeclared,
        limits: Limits = USUAL,
        observer: Observer | None = None,
    ) -> None:
        """Read what run() takes.

        Raises:
            ScriptUnservable: if no request could ever be turned into a call of run().
        """
        self.name, self.version, self.script = name, version, script
        self.limits = limits
        self.observer: Observer = observer or Silence()
        self.state = State.LOADED
        self.explaining_takes: Takes | None = None
        """What explain() is given; None if there is none to be served."""
        self.refusal = ""
        """Why the script takes no calls though it has been loaded and opened; empty if it does."""
        try:
            self.declarations = declarations(script.run)
            signature = RunSignature.read(script.run, self.declarations)
        except (ValueError, TypeError) as problem:
            raise ScriptUnservable(str(script.path), str(problem)) from problem
        self.signature = replace(signature, unknown_keys=self._unknown_keys(signature.names))
        self._invocation = Invocation(self.signature, self.declarations.call)
        self._invoke = self._invocation.invoke
        self._explaining = self._explaining_of(script, declarations)
        self._failures = Failures(name, self.observer, limits.run_s)
        self._runner: Runner | None = None
        self._thread_runner: ThreadRunner | None = None
        self._admission: Admission | None = None
        self._batcher: Batcher | None = None
        self._helper = HelperThread()

    def _explaining_of(
        self, script: EntryScript, declarations: Callable[[Callable[..., Any]], Declarations]
    ) -> Invocation | None:
        """What calls explain(); None if there is none that can be called where run() is. That is no reason to fail."""
        if script.explain is None:
            return None
        try:
            declared = declarations(script.explain)
            names = list(inspect.signature(script.explain).parameters)
            if not declared.decorated and names and set(names) <= self.declarations.inputs.keys():
                # Without decorators of its own it takes what run() takes by the same names.
                declared = Declarations(script.explain, {name: self.declarations.inputs[name] for name in names}, True)
            signature = RunSignature.read(script.explain, declared)
        except (ValueError, TypeError) as problem:
            self.observer.noticed(self.name, f"explain() is not served: {problem}")
            return None
        if signature.is_async != self.signature.is_async or signature.takes is Takes.RAW:
            why = "it has to be async if run() is, and not otherwise, and cannot be a @rawhttp"
            self.observer.noticed(self.name, f"explain() is not served: {why}")
            return None
        self.explaining_takes = signature.takes
        return Invocation(signature, declared.call)

    def _unknown_keys(self, known: Sequence[str]) -> Callable[[Sequence[str]], None]:
        """What bears with keys of bodies that run() does not take."""
        refuses = self.limits.refuses_unknown_keys
        if refuses is None:
            refuses = self.declarations.strict
        return UnknownKeys(known, refuses=refuses, notice=partial(self.observer.noticed, self.name)).met

    # -- life -----------------------------------------------------------------------------------

    def init(self, model_dir: Path | None = None) -> None:
        """Call init(); to be called on the thread that will score.

        Raises:
            InitFailed: if it raises, SystemExit included; lists the model folder.
        """
        self.script.start(model_dir)

    def open(self, threads: list[ScoringThread], when_stuck: Callable[[], None], mover: Mover | None = None) -> None:
        """Take calls from now on; to be called on the event loop that will score.

        `when_stuck` is called if a run() goes on long after its deadline and cannot be stopped;
        `mover` moves the event loop to the scoring thread and away from it.
        """
        self._admission = self.limits.admission(None if self.signature.is_async else len(threads))
        if self.signature.is_async:
            self._runner = LoopRunner(self._admission, self.limits.run_s)
        else:
            self._thread_runner = ThreadRunner(threads, self._admission, self.limits.run_s, when_stuck, mover)
            self._runner = self._thread_runner
        self._batcher = self._make_batcher()
        self.refusal = self.script.refusal()
        if self.refusal:
            self.observer.noticed(self.name, f"the service is not ready: {self.refusal}")
        else:
            self._enter(State.READY)

    def _make_batcher(self) -> Batcher | None:
        policy, signature = self.limits.batch, self.signature
        if policy is None or policy.max_rows < 2:
            return None
        if signature.takes is Takes.REQUEST:
            notice = partial(self.observer.noticed, self.name)
            return Batcher(policy, self._execute, self.limits.batch_room(), notice, self._encoded, ByRequest())
        if signature.takes is not Takes.NAMED or signature.wants_headers or signature.is_async:
            why = "batching needs a plain run() with declared parameters and without request_headers; it is off"
            self.observer.noticed(self.name, why)
            return None
        if self.script.uses_request_of_flask:  # which shows it one request, where a batch has several
            self.observer.noticed(self.name, "batching needs a run() that does not use flask.request or g; it is off")
            return None
        notice = partial(self.observer.noticed, self.name)
        joining = ByRows(self.declarations.row_lists)
        return Batcher(policy, self._execute, self.limits.batch_room(), notice, self._encoded, joining)

    @property
    def busy(self) -> bool:
        """Whether a call that came now would have to wait."""
        return self._admission is not None and self._admission.full

    def drain(self) -> None:
        """Finish what was taken in; readiness says no from now on."""
        if self.state is State.READY:
            self._enter(State.DRAINING)

    def refuse_waiting(self, why: str) -> None:
        """Let no call start any more; those that wait are refused."""
        if self._admission is not None:
            self._admission.close(why)

    def shutdown(self) -> None:
        """Call the script's shutdown(), if it has one; to be called on the thread that scored."""
        self._enter(State.CLOSED)
        if self.script.shutdown is None:
            return
        try:
            self.script.shutdown()
        except BaseException as error:
            failure = RunFailed("shutdown")
            failure.__cause__ = error
            self.observer.run_failed(self.name, failure, user_traceback(error))

    def _enter(self, state: State) -> None:
        self.state = state
        self.observer.state_changed(self.name, state.value)

    # -- scoring --------------------------------------------------------------------------------

    async def score(self, call: Call) -> Scored:
        """Score one call: wait for a turn, bind, run.

        Raises:
            CallError: the caller's fault; run() was not entered.
            RunError: run() raised, or took longer than it may.
            Unavailable: not ready, or too many calls wait.
        """
        scored = self.begin(call)
        return scored if isinstance(scored, Scored) else await scored

    def begin(self, call: Call) -> Scored | Coroutine[Any, Any, Scored]:
        """Score a call on the spot, or begin it: the rest is to be awaited then. Raises as `score` does."""
        if self._runner is None or (self.state is not State.READY and self.state is not State.DRAINING):
            raise NotReady(self.refusal or f"The service {self.name!r} is {self.state.value}")
        if self._batcher is not None and not self._batcher.has_ended and getattr(call.payload, "may_join", True):
            if call.size > LARGE_BODY:
                return self._bind_beside(self._batcher, call)
            return self._batcher.score(call, self._bind(call))
        runner = self._thread_runner
        # Whose caller has a deadline has a turn, which knows how to keep it.
        thread = None if runner is None or call.deadline is not None else runner.thread_here(call.size)
        if runner is None or thread is None:
            return self._in_turn(self._runner, call)
        try:
            output, run_ms = runner.do_here(thread, partial(self._invoke, call), call.size)
        except BaseException as error:
            raise self._failures.translated(error, None, call)  # noqa: B904 - it has its cause
        source = None if type(output) in NEVER_STREAMED else call.stream_of(output)
        if source is None:
            watched = call.stages is not None
            encoded = _encode_at_once(call, output) if watched else call.encoder.at_once(output)
            if encoded is not LATER:
                return Scored(output, run_ms, None, encoded)
            return self._encode_in_turn(call, runner.turn_here(thread, 0.0, call.context), output, run_ms)
        return self._stream(call, runner.turn_here(thread, run_ms / 1000, call.context), source, output, run_ms)

    async def explain(self, call: Call) -> Scored:
        """Have a call explained, on the thread and with the turns that calls of run() have. Raises as `score` does."""
        if self._runner is None or (self.state is not State.READY and self.state is not State.DRAINING):
            raise NotReady(self.refusal or f"The service {self.name!r} is {self.state.value}")
        assert self._explaining is not None, "explaining_takes says so"
        return await self._in_turn(self._runner, call, self._explaining.invoke)

    async def _in_turn(self, runner: Runner, call: Call, invoke: Callable[[Call], Any] | None = None) -> Scored:
        """Wait for a turn and score, or do something else with the call."""
        if call.stages is not None:
            call.stages.waits()
        turn = await runner.turn(call.deadline, call.abandoned)
        try:
            require_time(call.deadline)
            doing = turn.do(partial(invoke or self._invoke, call), call.size)
            output, run_ms = await self._guarded(doing, turn, call)
        except BaseException:
            turn.end()
            raise
        source = None if type(output) in NEVER_STREAMED else call.stream_of(output)
        if source is not None:
            return await self._stream(call, turn, source, output, run_ms)
        return await self._encode_in_turn(call, turn, output, run_ms)

    async def _encode_in_turn(self, call: Call, turn: Turn, output: object, run_ms: float) -> Scored:
        """Encode the result before the turn is over: the next run() may well write into the same array."""
        try:
            return Scored(output, run_ms, None, await self._encoded(call, output))
        finally:
            turn.end()

    async def _encoded(self, call: Call, output: object) -> object | None:
        """Encode a result, here if that is quickly done."""
        encoded = _encode_at_once(call, output)
        if encoded is not LATER:
            return encoded
        started_s = time.perf_counter()
        encoded = await self._helper.do(partial(call.encoder.beside, output))
        if call.stages is not None:
            call.stages.encoded(time.perf_counter() - started_s)
        return encoded

    async def _stream(self, call: Call, turn: Turn, source: object, output: object, run_ms: float) -> Scored:
        """Make the first step of a result that streams."""
        steps = steps_of(source, on_loop=self.signature.is_async, around=call.around)
        stages, spent_s, is_answered = call.stages, run_ms / 1000, False

        async def take() -> Any:
            nonlocal spent_s
            started_s = time.perf_counter()
            try:
                return await self._guarded(turn.next(steps.next), turn, call)
            except ScoringHostError as error:
                if stages is not None and is_answered:  # until then, whoever answers tells them
                    stages.failed(error)
                raise
            finally:
                spent_s += time.perf_counter() - started_s

        def ended() -> None:
            if stages is not None:
                stages.ran(spent_s, 1, 0)

        try:
            first = await take()
            is_answered = True
            return Scored(output, run_ms, Stream(turn, steps, take, first, ended))
        except BaseException:
            turn.end()
            raise

    def _bind(self, call: Call) -> dict[str, Any]:
        try:
            return self._invocation.bind(call)
        except CallError as error:
            self.observer.call_refused(self.name, error)
            raise

    async def _bind_beside(self, batcher: Batcher, call: Call) -> Scored:
        return await batcher.score(call, await self._helper.do(partial(self._bind, call)))

    async def _execute(self, call: Call, arguments: dict[str, Any]) -> tuple[object, float]:
        """Run with bound arguments, for batches."""
        assert self._runner is not None
        turn = await self._runner.turn()
        try:
            run = self._invocation.await_bound if self.signature.is_async else self._invocation.run_bound
            doing = turn.do(within(call.around, partial(run, arguments)), call.size)
            answer: tuple[object, float] = await self._guarded(doing, turn, call)
            return answer
        finally:
            turn.end()

    async def _guarded(self, doing: Awaitable[Any], turn: Turn, call: Call) -> Any:
        """Await some of the script's work; what it raises becomes one of our errors and is observed."""
        try:
            return await doing
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            raise self._failures.translated(error, turn, call)  # noqa: B904 - it has its cause


def _encode_at_once(call: Call, output: object) -> object | None:
    if call.stages is None:
        return call.encoder.at_once(output)
    stages, started_s = call.stages, time.perf_counter()
    encoded = call.encoder.at_once(output)
    if encoded is not None and encoded is not LATER:
        spent_s = time.perf_counter() - started_s
        if stages.is_plain:
            stages.encode_s = spent_s  # type: ignore[attr-defined]
        else:
            stages.encoded(spent_s)
    return encoded
