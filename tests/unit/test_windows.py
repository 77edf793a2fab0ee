"""What works where there is neither fork() nor POSIX signals nor fcntl: on Windows, as far as Linux can show it.

What a program imports that is not ours is imported first: on Windows it has ways of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HIDE = """
import asyncio, concurrent.futures, ctypes, logging.config, multiprocessing, os, random, select, signal
import subprocess, sys, threading, unittest
import azure.functions, click, flask, httpx, inference_schema, numpy, orjson, pandas, simdjson

for name in ("fcntl", "grp", "pwd", "resource", "termios", "gunicorn", "uvloop"):
    sys.modules[name] = None  # an ImportError from now on
for module, names in {
    os: ["fork", "forkpty", "register_at_fork", "getpgid", "killpg", "mkfifo", "sched_getaffinity", "setsid"],
    signal: ["pthread_kill", "pthread_sigmask", "SIGRTMIN", "SIGQUIT", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2"],
    select: ["epoll", "poll"],
}.items():
    for name in names:
        delattr(module, name)
if hasattr(os, "process_cpu_count"):  # since Python 3.13; where there is no affinity, it is this
    os.process_cpu_count = os.cpu_count
"""

SERVED = """
from scoringhost import create_app, create_asgi_app
from scoringhost.testing import serve

app = create_app("score.py", environ={})
print(app.test_client().post("/score", data="x").json)
app.extensions["scoringhost"].close()
with serve("score.py", environ={}) as client:
    print(client.score("y"))

async def ask(app):
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        print((await client.post("/score", content=b"z")).json())

asyncio.run(ask(create_asgi_app("score.py", environ={})))
"""

SLOW = """
from scoringhost.testing import serve

with serve("score.py", environ={}, scoring_timeout_ms=100) as client:
    print(client.request("POST", "/score", body="slow").status, client.request("POST", "/score", body="x").status)
"""

COMMAND = """
from click.testing import CliRunner
from scoringhost.cli import main

outcome = CliRunner().invoke(main, [{verb!r}, "score.py", "--port", "5001"])
print(outcome.exit_code, outcome.stderr)
print(CliRunner().invoke(main, ["check", "score.py"]).exit_code, CliRunner().invoke(main, ["--help"]).exit_code)
"""

SCRIPT = """
import time

def init(): ...

def run(raw_data):
    while raw_data == "slow":
        time.sleep(0.001)
    return raw_data
"""


@pytest.fixture
def on_windows(python: Callable[..., str], tmp_path: Path) -> Callable[[str], str]:
    """on_windows(program): what it prints where POSIX is hidden, beside a score.py."""
    (tmp_path / "score.py").write_text(SCRIPT, encoding="utf-8")
    return lambda program: python(HIDE + program)


def test_a_script_is_served_in_process_by_wsgi_and_by_asgi(on_windows: Callable[[str], str]) -> None:
    assert on_windows(SERVED).splitlines() == ["x", "y", "z"]


def test_a_run_that_takes_too_long_is_broken_off_there_too(on_windows: Callable[[str], str]) -> None:
    assert on_windows(SLOW) == "504 200"


@pytest.mark.parametrize("verb", ["serve", "batch", "profile"])
def test_a_command_that_cannot_work_says_what_to_do_instead_and_the_others_work(
    on_windows: Callable[[str], str], verb: str
) -> None:
    said, others = on_windows(COMMAND.format(verb=verb)).rsplit("\n", 1)
    assert said.startswith(f"3 scoringhost: '{verb}' needs Linux or macOS")
    assert others == "0 0"
