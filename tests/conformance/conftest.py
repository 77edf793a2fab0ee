"""The doors of the host, and one way of asking at each of them."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import unquote

import pytest

from scoringhost import assemble, create_app, create_asgi_app
from scoringhost.doors.asgi.messages import BrokenStream
from scoringhost.doors.functions.app import FunctionProcess, make_function_app
from scoringhost.script.world import ScriptWorld
from scoringhost.settings import Secret, Settings

if TYPE_CHECKING:
    from tests.conftest import Reply, Served

T = TypeVar("T")
Pairs = list[tuple[str, str]]
SCRIPTS = Path(__file__).parent / "scripts"
JSON: Pairs = [("Content-Type", "application/json")]


class Sender(Protocol):
    """One entry script behind one door."""

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        """Send a request exactly as given; the target is a path with its query, percent-encoded."""


class FlaskSender:
    """create_app() and Flask's test client."""

    def __init__(self, script: Path, environ: dict[str, str], make_reply: type[Reply]) -> None:
        self._app = create_app(str(script), environ=environ)
        self._make_reply = make_reply

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        path, _, query = target.partition("?")
        client = self._app.test_client()
        response = client.open(unquote(path), query_string=query, method=method, headers=headers, data=body)
        parts: list[bytes] = []
        whole = True
        try:
            parts.extend(response.iter_encoded())
        except Exception:
            whole = False
        finally:
            response.close()
        return self._make_reply(response.status_code, list(response.headers.items()), b"".join(parts), whole)

    def close(self) -> None:
        self._app.extensions["scoringhost"].close()


class AsgiSender:
    """create_asgi_app() without a server: every request is spelt out as ASGI's messages."""

    def __init__(self, script: Path, environ: dict[str, str], make_reply: type[Reply]) -> None:
        self._app = create_asgi_app(str(script), environ=environ)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._app.startup())
        self._make_reply = make_reply

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        return self._run(self._send(method, target, headers, body))

    async def _send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        path, _, query = target.partition("?")
        if method == "POST":
            headers = [*headers, ("Content-Length", str(len(body)))]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
        }
        middle = len(body) // 2
        pieces = [body[:middle], body[middle:]]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if not pieces:
                return await asyncio.get_running_loop().create_future()  # a client that stays
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            sent.append(message)

        whole = True
        try:
            await self._app(scope, receive, send)
        except BrokenStream:
            whole = False
        start, *parts = sent
        assert whole is not bool(parts[-1].get("more_body"))
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        return self._make_reply(start["status"], pairs, b"".join(part["body"] for part in parts), whole)

    def close(self) -> None:
        self._run(self._app.shutdown())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class ServerSender:
    """The real server."""

    def __init__(self, served: Served) -> None:
        self.served = served.wait_ready()

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        return self.served.ask(method, target, headers=headers, body=body)

    def close(self) -> None:
        self.served.kill()


class FrontSender:
    """The real server on a Unix socket, as one service of a fleet, and requests to it through a front."""

    def __init__(self, front: Any, name: str, replica: Any, ask: Callable[..., Reply]) -> None:
        self._front, self._prefix, self._replica, self._ask = front, f"/services/{name}", replica, ask
        self.log = replica.wait_ready().log

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        return self._ask(self._front.port, method, self._prefix + target, headers=headers, body=body)

    def close(self) -> None:
        self._replica.kill()


class RaySender:
    """A replica of Ray Serve, and requests to it through Ray's proxy."""

    def __init__(self, cluster: Any, name: str, ask: Callable[..., Reply]) -> None:
        self._cluster, self._name, self._ask = cluster, name, ask
        self.mount = f"/{name}"

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        return self._ask(self._cluster.port, method, self.mount + target, headers=headers, body=body)

    def close(self) -> None:
        self._cluster.serve.delete(self._name, _blocking=False)


