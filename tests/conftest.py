"""What the conformance, live and sample tests share: our server as a process, and what is asked of it."""

from __future__ import annotations

import contextlib
import gc
import http.client
import importlib.util
import itertools
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadgroup import LoadGroupScheduling  # type: ignore[import-untyped]

PROGRAM = Path(sys.executable).with_name("scoringhost")
SAMPLES = Path(__file__).parent.parent / "samples"
READY = r"worker (\d+) is ready for requests"
START_S = 30.0
"""How long anything may take before a test gives up; nothing ever waits that long when all is well."""


# Some hundred tests start a program, and each process of a parallel run imports all tests. Where Python is told not
# to keep what it compiles (PYTHONDONTWRITEBYTECODE, as in many containers), each of them compiles everything anew:
# 16 s of processor time instead of 8 for the tests alone. The programs that tests start use what is there and write
# nothing: a script that is written anew within a second, with the same size, would be taken for its older self.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.dont_write_bytecode = False


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let the collector look no more at the tests and at what they import: a full collection takes 0.3 s otherwise."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """How many processes `-n auto` starts: half as many again as there are cores.

    Tests of real servers wait for processes to start and for time limits to pass about a third of their time. The
    inner loop computes only, and each further process would import all tests once more: one for each core.
    """
    if config.option.markexpr == "not slow":
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + cores // 2


class OneFileInOneProcess(LoadGroupScheduling):  # type: ignore[misc]
    """Hands out whole files, and groups as xdist knows them; the largest first.

    What a module's fixture starts or trains is done once, not in each process. And xdist looks at all that it has
    handed out whenever a test ends: with each test by itself that took 20 s of processor time for 8,000 tests.

    What imports scikit-learn is in one process: it brings a thousand modules along, and whenever a script is loaded
    after that all modules are looked at, twice.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(("samples/", "tests/samples/")):
            return "scikit-learn"
        return str(super()._split_scope(nodeid)).partition("::")[0]


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneFileInOneProcess | None:
    """Take ours in the place of `loadgroup`, which pyproject.toml asks for."""
    return OneFileInOneProcess(config, log) if config.option.dist == "loadgroup" else None


SLOW_FOLDERS = (
    "samples/",
    "tests/clusters/",
    "tests/conformance/test_deadlines.py",
    "tests/container/",
    "tests/live/",
    "tests/mlflow_folders/",
    "tests/samples/",
    "tests/unit/cli/test_call.py",
    "tests/unit/cli/test_replay.py",
    "tests/unit/client/test_remote.py",
    "tests/unit/doors/grpc/",
    "tests/unit/doors/kafka/test_kafka_door.py",
    "tests/unit/fleet/environments/",
    "tests/unit/runtimes/",
    "tests/unit/test_embedding.py",
    "tests/unit/test_testing.py",
    "tests/unit/test_windows.py",
)
"""Tests that start real servers, and tests that train models or load them with the libraries that they need."""

LONGER_FOLDERS = (
    "tests/unit/azureml/common/test_http_client.py",
    "tests/unit/azureml/deploy/",
    "tests/unit/fleet/front/",
    "tests/unit/hub/control/",
    "tests/unit/hub/test_full_disk.py",
    "tests/unit/hub/test_registry.py",
    "tests/unit/kubernetes/test_generated.py",
    "tests/unit/schema/test_equals_inference_schema.py",
)
"""Tests that take longer than an inner loop may. They run on every Python (see `.ci/run`), but for those that are
marked by themselves, as they start servers."""


DRILLS = (
    "samples/",
    "tests/live/",
    "tests/mlflow_folders/",
    "tests/samples/",
    "tests/unit/checking/test_models.py",
    "tests/unit/doors/kafka/test_kafka_door.py",
    "tests/unit/fleet/environments/",
    "tests/unit/runtimes/",
    "tests/unit/schema/test_equals_inference_schema.py",
    "tests/unit/test_windows.py",
)
"""Those that plain `pytest` leaves to `-m drill`: it would take twice as long. Conformance runs a server, too."""

NO_DRILLS = (
    *(f"tests/live/test_{name}.py" for name in ("http", "json_log", "tls")),
    "tests/samples/test_diabetes.py",
)

LEFT_OUT = {"not slow": ((*SLOW_FOLDERS, *LONGER_FOLDERS), ()), "not drill": (DRILLS, NO_DRILLS)}
"""By what `-m` says: where all tests are left out, and where they are not."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is left out is not imported either, which every process of a parallel run would do."""
    out, but = LEFT_OUT.get(config.option.markexpr, ((), ()))
    place = collection_path.relative_to(config.rootpath).as_posix()
    if collection_path.is_dir():
        place += "/"
    if not place.startswith(out) or place.startswith(but):
        return None
    return None if any(name.startswith(place) for name in but) else True


