"""A hub in real processes: what is deployed answers, survives, fails, and is lost or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoringhost.hub.client import HubClient
from scoringhost.hub.errors import DeploymentFailed, HubAnswered, HubNotRunning
from scoringhost.hub.record import read_record
from tests.conftest import PROGRAM, ask
from tests.live.fleets import load_on
from tests.live.hubs import HubProcess, kill_at_random

DIABETES = Path(__file__).parent.parent.parent / "samples" / "diabetes"
JSON = [("Content-Type", "application/json")]
FAILING = "def init():\n    raise ValueError('no model here')\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def hub() -> Iterator[HubProcess]:
    """A hub that is not started yet, and gone after the test."""
    one = HubProcess()
    yield one
    one.remove()


def call(hub: HubProcess, name: str, body: bytes = b'{"data": 1}') -> object:
    """One request to a service."""
    record = read_record(hub.home)
    assert record is not None
    reply = ask(int(record.url.rpartition(":")[2]), "POST", f"/services/{name}/score", headers=JSON, body=body)
    assert reply.status == 200, reply.body
    return reply.json()


def test_a_sample_is_deployed_and_answers(hub: HubProcess) -> None:
    client = hub.start()
    client.deploy("first", hub.service("first"), wait_s=60)
    began_s = time.monotonic()
    client.deploy("diabetes", DIABETES, wait_s=60)
    answer = call(hub, "diabetes", (DIABETES / "request.json").read_bytes())
    took_s = time.monotonic() - began_s
    assert answer == [207.3093583144134, 70.23450426574252]
    assert took_s < 20, "it takes half a second on an idle machine"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_ran_before_a_restart_runs_after_it_at_the_same_address(hub: HubProcess, number: int) -> None:
    client = hub.start()
    for name in ("a", "b"):
        client.deploy(name, hub.service(name), wait_s=60)
    client.stop_service("b", wait_s=60)
    assert hub.process is not None
    hub.process.send_signal(number)
    hub.process.wait(60)
    hub.gone()
    assert (read_record(hub.home), (hub.home / "hub.json").exists()) == (None, number == signal.SIGKILL)
    client = hub.start()
    assert client.version("a", "1", wait_s=60)["state"] == "ready"
    assert call(hub, "a") == "a"
    assert client.service("b")["state"] == "stopped"
    assert any("ready for requests" in line for line in client.logs("a", lines=1000))
    client.start("b", wait_s=60)
    assert call(hub, "b") == "b"


def test_eight_programs_that_deploy_at_once_start_one_hub(hub: HubProcess) -> None:
    commands = [[str(PROGRAM), "deploy", str(hub.service(f"s{number}"))] for number in range(8)]
    running = [
        subprocess.Popen(command, env=hub.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    ends = [one.communicate(timeout=120) for one in running]
    assert [one.returncode for one in running] == [0] * 8, ends
    assert sum("started a hub" in err for _, err in ends) == 1
    assert [out.rpartition("/services/")[2].strip() for out, _ in ends] == [f"s{number}/score" for number in range(8)]
    for number in range(8):
        assert call(hub, f"s{number}") == f"s{number}"
    assert len(hub.client().services()) == 8
    assert hub.verb("hub", "stop").returncode == 0
    hub.gone()
    assert hub.verb("hub", "check").returncode == 0


def test_no_request_is_lost_while_a_service_is_deployed_again_and_again(hub: HubProcess) -> None:
    client = hub.start()
    client.deploy("a", hub.service("a"), wait_s=60)
    with load_on(hub.ports[0], "/services/a/score") as load:
        for _ in range(4):
            client.update("a", "1", hub.service("a"), wait_s=60)
            load.wait_for_more()
        for _ in range(3):
            client.deploy("a", hub.service("a"), wait_s=60)
            load.wait_for_more()
        client.rollback("a", wait_s=60)
        load.wait_for_more()
    assert set(load.end()) == {200}
    events = [one["what"] for one in client.events("a")]
    assert (events.count("ready"), events.count("rollback")) == (8, 1)


def test_a_deployment_that_fails_says_why_and_leaves_what_was(hub: HubProcess) -> None:
    client = hub.start()
    bad = hub.service("bad", FAILING)
    with pytest.raises(DeploymentFailed, match="no model here") as failure:
        client.deploy("a", bad, wait_s=60)
    assert any("ValueError" in line for line in failure.value.log)
    assert client.services() == []
    client.deploy("a", hub.service("a"), wait_s=60)
    with load_on(hub.ports[0], "/services/a/score") as load:
        for version in (None, "1"):
            with pytest.raises(DeploymentFailed):
                client.deploy("a", bad, version=version, wait_s=60)
        load.wait_for_more()
    assert set(load.end()) == {200}
    assert [(one["version"], one["state"]) for one in client.service("a")["versions"]] == [("1", "ready")]


def test_a_model_that_is_damaged_on_the_disk_is_noticed_at_the_start(hub: HubProcess) -> None:
    client = hub.start()
    client.deploy("diabetes", DIABETES, wait_s=60)
    client.deploy("a", hub.service("a"), wait_s=60)
    hub.stop()
    (model,) = (hub.home / "deployments").rglob("ridge.json")
    model.write_text(model.read_text().replace("1", "2"))
    client = hub.start()
    assert client.version("a", "1", wait_s=60)["state"] == "ready"
    damaged = client.version("diabetes", "1")
    assert (damaged["state"], "ridge.json: its content has changed" in damaged["reason"]) == ("failed", True)
    client.start("diabetes", wait_s=60)
    assert call(hub, "diabetes", (DIABETES / "request.json").read_bytes()) == [207.3093583144134, 70.23450426574252]


def test_a_hub_that_is_killed_at_any_moment_leaves_a_whole_folder(hub: HubProcess) -> None:
    notes: list[str] = []
    # The drill has the many: python tests/live/drill.py --only hub --hub-kills 200
    counts = kill_at_random(hub, 4, 15, notes.append)
    assert sum(counts.values()) == 4, notes
    client = hub.start()
    for service in client.services():
        assert client.version(service["name"], "1", wait_s=60)["state"] == "ready", service


def test_a_second_hub_is_told_who_runs(hub: HubProcess) -> None:
    hub.start()
    second = hub.verb("hub", "serve", "--port", str(hub.ports[0] + 1))
    assert second.returncode == 3
    assert hub.process is not None
    assert f"process {hub.process.pid}" in second.stderr


def test_the_control_api_goes_to_the_network_with_keys_only(hub: HubProcess) -> None:
    refused = hub.verb("hub", "serve", "--control-host", "0.0.0.0")
    assert refused.returncode == 3
    assert "--keys-file" in refused.stderr
    keys = hub.place / "keys"
    keys.write_text("bob a-key-that-is-not-short\neve another-key-that-is-long\n")
    hub.start("--control-host", "0.0.0.0", "--keys-file", str(keys), "--hub-roles", "bob=contributor")
    url = f"http://127.0.0.1:{hub.ports[1]}"
    there = ("--hub", url)
    made = hub.verb("deploy", hub.service("a"), *there, SCORINGHOST_HUB_KEY="a-key-that-is-not-short")
    assert made.returncode == 0, made.stderr
    (shown,) = json.loads(
        hub.verb("status", *there, "--format", "json", SCORINGHOST_HUB_KEY="another-key-that-is-long").stdout
    )
    assert (shown["owner"], shown["state"]) == ("bob", "ready")
    refused = hub.verb("undeploy", "a", *there, SCORINGHOST_HUB_KEY="another-key-that-is-long")
    assert (refused.returncode, "eve is a reader" in refused.stderr) == (1, True)
    with pytest.raises(HubAnswered) as error:
        HubClient(url).services()
    assert error.value.status == 401


def test_the_verbs_say_what_they_did(hub: HubProcess) -> None:
    assert hub.verb("status").returncode == 3
    first = hub.verb("deploy", hub.service("a"), "--min", "1", "--max", "2", "--tag", "stage=test")
    assert first.returncode == 0, first.stderr
    assert "started a hub" in first.stderr
    assert "a:1 is ready" in first.stderr
    second = hub.verb("deploy", hub.service("a"), "--traffic", "25", "--format", "json")
    assert json.loads(second.stdout)["share"] == 25
    table = hub.verb("status", "a").stdout
    assert "a:1" in table
    assert "1/1 (1..2)" in table
    assert "75%" in table
    failed = hub.verb("deploy", hub.service("bad", FAILING))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "ValueError: no model here" in failed.stderr
    assert hub.verb("rollback", "a").stdout.startswith("a:1 is ready")
    assert "nothing before" in hub.verb("rollback", "a").stderr
    assert hub.verb("undeploy", "a:2").stdout == "a:2 is gone\n"
    assert hub.verb("undeploy", "b").returncode == 1
    assert [line.split()[3] for line in hub.verb("events", "a").stdout.splitlines()[1:]][-1] == "undeploy"
    assert hub.verb("deploy", "not/there").returncode == 2
    (hub.place / "model.txt").write_text("x")
    assert hub.verb("model", "register", "ridge", hub.place / "model.txt").returncode == 0
    assert "does not" not in hub.verb("deploy", "ridge:2").stderr
    assert "no version 2" in hub.verb("deploy", "ridge:2").stderr
    assert hub.verb("hub", "stop").returncode == 0
    hub.gone()


def test_a_folder_of_any_size_is_sent_in_parts(hub: HubProcess) -> None:
    local = hub.start()
    elsewhere = HubClient(local.url, local._token)
    folder = hub.service("big")
    (folder / "weights").write_bytes(os.urandom(20 * 1024 * 1024))
    elsewhere.deploy("big", folder, wait_s=60)
    assert call(hub, "big") == "big"
    assert elsewhere.version("big", "1")["deployment"]["size"] > 20 * 1024 * 1024
    assert not [path for path in (hub.home / "uploads").iterdir()]


def test_a_client_whose_hub_ends_is_told(hub: HubProcess) -> None:
    client = hub.start()
    slow = hub.service(
        "slow", "import time\n\n\ndef init():\n    time.sleep(600)\n\n\ndef run(data):\n    return data\n"
    )
    failures: list[Exception] = []

    def deploy() -> None:
        try:
            client.deploy("slow", slow, wait_s=600)
        except HubNotRunning as failure:
            failures.append(failure)

    deploying = threading.Thread(target=deploy)
    deploying.start()
    hub.until(lambda: client.version("slow", "1")["reason"] == "running init()", "init()")
    assert hub.stop() == 0
    deploying.join(60)
    assert len(failures) == 1
    hub.gone()
    assert hub.start().services() == []
