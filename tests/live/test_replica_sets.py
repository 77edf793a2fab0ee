"""Replica sets: forked from a template, and what becomes of them when processes of a fleet are killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost.fleet.notices import Notices
from scoringhost.fleet.replica_set import ReplicaFailed, ReplicaSet
from scoringhost.fleet.specs import Pool, ServiceSpec
from scoringhost.fleet.surroundings import Listeners, Surroundings
from scoringhost.fleet.templates import Templates
from scoringhost.settings import Settings

SCRIPTS = Path(__file__).parent / "scripts"
LIFE = SCRIPTS / "life.py"
START_S = 60.0


class Fleet:
    """What a supervisor has, on an event loop that lasts as long as the tests of this module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.surroundings = Surroundings(Templates(os.environ), Notices(folder / "n"), folder / "s", dict(os.environ))
        self.surroundings.folder.mkdir()
        self.sets: list[ReplicaSet] = []
        self.output: dict[str, bytes] = {}
        self.ended: dict[str, str] = {}

    def make(self, script: Path = LIFE, *, workers: int = 1, environ: Any = None, **settings: Any) -> ReplicaSet:
        """A set that is not started yet."""
        key = str(len(self.sets))
        spec = ServiceSpec(f"s{key}", "1", script, script.parent, settings, environ or {}, pool=Pool(workers, 9))
        listeners = Listeners(
            lambda data: self.output.__setitem__(key, self.output.get(key, b"") + data),
            lambda: None,
            lambda reason: self.ended.__setitem__(key, reason),
        )
        self.sets.append(ReplicaSet(key, spec, Settings(), self.surroundings, listeners))
        return self.sets[-1]

    async def start(self, script: Path = LIFE, **more: Any) -> ReplicaSet:
        """One that is ready."""
        made = self.make(script, **more)
        await asyncio.wait_for(made.start(), START_S)
        return made