class RayServices:
    """A cluster of Ray, with as many services at a time as there is memory for: a replica takes 210 MB."""

    AT_ONCE = 6

    def __init__(self, cluster: Any, ask: Callable[..., Reply]) -> None:
        self._cluster, self._ask = cluster, ask
        self._senders: dict[object, RaySender] = {}
        self._count = 0

    def start(self, key: object, script: Path, given: dict[str, object]) -> RaySender:
        """The service of that key, which is there when this returns."""
        if key in self._senders:
            self._senders[key] = self._senders.pop(key)  # the last to be used
            return self._senders[key]
        if len(self._senders) == self.AT_ONCE:
            self._senders.pop(next(iter(self._senders))).close()
        from scoringhost.ray import deployment

        settings: dict[str, Any] = {name: value for name, value in given.items() if name.islower()}
        environ = {name: str(value) for name, value in given.items() if name.isupper()}
        options = {"num_cpus": 0.1, "runtime_env": {"env_vars": environ} if environ else {}}
        self._count += 1
        name = f"s{self._count}"
        self._cluster.run(name, deployment(str(script), **settings).options(ray_actor_options=options), f"/{name}")
        self._senders[key] = RaySender(self._cluster, name, self._ask)
        return self._senders[key]

    def close(self) -> None:
        """End the cluster, and all services with it."""
        self._cluster.close()


OF_THE_FRONT = frozenset({
    "primary_key", "secondary_key", "keys_file", "token_keys", "token_issuer", "token_audience", "token_scopes",
    "token_roles", "token_leeway_s", "rate_limit", "trusted_proxies", "open_docs",
})  # fmt: skip
"""Settings that a replica is not given: who may come in is the front's."""


class Fleet:
    """Fronts, one for each set of settings that are theirs, and the replicas behind them."""

    def __init__(self, fronts: Any, ask: Callable[..., Reply], make_folder: Callable[[str], Path]) -> None:
        self._fronts, self._ask, self._make_folder = fronts, ask, make_folder
        self._started: dict[object, Any] = {}
        self._count = 0

    def start(self, script: Path, environ: dict[str, str]) -> FrontSender:
        """A service, which is there when this returns."""
        settings, _ = Settings.load(environ, {}, os.getcwd())
        own = {name: getattr(settings, name) for name in (*OF_THE_FRONT, "cors_origins")}
        own |= {"traces": settings.traces, "open_telemetry": dict(settings.open_telemetry)}
        origins = {name: origin for name, origin in settings.origins.items() if name in own}
        shown = {name: one.reveal() if isinstance(one, Secret) else one for name, one in own.items()}
        key = repr((shown, origins))
        if key not in self._started:
            self._started[key] = self._fronts.Front(Settings(**own, origins=origins))
        front = self._started[key]
        self._count += 1
        name = f"s{self._count}"
        dropped = {f"SCORINGHOST_{one.upper()}" for one in OF_THE_FRONT}
        kept = {key: value for key, value in environ.items() if key not in dropped}
        replica = self._fronts.Replica(script, self._make_folder("w"), SCORINGHOST_TRUSTED_PROXIES="unix", **kept)
        front.add(self._fronts.service(name, self._fronts.version("", replica.path, key=name)))
        return FrontSender(front, name, replica, self._ask)

    def close(self) -> None:
        """End the fronts; the replicas are ended by their senders."""
        for front in self._started.values():
            front.kill()


