"""Service: one entry script from load to close."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from scoringhost.doors.server.moving_loop import MovingLoop
from scoringhost.errors import (
    CallerTimedOut,
    DeadlineExceeded,
    IncompleteBody,
    InitFailed,
    MissingParameter,
    NotReady,
    Overloaded,
    RunFailed,
    ScriptRefused,
    ScriptUnservable,
    UndecodableBody,
)
from scoringhost.kernel.batch_policy import BatchPolicy
from scoringhost.kernel.call import Call, Scored
from scoringhost.kernel.deadline import Deadline
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.kernel.service import Service, State
from scoringhost.script.loading import EntryScript

Serve = Callable[..., Any]

START_S = 20.0
BLOCKED = """
import threading
import time
begun, go_on, seen = threading.Event(), threading.Event(), []
def run(data):
    seen.append(data)
    begun.set()
    go_on.wait(20)
    return data
"""
NAMED = """
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

entered = []

@input_schema("a", StandardPythonParameterType(1))
def run(a):
    entered.append(a)
    return a
"""


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


# -- life -----------------------------------------------------------------------------------------


def test_a_script_whose_run_cannot_be_called_is_unservable(load: Callable[..., EntryScript]) -> None:
    with pytest.raises(ScriptUnservable, match=r"score\.py: run\(\) needs an argument"):
        Service(load("def run(): pass"))


def test_a_service_goes_through_its_states_in_their_order(serving: Serve) -> None:
    served = serving("def run(data): pass")
    assert served.service.state is State.LOADED

    async def scenario(service: Service) -> None:
        service.drain()
        service.shutdown()

    served.do(scenario)
    assert served.seen.states == ["ready", "draining", "closed"]


def test_a_service_that_is_not_ready_cannot_be_drained(serving: Serve) -> None:
    served = serving("def run(data): pass")
    served.service.drain()
    assert served.service.state is State.LOADED


def test_a_service_that_was_not_opened_refuses_calls(serving: Serve) -> None:
    with pytest.raises(NotReady, match="'default' is loaded"):
        asyncio.run(serving("def run(data): pass").service.score(Call(b"")))


def test_a_draining_service_takes_calls_still_and_a_closed_one_does_not(serving: Serve) -> None:
    async def scenario(service: Service) -> object:
        service.drain()
        output = (await service.score(Call(b"x"))).output
        service.shutdown()
        with pytest.raises(NotReady, match="closed"):
            await service.score(Call(b"x"))
        return output

    assert serving("def run(data): return data").do(scenario) == "x"


def test_init_is_called_once(serving: Serve) -> None:
    served = serving("calls = []\ndef init(): calls.append(1)\ndef run(data): pass")
    served.service.init()
    assert served.module.calls == [1]


@pytest.mark.parametrize("raised", ["ValueError('no model')", "SystemExit(3)"])
def test_an_init_that_raises_is_told_with_the_users_frames_and_the_model_folder(
    serving: Serve, tmp_path: Path, raised: str
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").touch()
    service = serving(f"def init(): raise {raised}\ndef run(data): pass").service
    with pytest.raises(InitFailed, match=r"init\(\) of .*score\.py raised") as caught:
        service.init(tmp_path / "model")
    assert caught.value.listing == ("model/", "    weights.bin")
    assert "in init" in caught.value.traceback
    assert "service.py" not in caught.value.traceback


def test_a_keyboard_interrupt_in_init_is_the_operators(serving: Serve) -> None:
    with pytest.raises(KeyboardInterrupt):
        serving("def init(): raise KeyboardInterrupt\ndef run(data): pass").service.init()


def test_shutdown_of_the_script_is_called(serving: Serve) -> None:
    served = serving("calls = []\ndef run(data): pass\ndef shutdown(): calls.append(1)")
    served.service.shutdown()
    assert served.module.calls == [1]


def test_a_shutdown_that_raises_is_logged_only(serving: Serve) -> None:
    served = serving("def run(data): pass\ndef shutdown(): raise SystemExit(1)")
    served.service.shutdown()
    [(error, traceback)] = served.seen.failed
    assert isinstance(error, RunFailed)
    assert "in shutdown" in traceback


# -- results --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "output", ["None", "b'\\x00'", "bytearray(b'x')", "'text'", "[1]", "{'a': 1}", "object", "(1, 2)", "range(3)"]
)
def test_a_result_is_handed_over_untouched(serving: Serve, output: str) -> None:
    served = serving(f"value = {output}\ndef run(data): return value")
    scored = served.score(b"")
    assert scored.output is served.module.value
    assert scored.items is None


def test_the_time_in_run_is_told(serving: Serve) -> None:
    assert 0 < serving("def run(data): return sum(range(1000))").score().run_ms < START_S * 1000


def test_run_is_executed_on_the_scoring_thread(serving: Serve) -> None:
    served = serving("import threading\ndef run(data): return threading.current_thread().name")
    assert served.score().output == "scoring-0"


def test_explain_is_executed_on_the_scoring_thread_with_what_run_takes(serving: Serve) -> None:
    served = serving(f"import threading\n{NAMED}\ndef explain(a): return [a, entered, threading.current_thread().name]")
    explained = served.do(lambda service: service.explain(Call(b'{"a": 3}')))
    assert explained.output == [3, [], "scoring-0"]


@pytest.mark.parametrize(
    "code",
    [
        "explain = 3",
        "def explain(): return 1",
        "def explain(*rows): return 1",
        "async def explain(data): return 1",
    ],
)
def test_an_explain_that_cannot_be_called_as_run_is_is_none(serving: Serve, code: str) -> None:
    served = serving(f"def run(data): return data\n{code}")
    assert served.service.explaining_takes is None
    assert served.score().output is not None


def test_run_is_executed_inside_the_context_of_the_call(serving: Serve) -> None:
    events: list[str] = []

    @contextmanager
    def around() -> Iterator[None]:
        events.append("in")
        yield
        events.append("out")

    served = serving("def run(data): note('run')")
    served.module.note = events.append
    served.score(around=around)
    assert events == ["in", "run", "out"]


def test_run_sees_the_context_variables_of_the_request(serving: Serve) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    served = serving("def run(data): return variable.get()")
    served.module.variable = variable

    async def scenario(service: Service) -> object:
        variable.set("mine")
        return (await service.score(Call(b""))).output

    assert served.do(scenario) == "mine"


# -- who is at fault ------------------------------------------------------------------------------


def test_a_call_that_does_not_fit_never_enters_run(serving: Serve) -> None:
    served = serving(NAMED)
    with pytest.raises(MissingParameter):
        served.score(b"{}")
    assert served.module.entered == []
    assert [type(error) for error in served.seen.refused] == [MissingParameter]
    assert served.seen.failed == []


def test_a_call_whose_caller_has_gone_never_enters_run(serving: Serve) -> None:
    served = serving("entered = []\ndef run(data): entered.append(data)")
    with pytest.raises(IncompleteBody):
        served.score(b"", abandoned=lambda: True)
    assert served.module.entered == []


def test_a_caller_that_goes_while_it_waits_never_enters_run(serving: Serve) -> None:
    served, gone = serving(BLOCKED), threading.Event()

    async def scenario(service: Service) -> None:
        first = asyncio.create_task(service.score(Call(b"first")))
        assert await asyncio.to_thread(served.module.begun.wait, START_S)
        second = asyncio.create_task(service.score(Call(b"second", abandoned=gone.is_set)))
        await settled()
        gone.set()
        served.module.go_on.set()
        await first
        with pytest.raises(IncompleteBody):
            await second

    served.do(scenario)
    assert served.module.seen == ["first"]


def test_after_a_refused_call_the_next_is_served(serving: Serve) -> None:
    served = serving("def run(data): return data")

    async def scenario(service: Service) -> object:
        with pytest.raises(UndecodableBody):
            await service.score(Call(b"\xff"))
        return (await service.score(Call(b"next"))).output

    assert served.do(scenario) == "next"


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    "raised", ["ValueError('mine')", "SystemExit(3)", "KeyboardInterrupt()", "TimeoutError()", "StopIteration()"]
)
def test_whatever_run_raises_is_a_failed_run_with_its_traceback(serving: Serve, kind: str, raised: str) -> None:
    served = serving(f"{kind} run(data):\n    if data == 'x': raise {raised}\n    return data", run_s=START_S)

    async def scenario(service: Service) -> object:
        with pytest.raises(RunFailed):
            await service.score(Call(b"x"))
        return (await service.score(Call(b"next"))).output

    assert served.do(scenario) == "next"
    [(error, traceback)] = served.seen.failed
    assert isinstance(error, RunFailed)
    assert "in run" in traceback
    assert raised.partition("(")[0] in traceback


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_cancellation_that_the_script_itself_raises_is_a_failed_run(serving: Serve, kind: str) -> None:
    # Taken for the caller's own cancellation, it would end the request without any response.
    served = serving(f"import asyncio\n{kind} run(data): raise asyncio.CancelledError")

    async def scenario(service: Service) -> str:
        try:
            await service.score(Call(b""))
        except RunFailed:
            return "a failed run"
        except asyncio.CancelledError:
            return "cancelled"
        return "scored"

    assert served.do(scenario) == "a failed run"


def test_an_exception_that_stands_for_an_answer_is_that_answer(serving: Serve) -> None:
    refused = ScriptRefused("teapot", None)
    served = serving("def run(data): raise LookupError")
    with pytest.raises(ScriptRefused) as caught:
        served.score(deliberate=lambda error: refused if isinstance(error, LookupError) else None)
    assert caught.value is refused
    assert served.seen.failed == []


def test_a_run_that_takes_too_long_is_told_with_the_place_where_it_hangs(serving: Serve) -> None:
    served = serving("def run(data):\n    while True: pass", run_s=0.05)
    with pytest.raises(DeadlineExceeded, match="after 50 ms"):
        served.score()
    [(error, traceback)] = served.seen.failed
    assert isinstance(error, DeadlineExceeded)
    assert "Still running" in traceback
    assert "in run" in traceback


def test_what_is_printed_without_a_newline_is_flushed_with_its_call(
    serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Out:
        unfinished = True
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    out = Out()
    monkeypatch.setattr("sys.stdout", out)
    serving("def run(data): raise ValueError").do(
        lambda service: asyncio.gather(service.score(Call(b"")), return_exceptions=True)
    )
    assert out.flushed == 1


# -- waiting --------------------------------------------------------------------------------------


def test_one_call_more_than_may_wait_is_refused(serving: Serve) -> None:
    served = serving(BLOCKED, max_waiting=1)

    async def scenario(service: Service) -> None:
        calls = [asyncio.create_task(service.score(Call(b"x"))) for _ in range(2)]
        await settled()
        assert service.busy
        with pytest.raises(Overloaded):
            await service.score(Call(b"x"))
        served.module.go_on.set()
        await asyncio.gather(*calls)
        assert not service.busy

    served.do(scenario)


def test_calls_that_wait_can_be_refused_while_the_one_that_runs_ends(serving: Serve) -> None:
    served = serving(BLOCKED)

    async def scenario(service: Service) -> object:
        first = asyncio.create_task(service.score(Call(b"first")))
        second = asyncio.create_task(service.score(Call(b"second")))
        assert await asyncio.to_thread(served.module.begun.wait, START_S)
        await settled()
        service.refuse_waiting("being replaced")
        with pytest.raises(NotReady, match="being replaced"):
            await second
        with pytest.raises(NotReady, match="being replaced"):
            await service.score(Call(b"third"))
        served.module.go_on.set()
        return (await first).output

    assert served.do(scenario) == "first"


def test_waiting_can_be_refused_before_anything_is_open(serving: Serve) -> None:
    serving("def run(data): pass").service.refuse_waiting("never opened")


def test_two_threads_run_two_calls_at_once(serving: Serve) -> None:
    served = serving("def run(data):\n    both.wait(20)\n    return data", count=2)
    served.module.both = threading.Barrier(2)

    async def scenario(service: Service) -> list[object]:
        return [one.output for one in await asyncio.gather(service.score(Call(b"a")), service.score(Call(b"b")))]

    assert served.do(scenario) == ["a", "b"]


def test_many_calls_of_an_async_run_are_under_way_at_once(serving: Serve) -> None:
    served = serving("import asyncio\nhere = asyncio.Barrier(50)\nasync def run(data): await here.wait()")

    async def scenario(service: Service) -> int:
        return len(await asyncio.gather(*(service.score(Call(b"")) for _ in range(50))))

    assert served.do(scenario) == 50


def test_an_async_run_behind_a_plain_decorator_is_awaited(serving: Serve) -> None:
    served = serving(
        """
        import functools
        def logged(run):
            @functools.wraps(run)
            def around(*args, **kwargs): return run(*args, **kwargs)
            return around

        @logged
        async def run(data): return data
        """
    )
    assert served.score(b"x").output == "x"


# -- streams --------------------------------------------------------------------------------------

STREAMS = {
    "plain": "def run(data):\n    try:\n        yield 1\n        yield None\n    finally: closed.append(1)",
    "async": "async def run(data):\n    try:\n        yield 1\n        yield None\n    finally: closed.append(1)",
    "async returned by plain": (
        "async def items():\n    try:\n        yield 1\n        yield None\n    finally: closed.append(1)\n"
        "def run(data): return items()"
    ),
    "plain returned by async": (
        "def items():\n    try:\n        yield 1\n        yield None\n    finally: closed.append(1)\n"
        "async def run(data): return items()"
    ),
}


@pytest.fixture(params=list(STREAMS.values()), ids=list(STREAMS))
def streaming(serving: Serve, request: pytest.FixtureRequest) -> Any:
    return serving("closed = []\n" + request.param)


async def and_the_next(service: Service) -> None:
    """The turn has been given back, and once only: the gate would have more room than before."""
    following = await service.score(Call(b""))
    assert following.items is not None
    assert service._admission is not None
    await following.items.aclose()  # type: ignore[attr-defined]
    assert service._admission._room == (100 if service.signature.is_async else 1)


def test_a_generator_is_a_stream_of_its_items(streaming: Any) -> None:
    async def scenario(service: Service) -> list[object]:
        scored = await service.score(Call(b""))
        items = [item async for item in scored.items]  # type: ignore[union-attr]
        await scored.items.aclose()  # type: ignore[union-attr]
        assert streaming.module.closed == [1]
        await and_the_next(service)
        return items

    assert streaming.do(scenario) == [1, None]


def test_a_stream_that_nobody_reads_is_closed(streaming: Any) -> None:
    async def scenario(service: Service) -> None:
        await (await service.score(Call(b""))).items.aclose()  # type: ignore[union-attr]
        assert streaming.module.closed == [1]
        await and_the_next(service)

    streaming.do(scenario)


def test_a_stream_that_is_left_in_the_middle_is_closed(streaming: Any) -> None:
    async def scenario(service: Service) -> None:
        items: Any = (await service.score(Call(b""))).items
        assert await anext(items) == 1
        await items.aclose()
        assert streaming.module.closed == [1]
        await and_the_next(service)

    streaming.do(scenario)


def test_a_stream_keeps_its_turn_until_it_is_closed(serving: Serve) -> None:
    async def scenario(service: Service) -> None:
        items: Any = (await service.score(Call(b""))).items
        following = asyncio.create_task(service.score(Call(b"")))
        await settled()
        assert not following.done()
        await items.aclose()
        await (await following).items.aclose()  # type: ignore[union-attr]

    serving("def run(data): yield 1").do(scenario)


def test_a_stream_that_fails_at_its_first_item_is_a_failed_run(serving: Serve) -> None:
    served = serving("def run(data):\n    if data == 'x': raise ValueError('at once')\n    yield data")

    async def scenario(service: Service) -> object:
        with pytest.raises(RunFailed):
            await service.score(Call(b"x"))
        items: Any = (await service.score(Call(b"next"))).items
        await items.aclose()
        return items.first

    assert served.do(scenario) == "next"
    assert "at once" in served.seen.failed[0][1]


def test_a_stream_that_fails_in_the_middle_is_observed(serving: Serve) -> None:
    served = serving("def run(data):\n    yield 1\n    raise ValueError('later')")

    async def scenario(service: Service) -> None:
        items: Any = (await service.score(Call(b""))).items
        assert await anext(items) == 1
        with pytest.raises(RunFailed):
            await anext(items)
        await items.aclose()

    served.do(scenario)
    assert "later" in served.seen.failed[0][1]


def test_a_generator_expression_is_not_a_stream(serving: Serve) -> None:
    scored = serving("def run(data): return (x for x in [1, 2])").score()
    assert scored.items is None
    assert list(scored.output) == [1, 2]


@pytest.mark.parametrize("output", ["iter([1])", "map(str, [1])", "zip([1])", "[1]", "{1: 2}", "'text'"])
def test_an_iterator_that_is_no_generator_is_not_a_stream(serving: Serve, output: str) -> None:
    assert serving(f"def run(data): return {output}").score().items is None


def test_what_streams_can_be_decided_by_the_protocol(serving: Serve) -> None:
    served = serving("def run(data): return ('header', iter([1, 2]))")

    async def scenario(service: Service) -> tuple[object, list[object]]:
        scored = await service.score(Call(b"", stream_of=lambda output: output[1]))  # type: ignore[index]
        return scored.output[0], [item async for item in scored.items]  # type: ignore[index, union-attr]

    assert served.do(scenario) == ("header", [1, 2])


# -- on the spot ----------------------------------------------------------------------------------


@pytest.fixture
def on_the_spot(serving: Serve, moving: Callable[..., Any]) -> Callable[..., Any]:
    """Play a scenario on an event loop that has moved to the scoring thread, where calls are short."""

    def on_the_spot(source: str, scenario: Callable[[Service], Any], **limits: Any) -> Any:
        served = serving(source, **limits)

        async def short(thread: ScoringThread, mover: MovingLoop) -> Any:
            served.service.open([thread], lambda: served.stuck.append(True), mover)
            served.service._thread_runner.call_speed.short = True
            mover.come()
            await until(thread.is_here)
            return await scenario(served.service)

        return moving(short), served.seen

    return on_the_spot


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_a_short_call_is_run_where_the_loop_is(on_the_spot: Callable[..., Any]) -> None:
    async def scenario(service: Service) -> bool:
        return (await service.score(Call(b""))).output == threading.get_ident()

    assert on_the_spot("import threading\ndef run(data): return threading.get_ident()", scenario)[0]


@pytest.mark.parametrize(
    ("body", "expected"), [(b"\xff", UndecodableBody), (b"SystemExit", RunFailed), (b"CancelledError", RunFailed)]
)
def test_a_call_on_the_spot_that_fails_gives_its_turn_back(
    on_the_spot: Callable[..., Any], body: bytes, expected: type[Exception]
) -> None:
    source = (
        "from asyncio import CancelledError\ndef run(data):\n    if data != 'ok': raise eval(data)\n    return data"
    )

    async def scenario(service: Service) -> object:
        with pytest.raises(expected):
            await service.score(Call(body))
        return (await service.score(Call(b"ok"))).output

    output, seen = on_the_spot(source, scenario)
    assert output == "ok"
    assert [type(error) for error in seen.refused] + [type(error) for error, _ in seen.failed] == [expected]


def test_a_caller_that_has_gone_never_enters_run_on_the_spot(on_the_spot: Callable[..., Any]) -> None:
    async def scenario(service: Service) -> None:
        with pytest.raises(IncompleteBody):
            await service.score(Call(b"", abandoned=lambda: True))

    on_the_spot("def run(data): raise SystemExit('entered')", scenario)


@pytest.mark.parametrize("source", [STREAMS["plain"], STREAMS["async returned by plain"]])
def test_a_generator_is_a_stream_on_the_spot_too(on_the_spot: Callable[..., Any], source: str) -> None:
    async def scenario(service: Service) -> list[object]:
        items: Any = (await service.score(Call(b""))).items
        found = [item async for item in items]
        await items.aclose()
        await and_the_next(service)
        return found

    assert on_the_spot(f"closed = []\n{source}", scenario)[0] == [1, None]


def test_the_steps_of_a_stream_are_never_made_where_the_loop_is(on_the_spot: Callable[..., Any]) -> None:
    source = (
        "import threading\ndef run(data):\n    if data == 'short': return 0\n    return steps()\n"
        "def steps():\n    for _ in range(50): yield threading.get_ident()"
    )

    async def scenario(service: Service) -> tuple[set[object], set[int]]:
        assert (await service.score(Call(b"short"))).output == 0
        items: Any = (await service.score(Call(b"long"))).items
        steps, loop = set(), set()
        async for item in items:
            steps.add(item)
            loop.add(threading.get_ident())
        await items.aclose()
        return steps, loop

    (steps, loop), _ = on_the_spot(source, scenario)
    assert len(steps) == 1
    assert len(loop) == 1, "the loop moved to and fro between two steps"
    assert steps != loop


def test_enough_short_calls_after_a_stream_bring_the_loop_back(on_the_spot: Callable[..., Any]) -> None:
    source = (
        "import threading\ndef run(data):\n    return steps() if data else threading.get_ident()\ndef steps(): yield 1"
    )

    async def scenario(service: Service) -> None:
        items: Any = (await service.score(Call(b"x"))).items
        assert [item async for item in items] == [1]

        async def back() -> bool:
            return (await service.score(Call(b""))).output == threading.get_ident()

        assert not await back(), "one stream after the other would move the loop each time"
        while not await back():
            pass

    on_the_spot(source, scenario)


def test_the_time_limit_holds_for_all_steps_of_a_stream_together(on_the_spot: Callable[..., Any]) -> None:
    source = "import time\ndef run(data):\n    for _ in range(400):\n        time.sleep(0.01)\n        yield 1"

    async def scenario(service: Service) -> int:
        items: Any = (await service.score(Call(b""))).items
        seen = 0
        try:
            async for _ in items:
                seen += 1
        except DeadlineExceeded:
            return seen
        finally:
            await items.aclose()
        raise AssertionError("it was read to its end")

    seen, _ = on_the_spot(source, scenario, run_s=0.3)
    assert 0 < seen <= 30


# -- the context variables of one stream ------------------------------------------------------------

IN_ONE_CONTEXT = """
from contextvars import ContextVar
seen, place = [], ContextVar("place", default=None)