Play = Callable[[Callable[[Fleet], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(scope="module")
def _loop_and_fleet() -> Iterator[tuple[asyncio.AbstractEventLoop, Fleet]]:
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory(prefix="sets") as folder:  # short: the path of a Unix socket has 108 bytes

        async def make() -> Fleet:
            return Fleet(Path(folder))

        fleet = loop.run_until_complete(make())
        yield loop, fleet

        async def end() -> None:
            await fleet.surroundings.templates.close()
            await asyncio.sleep(0)
            fleet.surroundings.notices.close()

        loop.run_until_complete(end())
    loop.close()


@pytest.fixture
def play(_loop_and_fleet: tuple[asyncio.AbstractEventLoop, Fleet]) -> Iterator[Play]:
    """play(act): run `act(fleet)`; nothing is left of the sets afterwards."""
    loop, fleet = _loop_and_fleet
    yield lambda act: loop.run_until_complete(act(fleet))

    async def end() -> None:
        for one in fleet.sets:
            one.kill()
            if one.pid:
                await one.wait_gone()

    loop.run_until_complete(end())


async def ask(path: str | Path, body: str = "", target: str = "/score", *headers: str) -> str:
    """The whole answer to one request at a Unix socket."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(request(body, target, "connection: close", *headers))
    answer = await asyncio.wait_for(reader.read(), START_S)
    writer.close()
    return answer.decode()


def request(body: str, target: str = "/score", *headers: str) -> bytes:
    lines = [f"POST {target} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


async def said(one: ReplicaSet, body: str, *headers: str) -> str:
    """The body of an answer of the set's first worker."""
    return (await ask(one.workers[0].socket, body, "/score", *headers)).partition("\r\n\r\n")[2]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(START_S):
        while not condition():
            await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def open_files(pid: int | str = "self") -> list[str]:
    found = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return found


# -- starting and stopping ------------------------------------------------------------------------


def test_twenty_sets_are_started_and_stopped_and_leave_nothing_behind(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        await (await fleet.start()).stop()  # the template is there
        before = sorted(open_files())
        sets = [fleet.make() for _ in range(20)]
        await asyncio.gather(*(one.start() for one in sets))
        assert len({await said(one, "pid") for one in sets}) == 20
        pids = [pid for one in sets for pid in (one.pid, *(worker.pid for worker in one.workers))]
        assert len(pids) == 40
        assert all(is_alive(pid) for pid in pids)
        await asyncio.gather(*(one.stop() for one in sets))
        assert not [pid for pid in pids if is_alive(pid)]
        assert {fleet.ended[one.key] for one in sets} == {"the process has ended with exit code 0"}
        assert os.listdir(fleet.surroundings.folder) == []
        assert len(open_files()) == len(before)

    play(act)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux names processes so")
def test_the_processes_of_a_set_are_called_as_its_service(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in (one.pid, one.workers[0].pid)]
        assert names == [f"{one.spec.name}:1"] * 2

    play(act)


def test_a_program_that_the_script_has_left_running_is_ended_soon(play: Play, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "import subprocess\n\n\ndef init():\n    global program\n"
        "    program = subprocess.Popen(['sleep', '1000'])\n\n\ndef run(raw_data):\n    return program.pid\n"
    )

    async def act(fleet: Fleet) -> None:
        one = await fleet.start(script, drain_timeout_s=300)
        program = int(await said(one, ""))
        await asyncio.wait_for(one.stop(), START_S)
        assert not is_alive(program)

    play(act)


def test_shutdown_runs_and_the_log_comes_whole(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        await one.stop()
        assert b"shutdown in" in fleet.output[one.key]

    play(act)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def init():\n    raise ValueError('no model')\n\n\ndef run(raw_data):\n    pass\n", "no model"),
        ("import nothing_of_the_kind\n", "nothing_of_the_kind"),
        ("def init():\n    pass\n", r"run\(\)"),
        ("import os\n\n\ndef init():\n    os._exit(9)\n\n\ndef run(raw_data):\n    pass\n", "no worker|ended"),
    ],
    ids=["init", "import", "no run", "died"],
)
def test_a_set_that_cannot_start_says_why(play: Play, tmp_path: Path, text: str, why: str) -> None:
    script = tmp_path / "score.py"
    script.write_text(text)

    async def act(fleet: Fleet) -> None:
        one = fleet.make(script)
        with pytest.raises(ReplicaFailed, match=why):
            await asyncio.wait_for(one.start(), START_S)
        await one.wait_gone()
        assert re.search(why, one.reason)
        assert one.workers == ()

    play(act)


def test_a_setting_that_cannot_be_used_is_the_reason(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        with pytest.raises(ReplicaFailed, match="max_body_mb"):
            await fleet.start(max_body_mb="plenty")

    play(act)


def test_a_script_that_is_not_there_is_the_reason(play: Play, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> None:
        with pytest.raises(ReplicaFailed, match="No such file"):
            await fleet.start(tmp_path / "score.py")

    play(act)


def test_an_interpreter_that_is_not_there_is_the_reason(play: Play, tmp_path: Path) -> None:
    async def act(fleet: Fleet) -> None:
        one = fleet.make()
        one._python = str(tmp_path / "python")
        with pytest.raises(ReplicaFailed, match="cannot be started: No such file"):
            await one.start()

    play(act)


def test_an_environment_without_the_package_is_the_reason(play: Play, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o755)

    async def act(fleet: Fleet) -> None:
        one = fleet.make()
        one._python = str(python)
        with pytest.raises(ReplicaFailed, match=r"exit code 1[^$]*scoringhost"):
            await one.start()

    play(act)


def test_with_preload_the_workers_share_what_init_made(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start(preload=True, workers=2)
        await until(lambda: len(one.workers) == 2)
        assert fleet.output[one.key].count(b"init in") == 1

    play(act)


# -- what is killed ---------------------------------------------------------------------------------


def test_a_worker_that_is_killed_is_replaced_and_its_socket_goes(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        (before,) = one.workers
        os.kill(before.pid, signal.SIGKILL)
        await until(lambda: one.workers and one.workers[0] != before)
        assert not Path(before.socket).exists()
        assert await said(one, "echo still here") == '"still here"'

    play(act)


def test_when_a_master_is_killed_its_worker_finishes_and_ends(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        (worker,) = one.workers
        answer = asyncio.create_task(ask(worker.socket, "nap 2.5"))
        await until(lambda: b"napping" in fleet.output[one.key])
        os.kill(one.pid, signal.SIGKILL)
        await until(lambda: one.key in fleet.ended)
        assert fleet.ended[one.key].startswith("the process was ended by signal SIGKILL")
        assert one.workers == ()
        assert "slept 2.5" in await answer
        await one.wait_gone()
        assert not is_alive(worker.pid)

    play(act)


def test_when_the_template_is_killed_its_sets_live_on_and_another_one_is_started(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        (template,) = fleet.surroundings.templates.pids
        os.kill(template, signal.SIGKILL)
        await until(lambda: not fleet.surroundings.templates.pids)
        assert await said(one, "echo alive") == '"alive"'
        other = await fleet.start()
        assert fleet.surroundings.templates.pids != [template]
        await one.stop()
        assert "ended" in fleet.ended[one.key]
        await other.stop()
        assert fleet.ended[other.key] == "the process has ended with exit code 0"

    play(act)


def test_nothing_outlives_a_supervisor_that_is_killed(
    start_program: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with tempfile.TemporaryDirectory(prefix="sets") as folder:
        program = SCRIPTS / "sets" / "supervisor.py"
        supervisor = start_program(sys.executable, program, LIFE, folder, "3")
        words = supervisor.log.wait_for("^pids (.*)")[0][1].split()
        pids = [int(word) for word in words]
        assert len(pids) == 7
        supervisor.process.kill()
        supervisor.process.wait()

        async def gone() -> None:
            await until(lambda: not [pid for pid in pids if is_alive(pid)])

        asyncio.run(gone())


# -- more and fewer workers ---------------------------------------------------------------------------


def test_the_number_of_workers_follows_what_is_asked(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        await one.scale(4)
        await until(lambda: len(one.workers) == 4)
        await one.scale(2)
        await until(lambda: len(one.workers) == 2)
        with pytest.raises(ValueError):
            await one.scale(0)
        await one.scale(1)
        await until(lambda: len(one.workers) == 1)
        os.kill(one.pid, signal.SIGTTOU)  # never below one
        while len(one.workers) < 2:  # more than once, as that signal may arrive after the one that is sent now
            await one.scale(2)
            await asyncio.sleep(0.01)

    play(act)


def test_a_worker_that_is_too_many_finishes_what_it_has_taken_while_others_come(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        (oldest,) = one.workers
        await one.scale(2)
        await until(lambda: len(one.workers) == 2)
        answer = asyncio.create_task(ask(oldest.socket, "nap 3"))
        await until(lambda: b"napping" in fleet.output[one.key])
        await one.scale(1)
        await until(lambda: oldest not in one.workers)
        await one.scale(2)  # the one that drains does not count
        await until(lambda: len(one.workers) == 2)
        assert not answer.done()
        assert "slept 3" in await answer

    play(act)


def test_a_worker_that_has_not_started_yet_goes_before_one_that_serves(play: Play, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "import os, time\nfrom pathlib import Path\n\n\ndef init():\n"
        f"    while Path({str(tmp_path / 'wait')!r}).exists():\n        time.sleep(0.02)\n\n\n"
        "def run(raw_data):\n    return os.getpid()\n"
    )

    async def act(fleet: Fleet) -> None:
        one = await fleet.start(script)
        before = one.workers
        (tmp_path / "wait").touch()
        await one.scale(2)
        await until(lambda: one.status == "running init()" and fleet.output[one.key].count(b"running init()") == 2)
        await one.scale(1)
        (tmp_path / "wait").unlink()
        await one.scale(2)
        await until(lambda: len(one.workers) == 2)
        assert before[0] in one.workers

    play(act)


# -- nothing is lost when a worker ends -----------------------------------------------------------------


def test_a_kept_connection_is_answered_while_its_worker_drains_and_told_that_it_closes(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        (worker,) = one.workers
        reader, writer = await asyncio.open_unix_connection(worker.socket)
        waiting = await asyncio.open_unix_connection(worker.socket)
        writer.write(request("echo first"))
        assert b"200" in await reader.readuntil(b'"first"')
        stopping = asyncio.create_task(one.stop())
        await until(lambda: one.workers == ())  # it has said so
        with pytest.raises(OSError):
            await asyncio.open_unix_connection(worker.socket)
        await until(lambda: b"draining" in fleet.output[one.key])
        await asyncio.sleep(0.7)  # past the time that the front has to hear of it, within the time that it lingers
        writer.write(request("echo second"))
        answer = await asyncio.wait_for(reader.read(), START_S)
        assert b"200 OK" in answer
        assert b"connection: close" in answer.lower()
        for one_writer in (writer, waiting[1]):
            one_writer.close()
        await stopping

    play(act)


def test_what_waits_at_the_socket_of_a_busy_worker_is_answered_before_it_ends(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        (worker,) = one.workers
        busy = asyncio.create_task(ask(worker.socket, "compute 1.5"))
        await until(lambda: b"computing" in fleet.output[one.key])
        waiting = [asyncio.create_task(ask(worker.socket, f"echo {number}")) for number in range(5)]
        await asyncio.sleep(0.1)
        await one.stop()
        assert all("200 OK" in answer for answer in [await busy, *[await answer for answer in waiting]])

    play(act)


def test_a_front_that_lets_go_of_its_connections_is_not_waited_for(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        one = await fleet.start()
        _, writer = await asyncio.open_unix_connection(one.workers[0].socket)
        stopping = asyncio.create_task(one.stop())
        await until(lambda: one.workers == ())
        writer.close()
        await stopping

    play(act)


# -- two sets do not see each other ----------------------------------------------------------------------


def test_modules_folders_variables_and_handlers_of_two_sets_do_not_meet(play: Play, tmp_path: Path) -> None:
    text = """
import os
import signal
import sys

import helper
import numpy as np


def init():
    signal.signal(signal.SIGUSR1, lambda number, frame: None if {number} else sys.exit())
    os.environ["MINE"] = "{number}"
    os.umask(0o0{number}7)
    np.random.seed({number})


def run(raw_data):
    handler = signal.getsignal(signal.SIGUSR1)
    umask = os.umask(0)
    os.umask(umask)
    return [helper.NAME, os.getcwd(), os.environ["MINE"], os.environ["GIVEN"], os.environ.get("GONE"), umask,
            handler.__code__.co_filename, len(sys.argv), sys.argv[-1]]
"""

    async def act(fleet: Fleet) -> None:
        fleet.surroundings.environ["GONE"] = "set"  # type: ignore[index]
        answers = []
        for number in (1, 2):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "score.py").write_text(text.replace("{number}", str(number)))
            (folder / "helper.py").write_text(f"NAME = 'helper {number}'\n")
            environ = {"GIVEN": f"given {number}", "GONE": None}
            answers.append(await fleet.start(folder / "score.py", environ=environ))
        for number, one in enumerate(answers, 1):
            folder = tmp_path / str(number)
            script = str(folder / "score.py")
            umask = int(f"{number}7", 8)
            expected = [f"helper {number}", str(folder), str(number), f"given {number}", None, umask, script, 3, script]
            assert json.loads(await said(one, "{}")) == expected

    play(act)


def test_no_set_holds_a_file_of_another_or_of_its_template(play: Play) -> None:
    async def act(fleet: Fleet) -> None:
        first, second = await fleet.start(), await fleet.start()
        for pid in (second.pid, second.workers[0].pid):
            own = [file for file in open_files(pid) if not file.startswith(("/", "anon_inode"))]
            others = open_files(first.pid) + open_files(first.workers[0].pid)
            others += open_files(fleet.surroundings.templates.pids[0])
            assert not set(own) & {file for file in others if not file.startswith(("/", "anon_inode"))}
            assert not [file for file in open_files(pid) if "pidfd" in file]

    play(act)


def test_random_numbers_are_each_processes_own(play: Play, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "import random\nimport numpy as np\n\n\ndef init():\n    pass\n\n\n"
        "def run(raw_data):\n    return [random.random(), np.random.random()]\n"
    )

    async def act(fleet: Fleet) -> None:
        drawn = []
        for _ in range(2):
            one = await fleet.start(script, workers=2)
            await until(lambda one=one: len(one.workers) == 2)  # type: ignore[misc]
            drawn += [(await ask(worker.socket, "{}")).partition("\r\n\r\n")[2] for worker in one.workers]
        assert len({number for pair in drawn for number in json.loads(pair)}) == 8

    play(act)


def test_who_wants_other_variables_at_the_start_of_python_gets_another_template(play: Play, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "import sys\n\n\ndef init():\n    pass\n\n\n"
        "def run(raw_data):\n    return [sys.flags.hash_randomization, *sys.path]\n"
    )

    async def act(fleet: Fleet) -> None:
        plain = await fleet.start(script, environ={"PYTHONPATH": str(tmp_path / "modules")})
        count = len(fleet.surroundings.templates.pids)
        seeded = await fleet.start(script, environ={"PYTHONHASHSEED": "0"})
        assert len(fleet.surroundings.templates.pids) == count + 1
        assert str(tmp_path / "modules") in await said(plain, "{}")
        assert (await said(seeded, "{}")).startswith("[0,")
        assert str(tmp_path / "modules") not in await said(seeded, "{}")

    play(act)


# -- behind a front -----------------------------------------------------------------------------------------


def test_the_front_is_trusted_and_no_key_is_asked_for(play: Play, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "from azureml.contrib.services.aml_request import AMLRequest, rawhttp\n\n\ndef init():\n    pass\n\n\n"
        "@rawhttp\ndef run(request):\n    return request.remote_addr + ' ' + request.scheme\n"
    )

    async def act(fleet: Fleet) -> None:
        one = await fleet.start(script, environ={"SCORINGHOST_PRIMARY_KEY": "secret"})
        answer = await said(one, "x", "x-forwarded-for: 192.0.2.9, 192.0.2.7", "x-forwarded-proto: https")
        assert answer == '"192.0.2.7 https"'

    play(act)
