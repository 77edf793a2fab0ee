"""The archive and the YAML file for Ray Serve, without Ray."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoringhost.packaging.sources import Sources
from scoringhost.ray.made import settings_for_replicas
from scoringhost.ray.package import Choices, archive_of, config_text, script_in, write_package
from scoringhost.ray.shape import Shape

SAMPLE = Path(__file__).parents[3] / "samples" / "diabetes"
HERE = Path("/nowhere/app.zip")


@pytest.fixture
def sources() -> Sources:
    return Sources.of(SAMPLE, None)


def names_in(content: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(content)).namelist()


def application(sources: Sources, tmp_path: Path, choices: Choices) -> dict[str, Any]:
    """The application that serve.yaml describes."""
    write_package(sources, tmp_path / "out", settings_for_replicas(choices.settings), choices)
    read: dict[str, Any] = yaml.safe_load((tmp_path / "out" / "serve.yaml").read_text())
    (only,) = read["applications"]
    return dict(only)


def test_the_archive_has_the_script_and_its_model_and_not_what_trains_it(sources: Sources, tmp_path: Path) -> None:
    names = names_in(archive_of(sources, tmp_path))
    assert {"score.py", "model/ridge.json"} <= set(names)
    assert "train.py" not in names


def test_the_same_files_are_the_same_archive(sources: Sources, tmp_path: Path) -> None:
    assert archive_of(sources, tmp_path) == archive_of(sources, tmp_path)


def test_a_change_of_the_script_is_another_name_which_ray_deploys_anew(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    found = []
    for text in ("def run(data): return 1\n", "def run(data): return 2\n"):
        script.write_text(text)
        out = tmp_path / "out"
        write_package(Sources.of(script, None), out, settings_for_replicas({}), Choices(name="a"))
        found += [path.name for path in out.glob("*.zip")]
    assert len(set(found)) == 2


def test_serve_yaml_names_script_settings_and_what_a_replica_gets(sources: Sources, tmp_path: Path) -> None:
    choices = Choices(
        name="wine",
        shape=Shape(minimum=1, maximum=8, num_cpus=0.5),
        route_prefix="/wine",
        settings={"threads": "2"},
        environ={"MODE": "on: off"},
    )
    found = application(sources, tmp_path, choices)
    assert (found["name"], found["route_prefix"]) == ("wine", "/wine")
    assert found["import_path"] == "scoringhost.ray:application"
    assert found["args"] == {"script": "score.py", "threads": "2"}
    assert found["runtime_env"]["env_vars"] == {"MODE": "on: off"}
    (deployment,) = found["deployments"]
    assert deployment["autoscaling_config"]["target_ongoing_requests"] == pytest.approx(1.4)
    assert deployment["ray_actor_options"] == {"num_cpus": 0.5}


def test_the_archive_is_loaded_from_where_it_was_written_unless_it_is_put_elsewhere(
    sources: Sources, tmp_path: Path
) -> None:
    found = application(sources, tmp_path, Choices(name="a"))["runtime_env"]["working_dir"]
    assert found.startswith("file:///")
    content = Path(found.removeprefix("file://")).read_bytes()
    assert all(name.startswith("app/") for name in names_in(content))  # which Ray takes off
    elsewhere = Choices(name="a", working_dir="s3://models/a.zip")
    assert "s3://models/a.zip" in config_text("score.py", settings_for_replicas({}), elsewhere, "s3://models/a.zip")


def test_requirements_that_are_asked_for_come_along_and_others_are_warned_of(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    (folder / "score.py").write_text("def run(data): return 1\n")
    wanted = folder / "requirements.txt"
    wanted.write_text("left-pad\n")
    sources = Sources.of(folder, None)
    written = write_package(sources, tmp_path / "a", settings_for_replicas({}), Choices(name="a"))
    assert any("requirements.txt" in warning for warning in written.warnings)
    choices = Choices(name="a", requirements=wanted)
    written = write_package(sources, tmp_path / "b", settings_for_replicas({}), choices)
    assert written.warnings == []
    (archive,) = (tmp_path / "b").glob("*.zip")
    assert "app/requirements.txt" in names_in(archive.read_bytes())
    assert "RAY_RUNTIME_ENV_CREATE_WORKING_DIR" in (tmp_path / "b" / "serve.yaml").read_text()


def test_a_model_that_is_a_folder_is_served_by_its_name(tmp_path: Path) -> None:
    model = tmp_path / "bert"
    model.mkdir()
    (model / "MLmodel").write_text("flavors: {}\n")
    sources = Sources.of(model, None)
    assert script_in(sources) == "bert"
    assert names_in(archive_of(sources, tmp_path / "out")) == ["bert/MLmodel"]
