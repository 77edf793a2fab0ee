"""The container of our manifests, run as a kubelet runs it: what the Deployment says is what the engine is told."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.container.kubelet import Pod

if TYPE_CHECKING:
    from tests.conftest import Reply, Served

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = Path(__file__).parent / "scripts"
WORDS = "--name naps --cpu 0.5 --cpu-limit 2 --memory-gb 0.25 --memory-gb-limit 0.5 --concurrency 2"
WORDS += " --scoring-timeout-ms 30000 --max-request-wait-ms 20000"  # a 503 is then of the end, and not of the queue
CLIENTS = 4
ASKED_EVERY_S = 0.05


class Pods:
    """Starts pods, and asks them as a cluster does."""

    def __init__(self, tmp_path: Path, engine: Callable[..., str], start_container: Callable[..., Served]) -> None:
        self._tmp_path, self._engine, self._start_container = tmp_path, engine, start_container

    def start(self, target: str, *words: str, metrics_port: int) -> tuple[Pod, Served]:
        """Pack, build and run; the container's port for metrics is the one given."""
        service, output, mounted = (self._tmp_path / name for name in ("naps", "deploy", "mounted"))
        shutil.copytree(SCRIPTS, service)
        mounted.mkdir()
        program = Path(sys.executable).with_name("scoringhost")
        command = [program, "package", "--target", target, service, "--output", output, *WORDS.split(), *words]
        subprocess.run([*map(str, command)], check=True)
        names = yaml.safe_load((output / "kustomization.yaml").read_text())["resources"]
        manifests = [one for name in names for one in yaml.safe_load_all((output / name).read_text())]
        pod = Pod(manifests, mounted)
        image = pod.container["image"]
        self._engine("build", "--network=host", "--tag", image, output / "image")
        port = int(pod.variables()["SCORINGHOST_PORT"])
        publish = f"--publish=127.0.0.1:{metrics_port}:{pod.variables()['SCORINGHOST_METRICS_PORT']}"
        served = self._start_container(
            of=image, port=port, flags=[publish, *pod.flags()], volumes=pod.volumes(), **pod.variables()
        )
        return pod, served

    def terminate(self, pod: Pod, served: Served) -> None:
        """End a pod as the kubelet does: preStop, SIGTERM, and SIGKILL when the grace period is over."""
        threading.Event().wait(pod.pre_stop_s)
        self._engine("stop", f"--time={pod.grace_s - pod.pre_stop_s:.0f}", served.name)


@pytest.fixture
def pods(tmp_path: Path, engine: Callable[..., str], start_container: Callable[..., Served]) -> Pods:
    return Pods(tmp_path, engine, start_container)


def wait_started(pod: Pod, served: Served) -> None:
    """Ask as the startup probe says, and no longer than it says."""
    probe = pod.container["startupProbe"]
    for _ in range(probe["failureThreshold"]):
        try:
            if served.ask("GET", probe["httpGet"]["path"]).status == 200:
                return
        except OSError:
            assert served.process.poll() is None, served.log.text
        threading.Event().wait(probe["periodSeconds"])
    raise AssertionError(f"not started: {served.log.text}")


class Load:
    """Sends requests, each on a connection of its own, until it is told that the pod is known as gone."""

    def __init__(self, send: Callable[[], Reply]) -> None:
        self._send, self._is_over = send, threading.Event()
        self.answers: list[tuple[int | str, bytes]] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._is_over.wait(ASKED_EVERY_S):
            try:
                reply = self._send()
                self.answers.append((reply.status, reply.body))
            except OSError as problem:
                self.answers.append((repr(problem), b""))

    def stop(self) -> list[tuple[int | str, bytes]]:
        """No more requests; returns what the others were answered."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)
        return self.answers


@pytest.mark.parametrize(("target", "words"), [("kubernetes", []), ("kserve", ["--kserve-mode", "standard"])])
def test_the_container_of_the_manifests_runs_as_they_say_and_loses_nothing_at_its_end(
    pods: Pods,
    later: Callable[[Callable[[], Reply]], Callable[[], Reply]],
    port_of_nobody: Callable[[], int],
    ask_port: Callable[..., Reply],
    engine: Callable[..., str],
    target: str,
    words: list[str],
) -> None:
    metrics_port = port_of_nobody()
    pod, served = pods.start(target, *words, metrics_port=metrics_port)
    wait_started(pod, served)
    served.wait_ready(2)

    probes = {name: pod.container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    answers = {name: served.ask("GET", probe["httpGet"]["path"]).status for name, probe in probes.items()}
    assert answers == dict.fromkeys(probes, 200)
    assert engine("exec", served.name, "id", "-u").strip() == "10001"
    assert not served.log.matches(r"Traceback|Read-only|Errno|warning")

    # Keys are files; whoever sends none is refused, and a changed Secret counts without a restart.
    assert served.say("look").status == 401
    headers = [("Authorization", f"Bearer {key_of(pod, 'primary')}")]

    def say(text: str) -> Reply:
        return served.ask("POST", "/score", headers=headers, body=text.encode())

    assert say("look").json()["temporary"] == "/tmp"
    assert "scoringhost_requests_in_flight" in ask_port(metrics_port, "GET", "/metrics").body.decode()

    # The end: for some seconds requests still come, as not everybody knows yet; a long one is under way all the time.
    slow = later(lambda: say("nap 9"))
    served.log.wait_for("napping 9")
    load = Load(lambda: say("look"))
    ending = threading.Thread(target=pods.terminate, args=(pod, served), daemon=True)
    ending.start()
    threading.Event().wait(max(pod.pre_stop_s, delay_s(pod)) - 1)
    sent = load.stop()
    ending.join(pod.grace_s)
    assert slow().status == 200
    assert len(sent) > 20
    assert [answer for answer in sent if answer[0] != 200] == []
    assert served.exit_code() == 0
    assert engine("inspect", served.name, "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}").split() == [
        "0",
        "false",
    ]
    assert served.log.matches("shutdown")


def test_a_changed_secret_counts_without_a_restart(
    pods: Pods, port_of_nobody: Callable[[], int], eventually: Callable[..., None]
) -> None:
    pod, served = pods.start("kubernetes", metrics_port=port_of_nobody())
    wait_started(pod, served)
    served.wait_ready(2)

    def status(key: str) -> int:
        return served.ask("POST", "/score", headers=[("Authorization", f"Bearer {key}")], body=b"look").status

    old = key_of(pod, "primary")
    assert status(old) == 200
    pod.write("keys", {"primary": "another-key-of-some-length", "secondary": key_of(pod, "secondary")})
    eventually(lambda: status("another-key-of-some-length") == 200, "the new key")
    eventually(lambda: status(old) == 401, "the end of the old one")
    assert status(key_of(pod, "secondary")) == 200
    assert len(served.workers) == 2
    assert served.stop() == 0


def key_of(pod: Pod, name: str) -> str:
    secret = pod._find("Secret", "naps-keys")
    return str(secret["stringData"][name])


def delay_s(pod: Pod) -> float:
    """What the host itself waits after SIGTERM, where there is no preStop."""
    variables: dict[str, Any] = pod.variables()
    return float(variables.get("SCORINGHOST_SHUTDOWN_DELAY_S", 0))
