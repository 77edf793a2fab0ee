"""Function apps behind a host for function apps, over real HTTP.

Not part of `pytest`: these tests need a program that runs a function app folder, which is named by
SCORINGHOST_FUNCTIONS_HOST (a command line that takes --app, --port, --env NAME=VALUE, --auth and
--storage, and prints a line that starts with READY). Run them with `pytest tests/functions`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Reply, Served

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = Path(__file__).parent / "scripts"
CONFORMANCE = ROOT / "tests" / "conformance" / "scripts"
END_S = 30.0


def command_from(name: str) -> list[str]:
    """A command line from the environment; a test that needs one which is not given fails."""
    command = shlex.split(os.environ.get(name, ""))
    if not command:
        pytest.fail(f"{name} names no program; see {__file__}", pytrace=False)
    return command


class RunningApp:
    """One function app over HTTP."""

    def __init__(self, served: Served) -> None:
        self.served, self.log = served, served.log
        self.log.wait_for("^READY ", within_s=60)

    def ask(self, method: str = "GET", target: str = "/", **rest: Any) -> Reply:
        """One request."""
        return self.served.ask(method, target, **rest)

    def score(self, body: bytes | str, *headers: tuple[str, str], target: str = "/score") -> Reply:
        """POST a body to /score."""
        data = body.encode() if isinstance(body, str) else body
        return self.ask("POST", target, headers=list(headers), body=data)

    def wait_ready(self) -> RunningApp:
        """Wait until init() has run."""
        self.served.wait_ready()
        return self

    @property
    def pids(self) -> list[int]:
        """The worker processes that are running."""
        return [worker["pid"] for worker in self.ask("GET", "/admin/host/status").json()["workers"]]

    def close(self) -> None:
        """End the host in the ordinary way: it ends its workers."""
        self.served.signal(signal.SIGTERM)
        try:
            self.served.exit_code(END_S)
        finally:
            self.served.kill()


Run = Callable[..., RunningApp]


def make_app(folder: Path, **host_json: Any) -> Path:
    """A function app folder of the project's own function_app.py, without a script."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "function_app" / "function_app.py", folder)
    settings = json.loads((ROOT / "function_app" / "host.json").read_text(encoding="utf-8"))
    (folder / "host.json").write_text(json.dumps({**settings, **host_json}), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def launch(start_program: Callable[..., Served]) -> Callable[..., RunningApp]:
    """launch(folder, *flags, **settings): a function app folder as it stands, with further app settings."""

    def launch(folder: Path, *flags: str, **settings: object) -> RunningApp:
        names = {f"SCORINGHOST_{name.upper()}" if name.islower() else name: value for name, value in settings.items()}
        words = [word for name, value in names.items() for word in ("--env", f"{name}={value}")]
        command = command_from("SCORINGHOST_FUNCTIONS_HOST")
        return RunningApp(start_program(*command, "--app", folder, "--port", "{port}", *flags, *words))

    return launch


@pytest.fixture
def run(launch: Callable[..., RunningApp], tmp_path: Path) -> Iterator[Run]:
    """run(script, *flags, **settings): an entry script as a function app, gone after the test."""
    with contextlib.ExitStack() as stack:

        def run(script: Path, *flags: str, **settings: object) -> RunningApp:
            app = launch(make_app(tmp_path / "app"), *flags, script=script, **settings)
            stack.callback(app.close)
            return app

        yield run


@pytest.fixture(scope="module")
def kept(launch: Callable[..., RunningApp], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """kept(name, **settings): one of the conformance suite's scripts, kept for the other tests of the module."""
    running: dict[object, RunningApp] = {}

    def kept(name: str, **settings: object) -> RunningApp:
        key = (name, tuple(sorted(settings.items())))
        if key not in running:
            app = launch(make_app(tmp_path_factory.mktemp("app")), script=CONFORMANCE / name, **settings)
            running[key] = app.wait_ready()
        return running[key]

    yield kept
    for app in running.values():
        app.close()


@pytest.fixture(scope="session")
def storage(start_program: Callable[..., Served]) -> Iterator[str]:
    """The connection string of a storage emulator of our own, named by SCORINGHOST_AZURITE."""
    from contextlib import closing
    from socket import socket

    def port() -> int:
        with closing(socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    blobs, queues, tables = port(), port(), port()
    ports = ["--blobPort", blobs, "--queuePort", queues, "--tablePort", tables]
    flags = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    emulator = start_program(*command_from("SCORINGHOST_AZURITE"), *flags, *map(str, ports))
    emulator.log.wait_for("Table service is successfully listening")
    # The account that every emulator has; its key is public.
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    base = "http://127.0.0.1:{}/devstoreaccount1"
    yield (
        f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};"
        f"BlobEndpoint={base.format(blobs)};QueueEndpoint={base.format(queues)};"
    )
    emulator.signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        emulator.exit_code(END_S)


@pytest.fixture(scope="session")
def app_folder() -> Callable[..., Path]:
    """app_folder(folder): make_app, for those who cannot import it."""
    return make_app