@pytest.hookimpl(tryfirst=True)  # before pytest deselects what `-m` leaves out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow for the folder that it is in, and refuse ids that differ from process to process.

    An id with an address does, and tests with such an id could not run in parallel. Folders are told by the ids,
    which begin with them: comparing paths took two seconds for all tests in each process of a parallel run.
    """
    wrong = []
    for item in items:
        if item.nodeid.startswith(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
        if item.nodeid.startswith(LONGER_FOLDERS) and item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.longer)
        if item.nodeid.startswith(DRILLS) and not item.nodeid.startswith(NO_DRILLS):
            item.add_marker(pytest.mark.drill)
        if " at 0x" in item.nodeid:
            wrong.append(item.nodeid)
    if wrong:
        raise pytest.UsageError(f"the ids of these tests hold addresses; give them ids of their own: {wrong}")


@dataclass(frozen=True)
class Reply:
    """One response; `whole` is false if its body was cut off."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    whole: bool = True

    def all(self, name: str) -> list[str]:
        """Every value of a header, by any spelling of its name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The only value of a header, or None; a header that came twice fails the test."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    def json(self) -> Any:
        """The body, which must be standard JSON."""

        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is not JSON: {self.body!r}")

        return json.loads(self.body, parse_constant=refuse)

    @property
    def message(self) -> str:
        """The `message` of an error reply."""
        return str(self.json()["message"])


def ask(
    port: int,
    method: str = "GET",
    target: str = "/",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
    within_s: float = START_S,
) -> Reply:
    """One request on a connection of its own; nothing but Host and Content-Length is added."""
    headers = headers or []
    given = {name.lower() for name, _ in headers}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within_s)
    with contextlib.closing(connection):
        connection.putrequest(method, target, skip_host="host" in given, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value.encode("latin-1"))
        if (body or method == "POST") and not given & {"content-length", "transfer-encoding"}:
            connection.putheader("Content-Length", str(len(body)))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read all
            connection.endheaders(body)
        response = connection.getresponse()
        try:
            return Reply(response.status, response.getheaders(), response.read())
        except http.client.IncompleteRead as cut:
            return Reply(response.status, response.getheaders(), cut.partial, whole=False)


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.count(os.getpid() * 389)
_PORTS_OF_ONE = 2_000


def free_port() -> int:
    """A port on which nobody listens.

    Below those that the system hands out: between this and its use, one of these may become the near end of another
    program's connection. Each process of a parallel run has some of its own, and gives none twice in a row: two that
    the system is asked for may be the same.
    """
    while True:
        port = 12_000 + _WORKER % 10 * _PORTS_OF_ONE + next(_PORTS) % _PORTS_OF_ONE
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def until(condition: Callable[[], Any], what: str, within_s: float = START_S) -> Any:
    """Poll until a condition answers something true; answers that."""
    deadline_s = time.monotonic() + within_s
    pause = threading.Event()
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"waited {within_s} s in vain for {what}"
        pause.wait(0.02)
    return found


@dataclass
class Log:
    """The lines that a process writes, as they come."""

    lines: list[str] = field(default_factory=list)
    closed: bool = False
    news: threading.Condition = field(default_factory=threading.Condition)

    def read(self, stream: Any) -> None:
        """Take lines until the stream ends."""
        with stream:
            for line in stream:
                with self.news:
                    self.lines.append(line.rstrip("\n"))
                    self.news.notify_all()
        with self.news:
            self.closed = True
            self.news.notify_all()

    def matches(self, pattern: str) -> list[re.Match[str]]:
        """The matches of a pattern, at most one a line."""
        return [found for line in list(self.lines) if (found := re.search(pattern, line))]

    def wait_for(self, pattern: str, count: int = 1, within_s: float = START_S) -> list[re.Match[str]]:
        """Wait until `count` lines match."""
        with self.news:
            self.news.wait_for(lambda: self.closed or len(self.matches(pattern)) >= count, within_s)
        found = self.matches(pattern)
        assert len(found) >= count, f"no {count} lines match {pattern!r} in:\n{self.text}"
        return found

    @property
    def text(self) -> str:
        """Everything so far."""
        return "\n".join(list(self.lines))


class Served:
    """A server of our own, as `scoringhost serve`, on a free port."""

    def __init__(self, port: int, *command: str | Path, cwd: Path, environ: dict[str, str]) -> None:
        self.port = port
        self.name = ""  # of its container, if it is in one
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.log = Log()
        self.process = subprocess.Popen(
            [*map(str, command)],
            cwd=cwd,
            env=kept | {"OMP_NUM_THREADS": "1"} | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self.log.read, args=[self.process.stdout], daemon=True)
        self._reader.start()

    def wait_ready(self, workers: int = 1) -> Served:
        """Wait until that many workers have been ready."""
        self.log.wait_for(READY, workers)
        return self

    def wait_answering(self) -> Served:
        """Wait until somebody answers, for a server that logs nothing."""

        def answers() -> bool:
            assert self.process.poll() is None, self.log.text
            with contextlib.suppress(OSError):
                return self.ask().status == 200
            return False

        until(answers, "an answer")
        return self

    @property
    def workers(self) -> list[int]:
        """The process ids of every worker that has been ready, in that order."""
        return [int(found[1]) for found in self.log.matches(READY)]

    def ask(self, method: str = "GET", target: str = "/", **rest: Any) -> Reply:
        """One request to it; see `ask`."""
        return ask(self.port, method, target, **rest)

    def say(self, text: str) -> Reply:
        """POST a text to /score."""
        return self.ask("POST", "/score", body=text.encode())

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the master."""
        self.process.send_signal(number)

    def exit_code(self, within_s: float = START_S) -> int:
        """Wait for its end, and for the last line of its log."""
        code = self.process.wait(within_s)
        self._reader.join(within_s)
        return code

    def stop(self) -> int:
        """End it in the ordinary way."""
        self.signal()
        return self.exit_code()

    def kill(self) -> None:
        """Leave nothing behind, whatever state it is in: its workers belong to its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(START_S)


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """Start servers, which are gone at the end of the session at the latest."""
    started: list[Served] = []

    def start(*arguments: str | Path, cwd: Path | None = None, **environ: str) -> Served:
        port, folder = free_port(), cwd or tmp_path_factory.mktemp("cwd")
        environ = {"SCORINGHOST_PORT": str(port), "SCORINGHOST_HOST": "127.0.0.1"} | environ
        served = Served(port, PROGRAM, "serve", *arguments, cwd=folder, environ=environ)
        started.append(served)
        return served

    yield start
    for served in started:
        served.kill()


@pytest.fixture(scope="session")
def start_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """Start other programs; `{port}` in an argument becomes a free port."""
    started: list[Served] = []

    def start_program(*command: str | Path, **environ: str) -> Served:
        port = free_port()
        words = [str(word).replace("{port}", str(port)) for word in command]
        started.append(Served(port, *words, cwd=tmp_path_factory.mktemp("cwd"), environ=environ))
        return started[-1]

    yield start_program
    for served in started:
        served.kill()


@pytest.fixture(scope="session")
def ray_clusters() -> Any:
    """The module ray_cluster.py, for those who start a cluster of Ray."""
    return _module_beside("ray_cluster")


@pytest.fixture(scope="session")
def fronts() -> Any:
    """The module fronts.py beside this one: a front of a fleet as a process, and what it needs."""
    return _module_beside("fronts")


def _module_beside(name: str) -> Any:
    """A module of this folder, which is no package; made once."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def port_of_nobody() -> Callable[[], int]:
    """A port on which nobody listens."""
    return free_port


