"""The event loop and the threads of an app that somebody else's server runs."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scoringhost.engine.engine import Engine, Phase
from scoringhost.engine.process import Process
from scoringhost.errors import NotReady
from scoringhost.kernel.scoring_thread import ScoringThread


class Idle:
    """A site of no services."""

    threads = 1
    host = ()

    def init(self) -> None:
        pass

    def open(self, threads: list[ScoringThread], when_stuck: object, mover: object) -> None:
        pass

    def drain(self) -> None:
        pass

    def shutdown(self) -> None:
        pass


def process_of(site: Any) -> Process:
    engine = Engine(lambda: site)
    engine.load()
    return Process(engine)


# Who asked for the state of the service while init() ran was told that it takes calls.
def test_a_service_is_open_only_after_its_init() -> None:
    phases: list[Phase] = []

    class Asking(Idle):
        def init(self) -> None:
            phases.append(process.engine.phase)

    process = process_of(Asking())
    process.init()
    phases.append(process.engine.phase)
    process.close()
    assert phases == [Phase.LOADING, Phase.OPEN]


# BUG: a stream that was read to its end just before the app was closed was never closed itself: the
# event loop stopped before it began to ("coroutine '_close' was never awaited", seen in CI).
def test_what_was_left_to_the_loop_is_done_before_it_ends() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("done")

    process = process_of(Idle())
    process.init()
    assert process._loop is not None
    busy = threading.Event()

    def be_busy() -> None:  # so that the work and the end meet
        busy.set()
        time.sleep(0.2)

    process._loop.call_soon_threadsafe(be_busy)
    assert busy.wait(10)
    process.leave(work())
    process.close()
    assert done == ["done"]


def test_what_is_left_after_the_end_is_closed_unrun() -> None:
    process = process_of(Idle())
    process.init()
    process.close()

    async def work() -> None:
        raise AssertionError("there is no loop to run this")

    late = work()
    process.leave(late)
    assert late.cr_frame is None


def test_work_that_does_not_end_does_not_hold_up_the_end() -> None:
    process = process_of(Idle())
    process.init()
    began, ended = threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    process.leave(work())
    assert began.wait(10)
    process.close(patience_s=0)
    assert ended.is_set()


class Busy(Idle):
    """A site whose one service can be kept busy, and which remembers what it was told."""

    def __init__(self) -> None:
        self.life: list[str] = []
        self.let_go = threading.Event()
        self.busy = threading.Event()
        self.host = (SimpleNamespace(name="default", observer=self),)

    def noticed(self, service: str, message: str) -> None:
        self.life.append(message)

    def open(self, threads: list[ScoringThread], when_stuck: object, mover: object) -> None:
        self.thread = threads[0]

    def run(self) -> None:
        self.busy.set()
        self.let_go.wait(60)

    def shutdown(self) -> None:
        self.life.append("shutdown")


# BUG: close() waits behind a run() that never ends, so that neither the `with` block nor the process does.
def test_the_end_does_not_wait_longer_than_its_patience_for_a_run() -> None:
    site = Busy()
    process = process_of(site)
    process.init()
    site.thread.submit(site.run, lambda: None)
    assert site.busy.wait(10)
    process.close(patience_s=0)
    assert site.life == ["run() has not ended; it is left behind, and shutdown() is not run"]
    over = threading.Event()
    site.thread.submit(lambda: None, over.set)
    site.let_go.set()
    process.close()
    assert len(site.life) == 1, "and shutdown() is not run later, either"


def test_shutdown_is_run_once_a_run_has_ended_in_time() -> None:
    site = Busy()
    process = process_of(site)
    process.init()
    site.thread.submit(site.run, lambda: None)
    assert site.busy.wait(10)
    threading.Timer(0.1, site.let_go.set).start()
    process.close(patience_s=60)
    assert site.life == ["shutdown"]


# BUG: the event loop of an async run() that blocks it never answers, and the end waits for that.
def test_an_event_loop_that_is_blocked_does_not_hold_up_the_end() -> None:
    process = process_of(Idle())
    process.init()
    assert process._loop is not None
    busy, let_go = threading.Event(), threading.Event()

    def block() -> None:
        busy.set()
        let_go.wait(60)

    process._loop.call_soon_threadsafe(block)
    assert busy.wait(10)
    process.close(patience_s=0)
    assert not process._loop.is_closed()
    let_go.set()
    process._runner.join(10)
    process._loop.close()


# BUG: the threads were started anew, without an init(), by whoever used a client after its service's end.
def test_nothing_runs_after_the_end() -> None:
    process = process_of(Idle())
    process.init()
    process.close()
    process.close()
    before = threading.active_count()

    async def work() -> None:
        raise AssertionError("there is no loop to run this")

    late = work()
    with pytest.raises(NotReady, match="closed"):
        process.run(late)
    assert late.cr_frame is None
    assert threading.active_count() == before


def test_who_waits_for_an_answer_at_the_end_is_told() -> None:
    process = process_of(Idle())
    process.init()
    began, told = threading.Event(), []

    async def work() -> None:
        began.set()
        await asyncio.sleep(3600)

    def ask() -> None:
        with pytest.raises(NotReady, match="closed") as caught:
            process.run(work())
        told.append(str(caught.value))

    asking = threading.Thread(target=ask)
    asking.start()
    assert began.wait(10)
    process.close()
    asking.join(10)
    assert told == ["The service is closed"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_has_threads_of_its_own(python: Callable[..., str]) -> None:
    program = """
        import os
        from types import SimpleNamespace
        from scoringhost.engine.engine import Engine
        from scoringhost.engine.process import Process

        nothing = lambda *_: None
        idle = SimpleNamespace(threads=1, host=(), init=nothing, open=nothing, drain=nothing, shutdown=nothing)

        async def where():
            return os.getpid()

        engine = Engine(lambda: idle)
        engine.load()
        process = Process(engine)
        process.init()
        child = os.fork()
        if not child:
            os._exit(0 if process.run(where()) == os.getpid() else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), process.run(where()) == os.getpid())
        process.close()
    """
    assert python(program) == "0 True"


# BUG: servers whose workers are processes of multiprocessing (granian) ended them without shutdown().
@pytest.mark.parametrize("loaded_in", ["worker", "parent"])
def test_shutdown_is_run_at_the_end_of_a_process_that_multiprocessing_has_started(
    python: Callable[..., str], tmp_path: Path, loaded_in: str
) -> None:
    (tmp_path / "score.py").write_text(
        "def init(): print('init', flush=True)\n"
        "def run(raw_data): print('run', flush=True)\n"
        "def shutdown(): print('shutdown', flush=True)\n"
    )
    program = f"""
        import multiprocessing
        from scoringhost import create_app

        def make():
            return create_app("score.py", environ={{}})

        def work():
            (app or make()).test_client().post("/score", data="x")

        app = make() if {loaded_in!r} == "parent" else None
        worker = multiprocessing.get_context("fork").Process(target=work)
        worker.start()
        worker.join()
        if app is not None:
            app.extensions["scoringhost"].close()
    """
    of_the_parent = ["shutdown"] if loaded_in == "parent" else []
    assert python(program).split() == ["init", "run", "shutdown", *of_the_parent]