class FunctionsWorker:
    """Microsoft's own worker code in this process: its bindings, its way to run functions, its event loop."""

    # What it wants of the messages between worker and host to index functions.
    PROTOS: Any = SimpleNamespace(
        BindingInfo=type("BindingInfo", (SimpleNamespace,), {"undefined": 0, "in": 0, "out": 1, "inout": 2}),
        RpcFunctionMetadata=SimpleNamespace,
    )

    def __init__(self, app: Any) -> None:
        try:
            from azure_functions_runtime import handle_event, loader
            from azure_functions_runtime.bindings import meta
            from azure_functions_runtime.functions import Registry
        except ImportError as missing:
            command = "pip install --no-deps --ignore-requires-python azure-functions-runtime==1.3.0"
            pytest.fail(f"{missing}; this door needs: {command}", pytrace=False)
        meta.load_binding_registry()
        registry = Registry()
        loader.process_indexed_function(self.PROTOS, registry, app.get_functions(), "")
        self._ids: dict[str, str] = {}
        for info in registry._functions.values():  # several apps in one process, which a worker never has
            self._ids[info.name] = str(uuid.uuid4())
            handle_event._functions._functions[self._ids[info.name]] = info
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def invoke(self, function: str, inputs: list[tuple[str, Any]], metadata: Any = None) -> Any:
        """Run one invocation as a task of the worker's event loop; answers what the worker would send back."""
        from azure_functions_runtime import native_invocation

        call = native_invocation.invocation_request_native(
            str(uuid.uuid4()), self._ids[function], inputs, metadata or {}
        )
        return self.do(call)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Await something on the worker's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class FunctionsSender:
    """The function app in Microsoft's worker; requests are what the Functions host would make of them."""

    def __init__(self, script: Path, environ: dict[str, str], make_reply: type[Reply]) -> None:
        settings, _ = Settings.load(environ, {"script": ("script", str(script))}, os.getcwd())
        ScriptWorld(settings).enter(os.environ)
        self._process = FunctionProcess(
            settings, partial(assemble.build, settings), partial(assemble.stand_in, settings)
        )
        self._worker = FunctionsWorker(make_function_app(self._process, settings.auth_level))
        # Until then health is a 503, which the other doors have been through when their tests begin.
        self._worker.do(self._process.loaded())
        self._make_reply = make_reply

    def send(self, method: str, target: str, headers: Pairs, body: bytes) -> Reply:
        from azure_functions_runtime.bindings.datumdef import Datum

        def texts(pairs: Any) -> dict[str, Any]:
            return {name: Datum(value, "string") for name, value in pairs}

        given = {"host": "localhost"} | ({"content-length": str(len(body))} if method == "POST" else {})
        for name, value in headers:
            key = name.lower()
            given[key] = f"{given[key]},{value}" if key in given and key not in ("host", "content-length") else value
        http = {
            "method": Datum(method, "string"),
            "url": Datum(f"http://{given['host']}{target}", "string"),
            "headers": texts(given.items()),
            "query": {},
            "params": {},
            "body": Datum(body, "bytes"),
        }
        ok, datum, _, problem, trace = self._worker.invoke("scoring", [("req", Datum(http, "http"))])
        assert ok, f"{problem}\n{trace}"
        answer = datum.value
        pairs = [(name, value.value) for name, value in answer["headers"].items()]
        pairs += [("Set-Cookie", one.OutputString()) for jar in answer["cookies"] or () for one in jar.values()]
        assert all(value.isascii() for _, value in pairs), "the Functions host refuses such headers"
        reply = self._make_reply(int(answer["status_code"].value), pairs, answer["body"].value)
        if method != "HEAD" and reply.status not in (204, 304):
            assert reply.header("Content-Length") == str(len(reply.body)), "the Functions host drops the connection"
        return reply

    def close(self) -> None:
        self._process.close()
        self._worker.close()


class Client:
    """A sender, and what most tests ask of it."""

    def __init__(self, sender: Sender) -> None:
        self.send = sender.send
        self.mount: str = getattr(sender, "mount", "")
        """The path below which the service has all of its own, as it is told."""

    def get(self, target: str, headers: Pairs | None = None) -> Reply:
        return self.send("GET", target, headers or [], b"")

    def post(self, body: bytes | str, headers: Pairs | None = None) -> Reply:
        """POST a body to /score, as JSON unless headers are given."""
        data = body.encode() if isinstance(body, str) else body
        return self.send("POST", "/score", JSON if headers is None else headers, data)

    def score(self, headers: Pairs | None = None, **parameters: Any) -> Reply:
        """POST named parameters as a JSON object."""
        return self.post(json.dumps(parameters), JSON + (headers or []))

    def result(self, **parameters: Any) -> Any:
        """What run() answers to named parameters."""
        reply = self.score(**parameters)
        assert reply.status == 200, reply.body
        return reply.json()

    def packed(self, body: bytes, coding: str = "gzip") -> Reply:
        """POST a body with a Content-Encoding."""
        return self.post(gzip.compress(body), [*JSON, ("Content-Encoding", coding)])


# One door is enough for the inner loop: nearly all that these tests look at is the same code behind each of them.
DOORS = ["flask", *(pytest.param(door, marks=pytest.mark.slow) for door in ("asgi", "functions", "server"))]
# The server once more, behind a proxy of ours: with the drills, as it takes as long as all other doors.
DOORS.append(pytest.param("front", marks=[pytest.mark.slow, pytest.mark.drill, pytest.mark.behind_front]))
if "SCORINGHOST_CONTAINER_ENGINE" in os.environ:  # .ci/containers
    DOORS.append(pytest.param("container", marks=pytest.mark.slow))
