"""A cluster of Ray of two nodes on this machine, and the service that is deployed in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Reply

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest deselects what `-m` leaves out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All here needs Ray; what Ray and pydantic warn of in this process is theirs."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.ray)
            item.add_marker(pytest.mark.filterwarnings("ignore"))


SCRIPT = """
import os, threading, time
from pathlib import Path

import ray

NOTES = os.environ.get("NOTES")

def note(word):
    if NOTES:
        with open(NOTES, "a") as file:
            file.write(f"{word} {threading.current_thread().name}\\n")

def init():
    note("init")
    if NOTES and Path(NOTES).with_name("broken").exists():
        raise ValueError("no model here")

def run(raw_data):
    word, _, number = raw_data.partition(" ")
    if word == "sleep":
        time.sleep(float(number))
    if word == "signal":
        note("running")
        while not Path(number).exists():
            time.sleep(0.01)
    if word == "env":
        return os.environ.get(number)
    return {"pid": os.getpid(), "node": ray.get_runtime_context().get_node_id(), "version": os.environ.get("VERSION")}

def shutdown():
    note("shutdown")
"""


class Service:
    """An application of Ray Serve, below a path of its own, and requests to it."""

    def __init__(self, cluster: Any, name: str, script: Path, ask: Callable[..., Reply]) -> None:
        self.cluster, self.name, self.script, self._ask = cluster, name, script, ask
        self.notes = script.with_name("notes")

    def deploy(
        self,
        environ: dict[str, str] | None = None,
        num_cpus: float = 0.2,
        options: dict[str, Any] | None = None,
        **given: Any,
    ) -> None:
        """Deploy it, or deploy it anew, and wait until it is served. options: Ray Serve's, in place of ours."""
        from scoringhost.ray import deployment

        env = {"NOTES": str(self.notes), **(environ or {})}
        actor = {"num_cpus": num_cpus, "runtime_env": {"env_vars": env}}
        made = deployment(str(self.script), **given).options(ray_actor_options=actor, **(options or {}))
        self.cluster.run(self.name, made, f"/{self.name}")

    def ask(self, method: str = "GET", target: str = "/", **rest: Any) -> Reply:
        """One request."""
        return self._ask(self.cluster.port, method, f"/{self.name}{target}", **rest)

    def say(self, text: str = "x", **rest: Any) -> Reply:
        """POST a text to run()."""
        return self.ask("POST", "/score", body=text.encode(), **rest)

    def noted(self) -> list[str]:
        """What the script has noted: what is done, and on which thread."""
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    @property
    def status(self) -> Any:
        """What Ray Serve says of it."""
        return self.cluster.serve.status().applications[self.name]


@pytest.fixture(scope="module")
def cluster(ray_clusters: Any, port_of_nobody: Callable[[], int]) -> Iterator[Any]:
    """A cluster of one node, with Ray's own proxy."""
    made = ray_clusters.Cluster(port_of_nobody)
    yield made
    made.close()


@pytest.fixture
def service(
    cluster: Any, ask_port: Callable[..., Reply], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Service]:
    """A service that is not deployed yet."""
    script = tmp_path / "score.py"
    script.write_text(SCRIPT)
    tmp_path.chmod(0o755)
    made = Service(cluster, f"s{abs(hash(request.node.name)) % 10**8}", script, ask_port)
    yield made
    cluster.delete_all()
