"""create_app() under WSGI servers: of one thread or many, forked before it is made or after, below a path or not."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import until

if TYPE_CHECKING:
    from tests.conftest import Reply, Served

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent
# A worker that is told to end while it still starts does not hear it, and gunicorn kills it after that time.
GUNICORN: list[str | Path] = [
    *(BIN / "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "2", "--graceful-timeout", "10", "outer:app"),
]
APACHE = shutil.which("apache2", path=os.environ["PATH"] + ":/usr/sbin")
APACHE_MODULES = Path("/usr/lib/apache2/modules")

COMMANDS: dict[str, list[str | Path]] = {
    "waitress": [BIN / "waitress-serve", "--listen=127.0.0.1:{port}", "--threads=8", "outer:app"],
    "waitress with one thread, below a path": [
        BIN / "waitress-serve", "--listen=127.0.0.1:{port}", "--threads=1", "--url-prefix=/model", "outer:app",
    ],
    "gunicorn that forks first": [*GUNICORN, "--threads", "4"],
    "gunicorn that forks afterwards": [*GUNICORN, "--preload"],
    "gunicorn below a path": [*GUNICORN, "--preload", "--env", "SCRIPT_NAME=/model"],
    "granian": [
        BIN / "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1",
        "--blocking-threads", "4", "outer:app",
    ],
    "hypercorn": [BIN / "hypercorn", "--bind", "127.0.0.1:{port}", "wsgi:outer:app"],
    "mod_wsgi": [APACHE or "apache2", "-DFOREGROUND", "-c", "Listen 127.0.0.1:{port}", "-f", "{folder}/apache.conf"],
}  # fmt: skip
BELOW = {name: "/model" for name in COMMANDS if "below a path" in name} | {"mod_wsgi": "/model"}
LOSES_CHUNKS = ("hypercorn",)
"""Servers that hand a body in chunks over as an empty one."""
ENDS_AT_ONCE = ("waitress", "waitress with one thread, below a path")
"""Servers that a SIGTERM ends at once, as it does any Python program that has no handler for it."""

CONFIGURATION = """
ServerRoot {folder}
PidFile {folder}/pid
DefaultRuntimeDir {folder}
ErrorLog /dev/stdout
ServerName localhost
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
User {user}
Group {group}
WSGISocketPrefix {folder}/socket
WSGIPythonHome {home}
WSGIDaemonProcess scoring processes=2 threads=4 python-home={home} python-path={folder}
WSGIScriptAlias /model {folder}/outer.py process-group=scoring application-group=%{{GLOBAL}}
WSGIChunkedRequest On
<Directory {folder}>
Require all granted
</Directory>
"""

OUTER = """
from pathlib import Path
import flask
from scoringhost import create_app

folder = Path(__file__).parent
app = application = create_app(str(folder / "score.py"), app_root=str(folder), max_body_mb=1)


@app.before_request
def guard():
    if flask.request.headers.get("x-key") != "secret":
        return "who are you?", 401


@app.after_request
def after(response):
    response.headers["x-after"] = "seen"
    return response
"""

SCRIPT = """
import os, pathlib, threading

HERE = pathlib.Path(__file__).parent

def note(word):
    with open(HERE / "life", "a") as file:
        file.write(f"{word} {os.getpid()} {threading.current_thread().name}\\n")


def init():
    note("init")


def run(raw_data):
    note("run")
    if raw_data == "where":
        import flask
        return flask.request.url
    return count() if raw_data == "stream" else {"got": raw_data}


def count():
    for number in range(3):
        yield f"{number} "


def shutdown():
    note("shutdown")
