from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scoringhost.cli import main
from tests.api_server.access import Access, Played

IMAGE = "registry.example.com/wine:1"


class Runner:
    def __init__(self, access: Access, tmp_path: Path) -> None:
        self.environ, self.folder = access.environ(), tmp_path / "wine"
        self.folder.mkdir()
        (self.folder / "score.py").write_text("def init(): ...\ndef run(data): return data\n")

    def __call__(self, *words: str, **environ: str) -> Result:
        verb, *rest = words
        return CliRunner().invoke(main, [verb, *rest, "--target", "kubernetes"], env=self.environ | environ)

    def deploy(self, *words: str) -> Result:
        return self("deploy", str(self.folder), "--image", IMAGE, "--replicas", "1", "--no-wait", *words)


@pytest.fixture
def run(access: Access, tmp_path: Path) -> Runner:
    return Runner(access, tmp_path)


def test_deploy_brings_a_service_to_the_cluster(run: Runner, access: Access) -> None:
    done = run.deploy("--cpu", "0.5")
    assert (done.exit_code, done.stdout) == (0, f"http://wine.{access.namespace}.svc.cluster.local/score\n")
    assert f"wine is applied to namespace {access.namespace} of test" in done.stderr
    spec = access.ask("GET", "apps/v1/deployments/wine")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == IMAGE


def test_deploy_waits_and_ends_with_the_cause_of_a_failure(run: Runner, access: Access) -> None:
    run.deploy()
    played = Played(access, "wine")
    pod = played.pod(played.replica_set())
    played.container_is(pod, {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}})
    played.observed(replicas=1, updatedReplicas=1)
    done = run("deploy", str(run.folder), "--image", IMAGE, "--replicas", "1")
    assert done.exit_code == 1
    assert "scoringhost: wine is Failed: ErrImagePull: image registry.example.com/wine:1: manifest unknown" in (
        done.stderr
    )


def test_deploy_twice_keeps_the_keys(run: Runner, access: Access) -> None:
    run.deploy()
    before = access.ask("GET", "v1/secrets/wine-keys")["data"]
    assert run.deploy("--cpu", "2").exit_code == 0
    assert access.ask("GET", "v1/secrets/wine-keys")["data"] == before


def test_deploy_says_which_field_somebody_else_has_changed(run: Runner, access: Access) -> None:
    run.deploy()
    access.edit("apps/v1/deployments/wine", "kubectl-edit", ("spec.replicas", 3))
    done = run("deploy", str(run.folder), "--image", IMAGE, "--replicas", "2", "--no-wait")
    assert done.exit_code == 1
    assert "Deployment wine: set by somebody else since: spec.replicas by kubectl-edit" in done.stderr
    assert run("deploy", str(run.folder), "--image", IMAGE, "--replicas", "2", "--no-wait", "--force").exit_code == 0


def test_deploy_without_an_image_is_a_usage_error(run: Runner) -> None:
    done = run("deploy", str(run.folder))
    assert done.exit_code == 2
    assert "--image names what is to run" in done.stderr


def test_a_packaged_folder_is_deployed_as_it_is(run: Runner, access: Access, tmp_path: Path) -> None:
    packed = CliRunner().invoke(
        main,
        ["package", str(run.folder), "--target", "kubernetes", "--output", str(tmp_path / "p"), "--image", IMAGE],
    )
    assert packed.exit_code == 0, packed.output
    done = run("deploy", str(tmp_path / "p"), "--no-wait")
    assert done.exit_code == 0, done.stderr
    assert "deployments wine" in access.kinds_left("wine")
    assert "--keys: a packaged folder" in run("deploy", str(tmp_path / "p"), "--no-keys").stderr
    refused = run("deploy", str(tmp_path / "p"), "--cpu", "2")
    assert refused.exit_code == 2
    assert "--cpu: a packaged folder says that already" in refused.stderr


def test_status_shows_states_causes_and_what_somebody_has_changed(run: Runner, access: Access) -> None:
    run.deploy()
    Played(access, "wine").healthy()
    access.edit("v1/configmaps/wine-settings", "vim", ("data.SCORINGHOST_WORKERS", "7"))
    listed = run("status")
    assert listed.stdout.splitlines()[0].split() == ["SERVICE", "STATE", "REPLICAS", "IMAGE", "DEPLOYED"]
    assert listed.stdout.splitlines()[1].split()[:4] == ["wine", "Healthy", "1/1", IMAGE]
    one = run("status", "wine")
    assert 'ConfigMap wine-settings: data.SCORINGHOST_WORKERS is "7", not "1", set by vim' in one.stdout
    shown: dict[str, Any] = json.loads(run("status", "wine", "--format", "json").stdout)
    assert shown["deployments"]["wine"]["state"] == "Healthy"
    assert shown["drift"][0]["field"] == "data.SCORINGHOST_WORKERS"


def test_status_of_nothing_says_so(run: Runner, access: Access) -> None:
    assert run("status").stdout == f"no services in namespace {access.namespace}\n"
    done = run("status", "beer")
    assert done.exit_code == 1
    assert "there is no service 'beer' in namespace" in done.stderr


def test_undeploy_removes_it(run: Runner, access: Access) -> None:
    run.deploy()
    assert run("undeploy", "wine").stdout == "wine is gone\n"
    assert access.kinds_left("wine") == []


def test_another_context_may_be_named(run: Runner, access: Access) -> None:
    assert run("status", "--context", "elsewhere").stdout == "no services in namespace default\n"
    done = run("status", "--context", "prod")
    assert done.exit_code == 3
    assert "no kube context 'prod'" in done.stderr


def test_a_cluster_that_is_not_there_is_said_with_its_address(run: Runner, access: Access) -> None:
    environ = access.environ(url="http://127.0.0.1:9")
    done = run("status", **environ)
    assert done.exit_code == 3
    assert "the cluster does not answer at http://127.0.0.1:9" in done.stderr


def test_help_shows_the_options_of_the_cluster(run: Runner) -> None:
    shown = run("deploy", "--help").stdout
    assert "--context" in shown
    assert "--traffic" not in shown


@pytest.mark.parametrize("verb", ["deploy", "status", "logs", "undeploy"])
def test_the_hub_is_the_target_without_one(verb: str) -> None:
    shown = CliRunner().invoke(main, [verb, "--help"]).stdout
    assert "--target" in shown
    assert "PACKAGED" not in shown