OTHERWISE_IN_RAY = {
    "test_an_empty_id_counts_as_none": "Ray's proxy sends x-request-id itself, and takes an empty one for an id",
    "test_a_request_id_of_over_100_characters_is_a_431_without_it": "and repeats one that is too long",
    "test_a_method_that_nobody_knows_is_a_405": "Ray's proxy refuses it with a 400 before the replica sees it",
}
"""What is not as behind the other doors, by the name of the test, and why; docs/pages/ray.md has the same for users."""
if "SCORINGHOST_RAY" in os.environ:  # with `-m ray`
    of_ray = pytest.mark.filterwarnings("ignore")  # of pydantic, to Ray, and files that Ray leaves open in this process
    DOORS.append(pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.ray, of_ray]))
SENDERS = {"flask": FlaskSender, "asgi": AsgiSender, "functions": FunctionsSender}


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of one door in one process, so that what a test there has started is not started in another, too."""
    for item in items:
        spec = getattr(item, "callspec", None)
        if spec is not None and item.nodeid.startswith("tests/conformance/") and "door" in spec.params:
            item.add_marker(pytest.mark.xdist_group(f"door {spec.params['door']}"))
            why = OTHERWISE_IN_RAY.get(item.name.replace("[ray-", "[").replace("[ray]", ""))
            if why is not None and spec.params["door"] == "ray":
                item.add_marker(pytest.mark.xfail(reason=why, strict=True))


@pytest.fixture(scope="session", params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    """The current door, for the few tests on which doors differ; the README has the table of differences."""
    return str(request.param)


@pytest.fixture(scope="session")
def fleet(fronts: Any, ask_port: Callable[..., Reply], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Fronts, and what is behind them."""
    made = Fleet(fronts, ask_port, tmp_path_factory.mktemp)
    yield made
    made.close()


@pytest.fixture(scope="session")
def ray_services(
    ray_clusters: Any, ask_port: Callable[..., Reply], port_of_nobody: Callable[[], int]
) -> Iterator[RayServices]:
    """A cluster of Ray, and what is deployed in it."""
    made = RayServices(ray_clusters.Cluster(port_of_nobody), ask_port)
    yield made
    made.close()


@pytest.fixture(scope="session")
def serve(
    door: str,
    request: pytest.FixtureRequest,
    start: Callable[..., Served],
    reply_class: type[Reply],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Client]]:
    """serve(script, **settings): one of scripts/ behind the current door, kept until the session ends.

    Names in capitals are environment variables as they stand, all others fields of Settings.
    """
    opened: dict[object, Any] = {}
    before, path = dict(os.environ), list(sys.path)
    nowhere = str(tmp_path_factory.mktemp("app_root"))

    def serve(name: str, **settings: object) -> Client:
        key = (name, tuple(sorted(settings.items())))
        if door == "ray":
            given = {"app_root": nowhere, **settings}
            return Client(request.getfixturevalue("ray_services").start(key, SCRIPTS / name, given))
        if key not in opened:
            script = SCRIPTS / name
            given = {"app_root": nowhere, **settings}
            environ = {f"SCORINGHOST_{k.upper()}" if k.islower() else k: str(v) for k, v in given.items()}
            if door == "server":
                opened[key] = ServerSender(start(script, **environ))
            elif door == "front":
                opened[key] = request.getfixturevalue("fleet").start(script, environ)
            elif door == "container":
                run = request.getfixturevalue("start_container")
                root = Path(environ.pop("SCORINGHOST_APP_ROOT"))
                root.chmod(0o755)
                volumes = [f"{SCRIPTS}:/scripts", f"{root}:/app"]
                volumes += [f"{value}:{value}" for value in given.values() if isinstance(value, Path)]
                opened[key] = ServerSender(run(f"/scripts/{name}", volumes=volumes, **environ))
            else:
                opened[key] = SENDERS[door](script, environ, reply_class)
        return Client(opened[key])

    yield serve
    for sender in opened.values():
        sender.close()
    os.environ.clear()
    os.environ.update(before)
    sys.path[:] = path