"""


class Launched:
    """The application of a folder behind a server, and who knows its key."""

    def __init__(self, served: Served, folder: Path, prefix: str) -> None:
        self.served, self.folder, self.prefix = served, folder, prefix

    def ask(self, path: str, body: bytes | None = None, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
        told = [("x-key", "secret"), *headers]
        return self.served.ask("GET" if body is None else "POST", self.prefix + path, headers=told, body=body or b"")

    def life(self) -> list[list[str]]:
        """What the script has noted: word, process, thread."""
        return [line.split() for line in (self.folder / "life").read_text().splitlines()]

    def ran(self) -> list[list[str]]:
        """Process and thread of every run(); another process may still be at its init()."""
        return [rest for word, *rest in self.life() if word == "run"]


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest) -> str:
    """The server of the test."""
    if request.param == "mod_wsgi":
        if APACHE is None or not (APACHE_MODULES / "mod_wsgi.so").exists():
            pytest.skip("there is no Apache with mod_wsgi here")
        # Debian's module is made for Debian's Python.
        if not Path(f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}").exists():
            pytest.skip("the mod_wsgi that is here is for another Python")
    return str(request.param)


@pytest.fixture(scope="module")
def launch(server: str, start_program: Callable[..., Served]) -> Iterator[Callable[[], Launched]]:
    """launch(): an application behind the server of the test, in a folder of its own that other users can read."""
    folders = []

    def launch() -> Launched:
        folders.append(tempfile.mkdtemp(prefix="scoringhost-wsgi-"))
        folder = Path(folders[-1])
        folder.chmod(0o777)
        (folder / "outer.py").write_text(OUTER, encoding="utf-8")
        (folder / "score.py").write_text(SCRIPT, encoding="utf-8")
        user, group = ("www-data", "www-data") if os.getuid() == 0 else (f"#{os.getuid()}", f"#{os.getgid()}")
        apache = CONFIGURATION.format(folder=folder, modules=APACHE_MODULES, home=sys.prefix, user=user, group=group)
        (folder / "apache.conf").write_text(apache, encoding="utf-8")
        command = [str(word).replace("{folder}", str(folder)) for word in COMMANDS[server]]
        launched = Launched(start_program(*command, PYTHONPATH=str(folder)), folder, BELOW.get(server, ""))

        def answers() -> bool:
            assert launched.served.process.poll() is None, launched.served.log.text
            with contextlib.suppress(OSError):
                return launched.ask("/").status == 200
            return False

        until(answers, "an answer")
        return launched

    yield launch
    for name in folders:
        shutil.rmtree(name, ignore_errors=True)


@pytest.fixture(scope="module")
def launched(launch: Callable[[], Launched]) -> Launched:
    """What the tests of this module share."""
    return launch()


def test_requests_streams_and_documents_are_answered_below_the_path(launched: Launched) -> None:
    health = launched.ask("/")
    assert (health.body, health.header("x-after")) == (b"Healthy", "seen")
    assert launched.ask("/score", b"hello").json() == {"got": "hello"}
    assert launched.ask("/score", b"stream").body == b"0 1 2 "
    assert launched.ask("/nowhere").status == 404
    prefix = launched.prefix
    assert launched.ask("/score", b"where").json() == f"http://127.0.0.1:{launched.served.port}{prefix}/score"
    assert launched.ask("/swagger.json").json().get("basePath", "") == prefix


def test_a_guard_of_the_users_lets_nobody_in_without_a_key_and_nothing_is_run(launched: Launched) -> None:
    ran = launched.ran()
    for method, path in ("POST", "/score"), ("GET", "/"), ("GET", "/swagger.json"), ("GET", "/docs"), ("PUT", "/score"):
        refused = launched.served.ask(method, launched.prefix + path, body=b"x" if method == "POST" else b"")
        assert (refused.status, refused.body, refused.header("x-after")) == (401, b"who are you?", "seen")
    assert launched.ran() == ran


def test_many_calls_at_once_are_all_answered_on_one_scoring_thread_of_each_process(launched: Launched) -> None:
    with ThreadPoolExecutor(16) as callers:
        replies = list(callers.map(lambda number: launched.ask("/score", b"%d" % number), range(64)))
    assert [reply.json() for reply in replies] == [{"got": str(number)} for number in range(64)]
    ran = set(map(tuple, launched.ran()))
    assert len({process for process, _ in ran}) == len(ran)


def test_a_body_in_chunks_is_scored_or_refused_but_never_scored_as_an_empty_one(
    launched: Launched, server: str
) -> None:
    chunks = (("Transfer-Encoding", "chunked"),)
    reply = launched.ask("/score", b"5\r\nhello\r\n0\r\n\r\n", chunks)
    if server in LOSES_CHUNKS:
        assert (reply.status, "Content-Length" in reply.message) == (411, True)
    else:
        assert reply.json() == {"got": "hello"}


def test_a_body_over_the_limit_is_refused(launched: Launched) -> None:
    assert launched.ask("/score", b"x" * (2**20 + 1)).status == 413


def test_every_process_that_scored_ends_with_shutdown_on_the_thread_that_scored(
    launch: Callable[[], Launched], server: str
) -> None:
    launched = launch()
    assert launched.ask("/score", b"hello").status == 200
    launched.served.stop()
    if server in ENDS_AT_ONCE:
        assert [word for word, *_ in launched.life()] == ["init", "run"]
        return
    scored = launched.ran()
    ended = [rest for word, *rest in launched.life() if word == "shutdown"]
    assert scored[0] in ended, launched.served.log.text
