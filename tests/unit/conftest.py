"""What the unit tests share: scripts written on the spot, services over them, fresh interpreters."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scoringhost.doors.server.moving_loop import MovingLoop
from scoringhost.errors import ScoringHostError
from scoringhost.kernel.call import Call, Scored
from scoringhost.kernel.limits import Limits
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.kernel.service import Service
from scoringhost.script import imports
from scoringhost.script.declaring import declarations_of
from scoringhost.script.loading import EntryScript
from scoringhost.script.stand_ins import finder

START_S = 60.0
"""How long anything may take before a test gives up; nothing ever waits that long when all is well."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs in a fresh interpreter is slow: it imports anew what the tests have imported already."""
    for item in items:
        if item.nodeid.startswith("tests/unit/") and "python" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@dataclass
class Seen:
    """An observer that keeps what it is told."""

    states: list[str] = field(default_factory=list)
    refused: list[ScoringHostError] = field(default_factory=list)
    failed: list[tuple[ScoringHostError, str]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def state_changed(self, service: str, state: str) -> None:
        self.states.append(state)

    def call_refused(self, service: str, error: ScoringHostError) -> None:
        self.refused.append(error)

    def run_failed(self, service: str, error: ScoringHostError, traceback: str) -> None:
        self.failed.append((error, traceback))

    def noticed(self, service: str, message: str) -> None:
        self.messages.append(message)


class Serving:
    """A service with a scoring thread of its own."""

    def __init__(self, service: Service, seen: Seen, threads: list[ScoringThread]) -> None:
        self.service, self.seen, self.threads = service, seen, threads
        self.stuck: list[bool] = []

    @property
    def module(self) -> Any:
        """The module of the script, to put events into it and to look at what it did."""
        return self.service.script.module

    def do(self, scenario: Callable[[Service], Awaitable[Any]]) -> Any:
        """Open the service on an event loop and play the scenario there."""

        async def play() -> Any:
            self.service.open(self.threads, lambda: self.stuck.append(True))
            return await asyncio.wait_for(scenario(self.service), START_S)

        return asyncio.run(play())

    def score(self, payload: Any = b"{}", **rest: Any) -> Scored:
        """Score one call."""
        return self.do(lambda service: service.score(Call(payload, **rest)))


@pytest.fixture(autouse=True)
def closed_scripts() -> Iterator[None]:
    """Close what a test has left open: each script that is open is looked at whenever another one is loaded.

    Hundreds of them once took a third of the time of all unit tests.
    """
    before = list(imports._open)
    yield
    for script in [one for one in imports._open if one not in before]:
        sys.modules.pop(script.entry, None)
        script.close()


@pytest.fixture(autouse=True)
def without_stand_ins_of_others() -> Iterator[None]:
    """As in a process of its own: tests of other folders keep scripts open in this one, and would be seen."""
    if not finder._lent:
        yield
        return
    lent, made, said = finder._lent, dict(finder._made), dict(finder._said)
    modules = {name: sys.modules.pop(name) for name in made if name in sys.modules}
    places = [one for one in sys.meta_path if one in (finder._FIRST, finder._LAST)]
    for one in places:
        sys.meta_path.remove(one)
    finder._lent = 0
    finder._made.clear()
    finder._said.clear()
    yield
    assert finder._lent == 0, "the test has left the world of a script open"
    finder._lent = lent
    finder._made.update(made)
    finder._said.update(said)
    sys.modules.update(modules)
    sys.meta_path.insert(0, finder._FIRST)
    sys.meta_path.append(finder._LAST)


@pytest.fixture
def clean_imports(tmp_path: Path) -> Iterator[None]:
    """Leave the import path and the modules of scripts as they were."""
    path = list(sys.path)
    before = set(sys.modules)
    yield
    sys.path[:] = path
    # Only what is new is asked for its file: some thousand modules for each of seven hundred tests took 5 s.
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file below the test's own folder."""

    def write(source: str, name: str = "score.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(write: Callable[..., Path], clean_imports: None) -> Callable[..., EntryScript]:
    """Write an entry script and load it; an init() is added if it has none."""

    def load(source: str, name: str = "score.py") -> EntryScript:
        source = textwrap.dedent(source)
        if "def init" not in source:
            source += "\ndef init(): pass\n"
        return EntryScript.load(write(source, name))

    return load


@pytest.fixture
def serving(load: Callable[..., EntryScript]) -> Iterator[Callable[..., Serving]]:
    """Serve a script; what its run() needs of the test is put into its module."""
    threads: list[ScoringThread] = []
    before = set(threading.enumerate())

    def serving(source: str, *, count: int = 1, **limits: Any) -> Serving:
        seen = Seen()
        given = Limits(count, **limits)
        service = Service(load(source), declarations=declarations_of, limits=given, observer=seen)
        mine = [ScoringThread(f"scoring-{number}") for number in range(count)]
        for thread in mine:
            thread.start()
        threads.extend(mine)
        return Serving(service, seen, mine)

    yield serving
    for thread in threads:
        thread.close()
    # A thread that goes on into the next test is found there by whoever counts threads, and a warning of
    # what it leaves behind is that test's failure.
    for started in set(threading.enumerate()) - before:
        started.join(START_S)
    assert not [thread.name for thread in set(threading.enumerate()) - before], "a run() of this test has no end"


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., str]:
    """Run a program in a fresh interpreter; answers what it prints."""

    def python(source: str, *arguments: str, cwd: Path = tmp_path) -> str:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(source), *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=START_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    return python


@pytest.fixture
def in_thread() -> Callable[[Callable[[], Any]], Any]:
    """Run something on a thread of its own; what it raises is raised here."""

    def in_thread(work: Callable[[], Any]) -> Any:
        outcome: dict[str, Any] = {}

        def target() -> None:
            try:
                outcome["result"] = work()
            except BaseException as error:
                outcome["error"] = error

        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        thread.join(START_S)
        assert outcome, "it does not come to an end"
        if "error" in outcome:
            raise outcome["error"]
        return outcome["result"]

    return in_thread


@pytest.fixture
def moving(in_thread: Callable[..., Any]) -> Callable[..., Any]:
    """moving(scenario): play scenario(thread, mover) on a loop that can move to that scoring thread and away."""

    def moving(scenario: Callable[[ScoringThread, MovingLoop], Awaitable[Any]]) -> Any:
        thread, loop = ScoringThread("adopted"), asyncio.new_event_loop()
        mover = MovingLoop(loop, thread, lambda: None, stays=False)
        outcome: list[Any] = []

        async def play() -> None:
            outcome.append(await asyncio.wait_for(scenario(thread, mover), START_S))

        def on_scoring_thread() -> None:
            try:
                mover.run(play())
            finally:
                loop.close()

        in_thread(on_scoring_thread)
        return outcome[0]

    return moving
