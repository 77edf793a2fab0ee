"""scoringhost package --target kubernetes and kserve: what is in the folder, and what a second run does with it."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from scoringhost.cli import main
from tests.unit.kubernetes.schemas import NEWEST, VERSIONS, errors_of
from tests.unit.kubernetes.soundness import faults_of, of_kind

SAMPLES = Path(__file__).parent.parent.parent.parent / "samples"
KUBECTL = shutil.which("kubectl")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "deploy"


def package(output: Path, *words: str, target: str = "kubernetes", script: Path = SAMPLES / "wine") -> Result:
    # Without a wheel of this checkout, which takes a second to pack.
    always = ["--target", target, str(script), "--output", str(output), "--from-index"]
    return CliRunner().invoke(main, ["package", *always, *words])


def written(output: Path) -> list[dict[str, Any]]:
    names = yaml.safe_load((output / "kustomization.yaml").read_text())["resources"]
    return [one for name in names for one in yaml.safe_load_all((output / name).read_text())]


def test_the_folder_has_the_image_the_manifests_and_a_kustomization(output: Path) -> None:
    result = package(output)
    assert result.exit_code == 0, result.output
    files = ["configmap", "deployment", "horizontalpodautoscaler", "poddisruptionbudget", "secret", "service"]
    assert sorted(path.name for path in (output / "manifests").iterdir()) == [f"{name}.yaml" for name in files]
    assert (output / "image" / "Dockerfile").is_file()
    assert (output / "image" / "requirements" / "requirements.txt").read_text().splitlines()[
        1
    ] == "scoringhost[metrics]"
    assert (list(errors_of(written(output), NEWEST)), faults_of(written(output))) == ([], [])
    (deployment,) = of_kind(written(output), "Deployment")
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert result.stdout.endswith(
        f"docker build -t {image} {output}/image && docker push {image} && kubectl apply -k {output}\n"
    )


def test_a_changed_script_is_another_image_and_the_keys_stay(output: Path, tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "wine", tmp_path / "wine")

    def image_and_keys() -> tuple[str, dict[str, str]]:
        assert package(output, script=tmp_path / "wine").exit_code == 0
        (deployment,), (secret,) = (of_kind(written(output), kind) for kind in ("Deployment", "Secret"))
        return deployment["spec"]["template"]["spec"]["containers"][0]["image"], secret["stringData"]

    image, keys = image_and_keys()
    assert image_and_keys() == (image, keys)
    with (tmp_path / "wine" / "score.py").open("a") as script:
        script.write("\n")
    changed, kept = image_and_keys()
    assert (changed != image, kept) == (True, keys)


def test_the_file_of_secrets_is_for_its_owner_alone_and_is_warned_of(output: Path) -> None:
    result = package(output, "--setting", "SCORINGHOST_APP_INSIGHTS_KEY=of-insights")
    assert stat.S_IMODE((output / "manifests" / "secret.yaml").stat().st_mode) == 0o600
    assert "secret.yaml holds secrets: keep it out of version control" in result.stderr
    secrets = of_kind(written(output), "Secret")
    assert [one["metadata"]["name"] for one in secrets] == ["wine-keys", "wine-secret-settings"]
    others = [path for path in output.rglob("*") if path.is_file() and path.name != "secret.yaml"]
    texts = [text for one in secrets for text in one["stringData"].values()]
    assert not [path for path in others for text in texts if text.encode() in path.read_bytes()]


def test_options_say_how_it_is_to_be(output: Path) -> None:
    words = (
        "--name red-wine --image registry.example.com/wine:2 --namespace shop --replicas 2-6 --concurrency 4 --cpu 0.5"
    )
    words += (
        " --cpu-limit 1 --memory-gb 1 --memory-gb-limit 2 --utilization 50 --scoring-timeout-ms 5000 --startup-s 60"
    )
    words += (
        " --max-request-wait-ms 100 --grpc --host wine.example.com --gateway web/outside --monitor --allow-from web"
    )
    words += " --no-keys --port 7001 --setting SCORINGHOST_NAN=literal"
    result = package(output, *words.split())
    assert result.exit_code == 0, result.output
    manifests = written(output)
    assert (faults_of(manifests), [one for version in VERSIONS for one in errors_of(manifests, version)]) == ([], [])
    kinds = {one["kind"]: one for one in manifests}
    assert {one["metadata"]["namespace"] for one in manifests} == {"shop"}
    assert kinds.keys() == {
        "ConfigMap", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy",
        "ServiceMonitor", "HTTPRoute",
    }  # fmt: skip
    container = kinds["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example.com/wine:2"
    assert container["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "2Gi"},
    }  # fmt: skip
    assert [port["containerPort"] for port in container["ports"]] == [7001, 8081, 9100]
    target = kinds["HorizontalPodAutoscaler"]["spec"]["metrics"][0]["pods"]["target"]
    assert target == {"type": "AverageValue", "averageValue": "2"}
    assert kinds["ConfigMap"]["data"]["SCORINGHOST_NAN"] == "literal"
    assert "EXPOSE 7001" in (output / "image" / "Dockerfile").read_text()


def test_a_deployment_configuration_says_the_same_and_options_go_before_it(output: Path, tmp_path: Path) -> None:
    dc = tmp_path / "dc.json"
    dc.write_text(
        '{"computeType": "AKS", "containerResourceRequirements": {"cpu": 2, "memoryInGB": 4}, "namespace": "shop",'
        ' "keys": {"primaryKey": "of-the-file"}, "numReplicas": 3, "appInsightsEnabled": true}'
    )
    result = package(output, "--deployment-config", str(dc), "--cpu", "1")
    assert result.exit_code == 0, result.output
    assert "scoringhost: warning: deploy_configuration of AKS: enable_app_insights sends nothing" in result.stderr
    kinds = {one["kind"]: one for one in written(output)}
    spec = kinds["Deployment"]["spec"]
    assert (spec["replicas"], kinds["Secret"]["stringData"]["primary"]) == (3, "of-the-file")
    assert spec["template"]["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "1", "memory": "4Gi"}


def test_an_inference_service_is_written_with_what_it_needs(output: Path) -> None:
    result = package(output, "--kserve-mode", "standard", "--grpc", target="kserve")
    assert result.exit_code == 0, result.output
    manifests = written(output)
    assert [one["kind"] for one in manifests] == ["Secret", "InferenceService"]
    assert (faults_of(manifests), list(errors_of(manifests, NEWEST))) == ([], [])
    assert "mode standard KServe scales by processors" in result.stderr
    assert "scoringhost[grpc,metrics]" in (output / "image" / "requirements" / "requirements.txt").read_text()


@pytest.mark.parametrize(("words", "code", "said"), [
    (["--replicas", "two"], 2, "'two' is neither N nor MIN-MAX"),
    (["--replicas", "2", "--scale-on", "cpu"], 2, "need --replicas MIN-MAX"),
    (["--setting", "x"], 2, "--setting 'x' is not NAME=VALUE"),
    (["--name", "Wine"], 1, "Wine: name must be up to 63 of a-z"),
    (["--replicas", "6-2"], 1, "autoscaling.most (2) is less than autoscaling.least (6)"),
    (["--cpu", "2", "--cpu-limit", "1"], 1, "resources.cpu_limit (1.0) is less than"),
    (["--setting", "SCORINGHOST_WORKERS=3"], 1, "is made of the field workers"),
])  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_written(
    output: Path, words: list[str], code: int, said: str
) -> None:
    result = package(output, *words)
    assert (result.exit_code, said in result.stderr, output.exists()) == (code, True, False), result.stderr


@pytest.mark.parametrize(("target", "option"), [
    ("container", ["--replicas", "2"]), ("functions", ["--no-keys"]), ("kubernetes", ["--kserve-mode", "knative"]),
    ("kserve", ["--jobs"]),
])  # fmt: skip
def test_an_option_of_another_target_is_a_usage_error(output: Path, target: str, option: list[str]) -> None:
    result = package(output, *option, target=target)
    name = option[0].replace("--no-", "--")
    assert (result.exit_code, f"{name} goes with --target" in result.stderr) == (2, True)


def test_a_folder_in_the_script_folder_is_no_part_of_the_image(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "wine", tmp_path / "wine")
    for _ in range(2):
        assert package(tmp_path / "wine" / "deploy", script=tmp_path / "wine").exit_code == 0
    image = tmp_path / "wine" / "deploy" / "image"
    assert not (image / "app" / "deploy").exists()


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed, so that nobody builds the kustomization")
@pytest.mark.parametrize("target", ["kubernetes", "kserve"])
def test_the_kustomization_makes_the_very_same_objects(output: Path, target: str) -> None:
    words = ["--grpc", "--monitor", "--network-policy", "--host", "wine.example.com"] if target == "kubernetes" else []
    package(output, *words, target=target)
    built = subprocess.run([str(KUBECTL), "kustomize", output], capture_output=True, text=True, check=True).stdout

    def by_name(manifests: Any) -> dict[tuple[str, str], Any]:
        return {(one["kind"], one["metadata"]["name"]): one for one in manifests}

    assert by_name(yaml.safe_load_all(built)) == by_name(written(output))


@pytest.mark.drill
@pytest.mark.slow
def test_kubernetes_validate_itself_takes_the_folder_for_every_version(output: Path) -> None:
    package(output, "--grpc", "--network-policy", "--host", "wine.example.com", "--replicas", "2-6")
    files = sorted(map(str, (output / "manifests").iterdir()))
    program = str(Path(sys.executable).with_name("kubernetes-validate"))
    for version in VERSIONS:
        done = subprocess.run([program, "--strict", "-k", version, *files], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.count(" passed for ")) == (0, len(files)), done.stdout