{kind} run(data):
    if data == "short": return 0
    token = place.set("run")
    return {steps}(token)

{steps_kind} {steps}(token):
    seen.append(place.get())
    inner = place.set("step")
    try:
        yield [1]  # what may change is taken before the next step is made
        seen.append(place.get())
        yield 2
    finally:
        seen.append(place.get())
        place.reset(inner)
        {reset}
        seen.append(place.get())
"""
CONTEXTS = [
    ("def", "def", "place.reset(token)", [None]),
    ("def", "async def", "pass", ["run"]),
    ("async def", "def", "place.reset(token)", [None]),
    ("async def", "async def", "place.reset(token)", [None]),
]


def in_one_context(kind: str, steps_kind: str, reset: str) -> str:
    return IN_ONE_CONTEXT.format(kind=kind, steps_kind=steps_kind, reset=reset, steps="steps")


async def read_to(service: Service, count: int) -> None:
    own = contextvars.copy_context()
    items: Any = await asyncio.create_task(score_in(service, own), context=own.copy())
    for _ in range(count):
        await anext(items, None)
    await items.aclose()


async def score_in(service: Service, own: contextvars.Context) -> Any:
    begun = own.run(service.begin, Call(b"x", context=own))
    return (begun if isinstance(begun, Scored) else await begun).items


@pytest.mark.parametrize(("kind", "steps_kind", "reset", "last"), CONTEXTS)
@pytest.mark.parametrize(("count", "steps"), [(1, ["run", "step"]), (3, ["run", "step", "step"])])
def test_all_steps_of_a_stream_are_in_the_context_that_run_had(
    serving: Serve, kind: str, steps_kind: str, reset: str, last: list[object], count: int, steps: list[object]
) -> None:
    served = serving(in_one_context(kind, steps_kind, reset))
    served.do(lambda service: read_to(service, count))
    assert served.module.seen == [*steps, *last]


@pytest.mark.parametrize(("kind", "steps_kind", "reset", "last"), CONTEXTS[:2])
def test_a_stream_of_a_run_on_the_spot_keeps_its_context_too(
    on_the_spot: Callable[..., Any], kind: str, steps_kind: str, reset: str, last: list[object]
) -> None:
    async def scenario(service: Service) -> list[object]:
        await service.score(Call(b"short"))
        await read_to(service, 3)
        return list(service.script.module.seen)

    assert on_the_spot(in_one_context(kind, steps_kind, reset), scenario)[0] == ["run", "step", "step", *last]


# -- the caller's own deadline, and how long calls wait ---------------------------------------------


def deadline(seconds: float) -> Deadline:
    return Deadline(seconds, time.monotonic() + seconds)


def test_a_call_whose_deadline_passes_while_it_waits_never_reaches_run(serving: Serve) -> None:
    served = serving(BLOCKED)

    async def scenario(service: Service) -> None:
        first = asyncio.create_task(service.score(Call(b"first")))
        assert await asyncio.to_thread(served.module.begun.wait, START_S)
        with pytest.raises(CallerTimedOut, match="run\\(\\) was not begun"):
            await service.score(Call(b"second", deadline=deadline(0.01)))
        served.module.go_on.set()
        await first

    served.do(scenario)
    assert served.module.seen == ["first"]


def test_a_call_whose_deadline_has_passed_already_never_reaches_run(serving: Serve) -> None:
    served = serving("seen = []\ndef run(data): seen.append(data)")
    with pytest.raises(CallerTimedOut, match="run\\(\\) was not begun"):
        served.score(b"late", deadline=deadline(0.0))
    assert served.module.seen == []


@pytest.mark.parametrize("run", ["def run(data):\n while True: pass", "async def run(data): await sleep(60)"])
def test_a_run_is_broken_off_at_its_callers_deadline_and_the_next_is_served(serving: Serve, run: str) -> None:
    served = serving(f"from asyncio import sleep\n{run}", run_s=60.0)

    async def scenario(service: Service) -> None:
        for _ in range(2):
            with pytest.raises(CallerTimedOut, match="The 50 ms .*run\\(\\) was broken off"):
                await service.score(Call(b"{}", deadline=deadline(0.05)))

    served.do(scenario)
    assert served.seen.failed == []  # it is no failure of the script's


def test_the_limit_of_run_holds_for_a_caller_that_would_wait_longer(serving: Serve) -> None:
    served = serving("def run(data):\n while True: pass", run_s=0.05)
    with pytest.raises(DeadlineExceeded):
        served.score(deadline=deadline(60.0))


def test_a_caller_that_gives_up_has_no_worker_given_up(serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoringhost.kernel.thread_runner.PATIENCE_S", 0.0)
    served = serving(BLOCKED, run_s=60.0)

    async def scenario(service: Service) -> None:
        with pytest.raises(CallerTimedOut):
            await service.score(Call(b"x", deadline=deadline(0.05)))
        await asyncio.sleep(0.05)
        served.module.go_on.set()

    served.do(scenario)
    assert served.stuck == []


def test_no_more_calls_are_taken_than_may_be_there_at_once(serving: Serve) -> None:
    served = serving(BLOCKED, max_concurrent=2)

    async def scenario(service: Service) -> None:
        calls = [asyncio.create_task(service.score(Call(b"x"))) for _ in range(2)]
        await settled()
        with pytest.raises(Overloaded, match="1 calls are waiting already"):
            await service.score(Call(b"x"))
        served.module.go_on.set()
        await asyncio.gather(*calls)

    served.do(scenario)


def test_of_an_async_run_no_more_go_on_than_may_be_there_at_once(serving: Serve) -> None:
    served = serving("import asyncio\nasync def run(data): await asyncio.sleep(0.05)", max_concurrent=3)

    async def scenario(service: Service) -> None:
        calls = [asyncio.create_task(service.score(Call(b"x"))) for _ in range(3)]
        await settled()
        with pytest.raises(Overloaded, match="0 calls are waiting already"):
            await service.score(Call(b"x"))
        await asyncio.gather(*calls)

    served.do(scenario)


@pytest.mark.parametrize("how", ["def run(data): time.sleep(0.02)", "async def run(data): await asyncio.sleep(0.02)"])
def test_what_calls_take_is_measured_for_those_that_wait(serving: Serve, how: str) -> None:
    served = serving(f"import asyncio, time\n{how}", max_concurrent=1)

    async def scenario(service: Service) -> float:
        await service.score(Call(b"x"))
        assert service._admission is not None
        return service._admission.held.seconds

    assert 0.01 < served.do(scenario) < START_S


@pytest.mark.parametrize(
    ("line", "is_joined"), [("flask.request", False), ("flask.g", False), ("flask.jsonify", True), ("int", True)]
)
def test_calls_of_a_script_that_looks_at_its_request_are_not_joined(serving: Serve, line: str, is_joined: bool) -> None:
    served = serving(
        f"""
        import flask
        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema
        @input_schema("data", StandardPythonParameterType([1]))
        def run(data): return [{line} and 0 for _ in data]
        """,
        batch=BatchPolicy(8, 0.0),
    )

    async def look(service: Service) -> bool:
        return service._batcher is not None

    assert served.do(look) is is_joined
    assert [("flask.request" in one) for one in served.seen.messages] == [True] * (not is_joined)
