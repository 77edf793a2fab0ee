"""What a worker forks is no worker: what it has of the server's sockets, signals and event loop.

What is done at a fork is done for the rest of a process, so that each worker here is a program of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

BEGIN = """
import asyncio, os, signal, socket, sys, threading, time
from types import SimpleNamespace
from scoringhost.doors.server.forked import keep_apart, keep_apart_connections
from scoringhost.kernel.scoring_thread import ScoringThread

signal.alarm(20)  # whatever goes wrong, nobody waits for ever

def is_nothing(sock):
    return os.fstat(sock.fileno()).st_rdev == os.stat(os.devnull).st_rdev

def forked(work):
    "Exit code of a child that does some work."
    child = os.fork()
    if not child:
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""

Python = Callable[..., str]


@pytest.fixture
def worker(python: Python) -> Callable[[str], str]:
    """worker(program): what a program prints that has the names of BEGIN."""
    return lambda program: python(BEGIN + program)


# -- listening sockets and signals --------------------------------------------------------------------


def test_a_child_has_no_listening_sockets_and_the_worker_keeps_them(worker: Callable[[str], str]) -> None:
    program = """
listener = socket.create_server(("127.0.0.1", 0))
keep_apart([listener])
print(forked(lambda: is_nothing(listener)), is_nothing(listener))
"""
    assert worker(program) == "1 False"


def test_a_socket_that_is_closed_already_is_no_error_and_its_number_is_not_taken(worker: Callable[[str], str]) -> None:
    program = """
listener = socket.create_server(("127.0.0.1", 0))
keep_apart([listener])
listener.close()
print(forked(lambda: 5))
"""
    assert worker(program) == "5"


def test_a_child_dies_of_a_signal_that_the_worker_handles_and_passes_it_on_to_nobody(
    worker: Callable[[str], str],
) -> None:
    program = """
heard = []
signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
woken, wakes = socket.socketpair()
woken.setblocking(False)
wakes.setblocking(False)
signal.set_wakeup_fd(wakes.fileno())
keep_apart([])
print(forked(lambda: os.kill(os.getpid(), signal.SIGTERM)) == -signal.SIGTERM, heard)
try:
    print(woken.recv(1))
except BlockingIOError:
    print("nobody was woken")
os.kill(os.getpid(), signal.SIGTERM)
print(heard == [signal.SIGTERM], woken.recv(1) == bytes([signal.SIGTERM]))
"""
    assert worker(program).splitlines() == ["True []", "nobody was woken", "True True"]


def test_signals_are_held_during_a_fork_only_on_any_thread(worker: Callable[[str], str]) -> None:
    program = """
keep_apart([])

def blocked():
    return len(signal.pthread_sigmask(signal.SIG_BLOCK, []))

def fork_and_look():
    print(forked(blocked), blocked())

fork_and_look()
thread = threading.Thread(target=fork_and_look)
thread.start()
thread.join()
"""
    assert worker(program).splitlines() == ["0 0", "0 0"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of the end of its parent")
def test_a_child_ends_with_its_worker_and_a_daemon_that_it_detached_does_not(worker: Callable[[str], str]) -> None:
    program = """
def play_daemon(parent):
    os.write(ready, b"d")
    while os.getppid() == parent:
        time.sleep(0.01)
    os.write(ready, b"a")  # alive after the end of its parent
    os._exit(0)

def play_child():
    parent = os.getpid()
    if not os.fork():
        play_daemon(parent)
    os.write(ready, b"c")
    signal.pause()

def play_worker():
    keep_apart([])
    if not os.fork():
        play_child()
    os.read(go, 1)  # both are there
    os._exit(0)

heard, ready = os.pipe()
go, gone = os.pipe()
if not os.fork():
    os.close(gone)
    play_worker()
print(sorted(os.read(heard, 1) + os.read(heard, 1)) == sorted(b"cd"))
os.close(gone)
os.close(ready)
print(os.read(heard, 1), os.read(heard, 1))  # then nobody has the pipe any more: the child has ended, too
"""
    assert worker(program).splitlines() == ["True", "b'a' b''"]


# -- connections, the event loop, the script ----------------------------------------------------------

OPEN = """
loop = asyncio.new_event_loop()
client, connection = socket.socketpair()
signals, _ = socket.socketpair()
server = SimpleNamespace(
    connections=[SimpleNamespace(transport_socket=lambda: connection), SimpleNamespace(transport_socket=lambda: None)]
)
thread = ScoringThread()
thread.adopt()
keep_apart_connections(loop, signals, server, [thread])
"""


def test_a_child_has_no_connections_and_the_worker_keeps_them(worker: Callable[[str], str]) -> None:
    program = """
print(forked(lambda: is_nothing(connection) and is_nothing(signals)), is_nothing(connection), is_nothing(signals))
"""
    assert worker(OPEN + program) == "1 False False"


def test_what_a_child_changes_at_its_event_loop_changes_nothing_at_the_workers(worker: Callable[[str], str]) -> None:
    program = """
def answer():
    print(connection.recv(9))
    loop.stop()

loop.add_reader(connection, answer)
print(forked(lambda: loop.remove_reader(connection) and 7))
client.send(b"hello")
loop.run_forever()
loop.close()
"""
    assert worker(OPEN + program).splitlines() == ["7", "b'hello'"]


@pytest.mark.parametrize(
    ("end", "code"), [("None", 0), ("1 / 0", 1), ("sys.exit()", 0), ("sys.exit(5)", 5), ("sys.exit('words')", 1)]
)
def test_a_child_that_comes_back_from_the_script_ends_as_a_program_of_its_own(
    worker: Callable[[str], str], end: str, code: int
) -> None:
    program = f"""
def run():
    child = os.fork()
    if not child:
        {end}
    return child

child = thread.perform_here(run, None)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert worker(OPEN + program) == str(code)


def test_a_child_of_an_async_run_ends_when_it_comes_back_to_the_event_loop(worker: Callable[[str], str]) -> None:
    program = """
async def run():
    child = os.fork()
    await asyncio.sleep(0)
    if not child:
        os._exit(9)
    return child

child = loop.run_until_complete(run())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
loop.close()
"""
    assert worker(OPEN + program) == "0"
