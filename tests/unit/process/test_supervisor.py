"""Child processes, real ones: how they start, talk and end, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scoringhost.process.supervisor import Child, Ending, PythonChild, start_program, start_python, wait_for_any

START_S = 30.0
"""How long anything may take before a test gives up; nothing ever takes that long when all is well."""
ECHO = """
from scoringhost.process.supervisor import join_parent

def main(descriptor, parent):
    connection = join_parent(descriptor, parent, grace_s=0)
    try:
        while True:
            connection.send(connection.recv())
    except EOFError:
        raise SystemExit(5)
"""
JOINS = """
import os, subprocess, sys
from scoringhost.process.supervisor import join_parent

def main(descriptor, parent):
    connection = join_parent(descriptor, parent, grace_s=0)
"""
"""To be gone on with, indented."""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, or is Linux's own")


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def open_files() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


@pytest.fixture
def program() -> Iterator[Callable[[str], Child]]:
    """program(code): a Python program that has come to its first line of output, which is thrown away."""
    with ExitStack() as ends:

        def start(code: str) -> Child:
            child = start_program([sys.executable, "-c", code], os.environ, output=subprocess.PIPE)
            ends.callback(child.kill)
            assert child.output is not None
            ends.enter_context(child.output)
            child.output.readline()
            return child

        yield start


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Callable[[str], PythonChild]]:
    """python(module): a child that runs `main` of a module with this text."""
    with ExitStack() as ends:

        def start(text: str) -> PythonChild:
            module = f"in_child_{len(list(tmp_path.iterdir()))}"
            (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
            child = start_python(module, os.environ | {"PYTHONPATH": str(tmp_path)}, output=subprocess.DEVNULL)
            ends.callback(child.close)
            ends.callback(child.kill)
            return child

        yield start


# -- how it ended ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason", "sentence"),
    [
        (0, "exit code 0", "ended with exit code 0"),
        (3, "exit code 3", "ended with exit code 3"),
        (-9, "signal SIGKILL", "ended by signal SIGKILL"),
        (-40, "signal 40", "ended by signal 40"),
    ],
)
def test_an_end_is_told_in_words(code: int, reason: str, sentence: str) -> None:
    assert (Ending(code).reason, str(Ending(code))) == (reason, sentence)


@pytest.mark.parametrize(
    ("code", "ending"), [("os._exit(7)", Ending(7)), ("os.kill(os.getpid(), signal.SIGKILL)", Ending(-signal.SIGKILL))]
)
def test_how_a_program_ended_is_known_and_stays_known(program: Any, code: str, ending: Ending) -> None:
    child = program(f"import os, signal; {code}")
    assert (child.wait(START_S), child.ending(), child.kill()) == (ending, ending, ending)


def test_a_program_that_runs_has_no_ending(program: Any) -> None:
    child = program("import time; print(flush=True); time.sleep(3600)")
    assert (child.ending(), child.wait(0.0)) == (None, None)


def test_a_program_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        start_program(["no-such-program"], os.environ, output=subprocess.DEVNULL)


def test_what_a_program_writes_goes_where_it_is_told_to(tmp_path: Path) -> None:
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr); print(repr(sys.stdin.read()))"
    with (tmp_path / "log").open("wb") as log:
        child = start_program([sys.executable, "-c", code], os.environ, output=log)
        assert child.wait(START_S) == Ending(0)
    assert (tmp_path / "log").read_text() == "out\nerr\n''\n"


# -- how long it may take ---------------------------------------------------------------------------


def test_a_limit_is_over_when_its_time_is_and_not_when_it_is_taken_away(program: Any) -> None:
    child = program("")
    assert not child.is_overdue
    child.limit(START_S)
    assert not child.is_overdue
    child.limit(0)
    until(lambda: bool(child.is_overdue))
    child.limit(None)
    assert not child.is_overdue


# -- ending it --------------------------------------------------------------------------------------


def test_a_program_that_heeds_sigterm_ends_in_its_own_way(program: Any) -> None:
    child = program("""if True:
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        print(flush=True)
        time.sleep(3600)
    """)
    assert child.end(START_S) == Ending(5)


def test_a_program_that_does_not_heed_sigterm_is_killed(program: Any) -> None:
    child = program("""if True:
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print(flush=True)
        time.sleep(3600)
    """)
    assert child.end(0.1) == Ending(-signal.SIGKILL)


STARTS_ANOTHER = """if True:
    import subprocess, sys, time
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    open(sys.argv[1], "w").write(str(other.pid))
"""


@linux_only
@pytest.mark.parametrize("goes_on", [True, False], ids=["alive", "dead"])
def test_what_a_child_has_started_is_killed_with_it(tmp_path: Path, goes_on: bool) -> None:
    code = STARTS_ANOTHER + ("    time.sleep(3600)" if goes_on else "")
    child = start_program([sys.executable, "-c", code, str(tmp_path / "pid")], os.environ, output=subprocess.DEVNULL)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    other = int((tmp_path / "pid").read_text())
    if not goes_on:
        assert child.wait(START_S) == Ending(0)
    assert is_running(other)
    child.kill()
    until(lambda: not is_running(other))


def test_ctrl_c_is_for_the_parent_alone(program: Any) -> None:
    child = program("import time; print(flush=True); time.sleep(3600)")
    assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid != os.getsid(0)


# -- talking to it ----------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [None, {"rows": [1, 2.5]}, b"x" * 3_000_000], ids=["none", "object", "long"])
def test_a_message_comes_back(python: Any, message: object) -> None:
    child = python(ECHO)
    assert not child.has_sent()
    child.send(message)
    assert child.receive() == message


def test_a_child_whose_connection_is_let_go_of_ends(python: Any) -> None:
    child = python(ECHO)
    child.send(1)
    assert child.receive() == 1
    child.close()
    assert child.wait(START_S) == Ending(5)


@pytest.mark.parametrize("way", ["os._exit(3)", "connection.close()", "os.write(descriptor, b'..half a message')"])
def test_the_end_of_a_child_is_heard_in_place_of_an_answer(python: Any, way: str) -> None:
    child = python(f"{JOINS}    {way}\n")
    assert wait_for_any([child.connection], START_S) == [child.connection]
    assert child.has_sent()
    with pytest.raises(EOFError):
        child.receive()


def test_what_is_sent_to_a_child_that_has_ended_is_lost_quietly(python: Any) -> None:
    child = python(f"{JOINS}    os._exit(3)\n")
    assert child.wait(START_S) == Ending(3)
    child.send("hello?")
    with pytest.raises(EOFError):
        child.receive()


def test_what_a_child_starts_does_not_hold_its_end_of_the_connection(python: Any) -> None:
    sleeps = "import time; time.sleep(3600)"
    child = python(f"{JOINS}    subprocess.Popen([sys.executable, '-c', {sleeps!r}], close_fds=False)\n")
    with pytest.raises(EOFError):
        child.receive()


# -- watching several -------------------------------------------------------------------------------


def test_of_several_those_are_named_that_have_said_something(python: Any, program: Any) -> None:
    silent, speaking = python(ECHO), program("print('a', flush=True); print('b', flush=True); input()")
    assert speaking.output in wait_for_any([silent.connection, speaking.output], START_S)
    silent.send("speak")
    assert wait_for_any([silent.connection], START_S) == [silent.connection]


def test_nobody_to_wait_for_is_no_error() -> None:
    assert list(wait_for_any([], 0.0)) == []


# -- what is left -----------------------------------------------------------------------------------


@linux_only
def test_a_child_is_given_no_file_but_its_own(python: Any, tmp_path: Path) -> None:
    first = python(ECHO)
    with (tmp_path / "secret").open("wb"):
        child = python(
            f"{JOINS}    paths = [f'/proc/self/fd/{{number}}' for number in os.listdir('/proc/self/fd')]\n"
            "    links = [os.readlink(path) for path in paths if os.path.islink(path)]\n"
            "    connection.send([link for link in links if 'secret' in link or 'socket' in link])\n"
        )
        assert [link.partition(":")[0] for link in child.receive()] == ["socket"]
    first.send("still there")
    assert first.receive() == "still there"


@linux_only
def test_nothing_stays_open_of_a_child_that_has_ended() -> None:
    before = open_files()
    child = start_python("no_such_module", os.environ, output=subprocess.PIPE)
    assert child.output is not None
    with child.output:
        assert b"No module named 'no_such_module'" in child.output.read()
    assert child.wait(START_S) == Ending(1)
    child.close()
    assert open_files() == before


@linux_only
def test_nothing_stays_open_of_a_child_that_could_not_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    before = open_files()
    with pytest.raises(FileNotFoundError):
        start_python("json", os.environ, output=subprocess.DEVNULL)
    assert open_files() == before


PARENT = """
import os, subprocess, sys, time
from scoringhost.process.supervisor import start_program, start_python

if sys.argv[1] == "program":
    command = [sys.executable, "-c", "import time; time.sleep(3600)"]
    child = start_program(command, os.environ, output=subprocess.DEVNULL)
    print(child.pid, child.pid, flush=True)
else:
    child = start_python("in_child", os.environ, output=subprocess.DEVNULL)
    print(child.pid, child.receive(), flush=True)
time.sleep(3600)
"""
BUSY = (
    JOINS
    + """
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    connection.send(other.pid)
    while True:
        pass
"""
)


@linux_only
@pytest.mark.parametrize("kind", ["program", "python"])
def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path, kind: str) -> None:
    (tmp_path / "in_child.py").write_text(BUSY, encoding="utf-8")
    environ = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", PARENT, kind]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert [is_running(pid) for pid in pids] == [True, True]
        parent.kill()
    until(lambda: not any(is_running(pid) for pid in pids))
