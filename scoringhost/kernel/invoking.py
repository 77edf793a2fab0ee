"""One call of run(): its arguments bound, its time measured, its stages told."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from scoringhost.errors import IncompleteBody
from scoringhost.kernel.binding import bind
from scoringhost.kernel.call import NEVER_STREAMED, Call
from scoringhost.kernel.observer import Stages
from scoringhost.kernel.stage_times import StageTimes
from scoringhost.script.signature import RunSignature


class Invocation:
    """Calls the run() of one script. All but `bind` is for the thread that scores."""

    def __init__(self, signature: RunSignature, run: Callable[..., Any]) -> None:
        self._signature, self._run = signature, run

    def invoke(self, call: Call) -> Any:
        """Bind and run a call: (output, milliseconds in run()). For an async run(): its coroutine.

        Raises:
            IncompleteBody: if the caller has gone; run() was not entered.
            CallError: if the body does not fit; neither.
        """
        if call.abandoned():
            raise IncompleteBody
        if self._signature.is_async:
            return self._invoke_async(call)
        if call.stages is not None:
            return self._invoke_watched(call, call.stages)
        if call.around is None:
            return self.run_bound(bind(self._signature, call))
        with call.around():
            return self.run_bound(bind(self._signature, call))

    def _invoke_watched(self, call: Call, stages: Stages) -> tuple[object, float]:
        began_s = time.perf_counter()
        if not stages.is_plain or call.around is not None:
            stages.waited(began_s - call.began_s)
            with call.around() if call.around is not None else nullcontext():
                output, run_ms = self.run_bound(self.bind(call))
            if type(output) in NEVER_STREAMED or call.stream_of(output) is None:
                stages.ran(run_ms / 1000, 1, 0)
            return output, run_ms
        times: StageTimes = stages  # type: ignore[assignment]
        times.wait_s = began_s - call.began_s
        arguments = bind(self._signature, call)
        started_s = time.perf_counter()
        times.decode_s = started_s - began_s
        try:  # as `run_bound` does, without the call: most of what is watched comes this way
            output = self._run(**arguments)
        finally:
            if getattr(sys.stdout, "unfinished", True):
                sys.stdout.flush()
        spent_s = time.perf_counter() - started_s
        if type(output) in NEVER_STREAMED or call.stream_of(output) is None:
            times.run_s = spent_s
        return output, spent_s * 1000

    async def _invoke_async(self, call: Call) -> tuple[object, float]:
        if call.stages is not None:
            call.stages.waited(time.perf_counter() - call.began_s)
        with call.around() if call.around is not None else nullcontext():
            arguments = self.bind(call)
            started_s = time.perf_counter()
            output = self._run(**arguments)
            if hasattr(output, "__await__"):
                output = await output
            spent_s = time.perf_counter() - started_s
            if call.stages is not None and call.stream_of(output) is None:
                call.stages.ran(spent_s, 1, 0)
            return output, spent_s * 1000

    def bind(self, call: Call) -> dict[str, Any]:
        """The arguments of a call; see `binding.bind`. Tells the stages what it took."""
        if call.stages is None:
            return bind(self._signature, call)
        started_s = time.perf_counter()
        arguments = bind(self._signature, call)
        call.stages.decoded(time.perf_counter() - started_s)
        return arguments

    def run_bound(self, arguments: dict[str, Any]) -> tuple[object, float]:
        """Run with bound arguments: (output, milliseconds)."""
        started_s = time.perf_counter()
        try:
            output = self._run(**arguments)
        finally:
            if getattr(sys.stdout, "unfinished", True):  # a set of threads, if it is ours
                sys.stdout.flush()  # a line printed without its newline belongs to this call's log
        return output, (time.perf_counter() - started_s) * 1000

    async def await_bound(self, arguments: dict[str, Any]) -> tuple[object, float]:
        """Await an async run() with bound arguments: (output, milliseconds)."""
        started_s = time.perf_counter()
        output = self._run(**arguments)
        if hasattr(output, "__await__"):
            output = await output
        return output, (time.perf_counter() - started_s) * 1000
