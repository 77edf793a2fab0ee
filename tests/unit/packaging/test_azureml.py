"""What `az ml` deploys: complete, an image of packages alone, and script and model as Azure ML brings them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoringhost.packaging.azureml import Choices, write_azureml
from scoringhost.packaging.container import Choices as Image
from scoringhost.packaging.output import Package, PackagingError
from scoringhost.packaging.sources import Sources

SCRIPT = "import helper\n\n\ndef init(): ...\n\n\ndef run(data): return data\n"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "Wine Quality"
    (folder / "model").mkdir(parents=True)
    (folder / "score.py").write_text(SCRIPT)
    (folder / "helper.py").write_text("import json\n")
    (folder / "model" / "weights.bin").write_text("x")
    (folder / "requirements.txt").write_text("tabulate\n")
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "azure"


@pytest.fixture
def pack(service: Path, output: Path) -> Callable[..., Package]:
    def pack(script: str = "score.py", **choices: Any) -> Package:
        return write_azureml(Sources.of(service / script, None), output, Choices(**choices))

    return pack


@pytest.fixture
def told(output: Path) -> Callable[[str], Any]:
    """told(name): what a YAML file of the folder says."""
    return lambda name: yaml.safe_load((output / f"{name}.yml").read_text(encoding="utf-8"))


def test_the_folder_holds_script_model_packages_and_four_documents(pack: Callable[..., Package], output: Path) -> None:
    files = set(pack().files)
    assert {"code/score.py", "code/helper.py", "code/batch_driver.py", "model/weights.bin"} <= files
    assert {f"{kind}-{what}.yml" for kind in ("online", "batch") for what in ("endpoint", "deployment")} <= files
    assert {"environment/Dockerfile", "environment/requirements/requirements.txt"} <= files
    assert {"batch-environment/Dockerfile", "batch-environment/conda.yml"} <= files
    assert all((output / file).is_file() for file in files)
    for folder in ("environment", "batch-environment"):
        assert "tabulate" in (output / folder / "requirements" / "requirements.txt").read_text()


def test_the_image_holds_neither_script_nor_model(pack: Callable[..., Package], output: Path) -> None:
    pack()
    text = (output / "environment" / "Dockerfile").read_text(encoding="utf-8")
    copied = [line for line in text.splitlines() if line.startswith("COPY")]
    assert copied == ["COPY requirements ./", "COPY --from=packages /opt/venv /opt/venv"]
    assert "AZUREML_ENTRY_SCRIPT" not in text  # Azure ML says it
    assert 'ENTRYPOINT ["scoringhost", "serve"]' in text


def test_the_deployment_names_what_is_there_and_the_port_of_the_image(
    pack: Callable[..., Package], output: Path, told: Callable[[str], Any]
) -> None:
    pack(image=Image(port=8080), timeout_ms=9000, instance_type="Standard_F2s_v2", auth_mode="aad_token")
    endpoint, deployment = told("online-endpoint"), told("online-deployment")
    assert (endpoint["name"], endpoint["auth_mode"]) == ("wine-quality", "aad_token")
    assert deployment["endpoint_name"] == endpoint["name"]
    assert (
        output / deployment["code_configuration"]["code"] / deployment["code_configuration"]["scoring_script"]
    ).is_file()
    assert (output / deployment["model"]["path"]).is_dir()
    assert (output / deployment["environment"]["build"]["path"] / "Dockerfile").is_file()
    routes = deployment["environment"]["inference_config"]
    assert {route["port"] for route in routes.values()} == {8080}
    assert [routes[f"{kind}_route"]["path"] for kind in ("liveness", "readiness", "scoring")] == [
        "/livez",
        "/readyz",
        "/score",
    ]
    assert "EXPOSE 8080" in (output / "environment" / "Dockerfile").read_text()
    assert deployment["request_settings"]["request_timeout_ms"] == 9000
    assert deployment["environment_variables"] == {"SCORINGHOST_SCORING_TIMEOUT_MS": "9000"}
    assert deployment["instance_type"] == "Standard_F2s_v2"


def test_the_batch_deployment_scores_files_with_the_script_through_a_driver(
    pack: Callable[..., Package], output: Path, told: Callable[[str], Any]
) -> None:
    pack(compute="cheap")
    endpoint, deployment = told("batch-endpoint"), told("batch-deployment")
    assert deployment["endpoint_name"] == endpoint["name"] == "wine-quality-batch"
    assert deployment["compute"] == "azureml:cheap"
    driver = output / deployment["code_configuration"]["code"] / deployment["code_configuration"]["scoring_script"]
    names: dict[str, Any] = {"__file__": str(driver)}
    exec(compile(driver.read_text(encoding="utf-8"), str(driver), "exec"), names)
    names["init"]()
    lines = driver.parent / "rows.jsonl"
    lines.write_text('{"data": 1}\n')
    assert names["run"]([str(lines)]) == ['{"file":"rows.jsonl","row":1,"result":{"data":1}}']
    names["driver"].shutdown()
    assert (output / deployment["environment"]["build"]["path"] / "Dockerfile").is_file()
    assert "azureml-core" in (output / "batch-environment" / "requirements" / "requirements.txt").read_text()


def test_without_a_model_the_online_deployment_has_none_and_the_batch_deployments_is_the_script(
    service: Path, pack: Callable[..., Package], told: Callable[[str], Any]
) -> None:
    (service / "model" / "weights.bin").unlink()
    (service / "model").rmdir()
    pack()
    assert "model" not in told("online-deployment")
    assert told("batch-deployment")["model"]["path"] == "code"


def test_written_again_nothing_is_left_of_what_is_there_no_more(
    service: Path, pack: Callable[..., Package], output: Path
) -> None:
    first = pack().files
    (service / "helper.py").unlink()
    (service / "score.py").write_text(SCRIPT.replace("import helper\n", ""))
    assert set(first) - set(pack().files) == {"code/helper.py"}
    assert not (output / "code" / "helper.py").exists()


@pytest.mark.parametrize("name", ["x", "Wine", "wine_quality", "1wine", "wine--quality", "a" * 27, "wine-"])
def test_a_name_that_no_endpoint_can_have_is_refused_with_the_option_for_another(
    pack: Callable[..., Package], output: Path, name: str
) -> None:
    with pytest.raises(PackagingError, match="--endpoint"):
        pack(endpoint=name)
    assert not output.exists()


def test_a_model_without_a_script_and_a_file_in_the_drivers_place_are_refused(
    service: Path, pack: Callable[..., Package]
) -> None:
    (service / "batch_driver.py").write_text("")
    with pytest.raises(PackagingError, match="rename the file"):
        pack()
    (service / "model.onnx").write_text("x")
    with pytest.raises(PackagingError, match="--target container"):
        pack("model.onnx")