@pytest.fixture(scope="session")
def served_class() -> type[Served]:
    """Served, for those who start processes of their own."""
    return Served


@pytest.fixture(scope="session")
def ask_port() -> Callable[..., Reply]:
    """ask(port, method, target, ...), for those who start what is not `Served`."""
    return ask


@pytest.fixture(scope="session")
def reply_class() -> type[Reply]:
    """Reply, for those who build one of their own."""
    return Reply


HARDENED = ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=512m", "--pids-limit=200", "--read-only"]


@pytest.fixture(scope="session")
def engine() -> Callable[..., str]:
    """engine(*words): run a command of the container engine that SCORINGHOST_CONTAINER_ENGINE names."""

    def engine(*words: str | Path) -> str:
        command = [*shlex.split(os.environ["SCORINGHOST_CONTAINER_ENGINE"]), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    return engine


@pytest.fixture(scope="session")
def image(engine: Callable[..., str]) -> str:
    """The image of the project's own Dockerfile."""
    extras = "--build-arg=EXTRAS=auth,metrics,typed"
    engine("build", "--network=host", "--tag", "scoringhost:test", extras, Path(__file__).parent.parent)
    return "scoringhost:test"


@pytest.fixture(scope="session")
def start_container(
    image: str, engine: Callable[..., str], start_program: Callable[..., Served]
) -> Iterator[Callable[..., Served]]:
    """start_container(*words, flags=..., environ=...): an image in the foreground, hardened; signals reach it."""
    names: list[str] = []

    def start_container(
        *words: str,
        flags: Sequence[str] = HARDENED,
        volumes: Sequence[str] = (),
        of: str = image,
        port: int = 5001,
        **environ: str,
    ) -> Served:
        names.append(f"scoringhost-test-{uuid.uuid4().hex}")
        given = [f"--env={name}={value}" for name, value in environ.items()]
        given += [f"--volume={volume}:ro" for volume in volumes]
        command = [*shlex.split(os.environ["SCORINGHOST_CONTAINER_ENGINE"]), "run", "--name", names[-1]]
        served = start_program(*command, "--publish", f"127.0.0.1:{{port}}:{port}", *given, *flags, of, *words)
        served.name = names[-1]
        return served

    yield start_container
    for name in names:
        engine("rm", "--force", "--volumes", name)
