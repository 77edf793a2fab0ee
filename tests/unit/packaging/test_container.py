"""The folder of an image: complete, from the project's own Dockerfile, and nobody else's undone."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.packaging.container import Choices, template, write_container
from scoringhost.packaging.output import Package, PackagingError
from scoringhost.packaging.sources import Sources

Pack = Callable[..., Package]
PROJECT = Path(__file__).parent.parent.parent.parent
SCRIPT = "import helper\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "service"
    (folder / "model").mkdir(parents=True)
    (folder / "score.py").write_text(SCRIPT)
    (folder / "helper.py").write_text("import json\n")
    (folder / "model" / "weights.bin").write_text("x")
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "image"


@pytest.fixture
def pack(service: Path, output: Path) -> Pack:
    def pack(script: str = "score.py", force: bool = False, **choices: object) -> Package:
        return write_container(Sources.of(service / script, None), output, Choices(**choices), force=force)  # type: ignore[arg-type]

    return pack


@pytest.fixture
def lines(output: Path) -> Callable[[], list[str]]:
    """lines(): those of the Dockerfile that was written."""
    return lambda: (output / "Dockerfile").read_text(encoding="utf-8").splitlines()


def test_the_folder_holds_the_script_its_siblings_its_model_and_all_that_a_build_needs(pack: Pack) -> None:
    files = [".dockerignore", "Dockerfile", "app/helper.py", "app/score.py", "model/weights.bin"]
    assert pack().files == [*files, "requirements/requirements.txt"]


def test_the_run_stage_is_the_projects_own_but_for_what_is_copied(pack: Pack, lines: Callable[[], list[str]]) -> None:
    pack()
    own, packed = template().splitlines(), lines()
    assert [line for line in packed if line not in own and not line.startswith(("# Serves", "ARG BASE_IMAGE="))] == [
        "COPY requirements ./",
        "COPY model model",
        "COPY app ./",
    ]
    assert own[own.index("FROM ${BASE_IMAGE}") :][-1] == packed[-1]
    assert (PROJECT / "Dockerfile").read_text(encoding="utf-8") == template()


def test_what_changes_seldom_is_copied_first(pack: Pack, lines: Callable[[], list[str]]) -> None:
    pack()
    copies = [line for line in lines() if line.startswith("COPY")]
    assert copies[1:] == ["COPY --from=packages /opt/venv /opt/venv", "COPY model model", "COPY app ./"]


def test_without_a_model_none_is_copied(pack: Pack, service: Path, lines: Callable[[], list[str]]) -> None:
    (service / "model" / "weights.bin").unlink()
    (service / "model").rmdir()
    pack()
    assert not [line for line in lines() if "model" in line]


def test_every_choice_is_in_the_dockerfile(pack: Pack, service: Path, lines: Callable[[], list[str]]) -> None:
    (service / "score.py").rename(service / "my score.py")
    pack("my score.py", base_image="registry.example.com/python:3.12", port=8080)
    written = lines()
    assert "ARG BASE_IMAGE=registry.example.com/python:3.12" in written
    assert "ENV AZUREML_ENTRY_SCRIPT='my score.py' SERVER_PORT=8080" in written
    assert "EXPOSE 8080" in written
    assert not [line for line in written if "5001" in line]


def test_the_base_image_has_the_python_of_the_conda_file_or_else_of_here(
    pack: Pack, service: Path, lines: Callable[[], list[str]]
) -> None:
    pack()
    assert f"ARG BASE_IMAGE=python:3.{sys.version_info.minor}-slim-bookworm" in lines()
    (service / "conda.yml").write_text("dependencies: [python=3.13.1]\n")
    pack()
    assert "ARG BASE_IMAGE=python:3.13-slim-bookworm" in lines()


def test_it_runs_as_nobody_special_and_is_told_of_signals(pack: Pack, lines: Callable[[], list[str]]) -> None:
    pack()
    user, entry = (next(line for line in lines() if line.startswith(word)) for word in ("USER", "ENTRYPOINT"))
    assert user == "USER 10001:10001"
    assert json.loads(entry.partition(" ")[2]) == ["scoringhost", "serve"]


# -- requirements ---------------------------------------------------------------------------------


def test_the_scripts_requirements_are_added_and_the_files_they_name(pack: Pack, service: Path, output: Path) -> None:
    (service / "requirements.txt").write_text("-r deep/more.txt\ntorch==2\n")
    (service / "deep").mkdir()
    (service / "deep" / "more.txt").write_text("scipy\n")
    assert pack().warnings == []
    assert (output / "requirements/requirements.txt").read_text() == "scoringhost\n-r deep/more.txt\ntorch==2\n"
    assert (output / "requirements/deep/more.txt").read_text() == "scipy\n"


def test_an_environment_elsewhere_is_taken_instead(pack: Pack, service: Path, output: Path, tmp_path: Path) -> None:
    (service / "requirements.txt").write_text("torch\n")
    (tmp_path / "other.txt").write_text("scipy\n")
    pack(environment=tmp_path / "other.txt")
    assert (output / "requirements/requirements.txt").read_text() == "scoringhost\nscipy\n"


def test_a_wheel_is_carried_along_and_named(pack: Pack, output: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "scoringhost-9-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    pack(wheel=wheel)
    assert (output / "requirements" / wheel.name).read_bytes() == b"wheel"
    assert (output / "requirements/requirements.txt").read_text() == f"./{wheel.name}\n"


def test_without_requirements_the_third_party_imports_are_named(pack: Pack, service: Path) -> None:
    (service / "helper.py").write_text("import sklearn.linear_model\n")
    (warning,) = pack().warnings
    assert "scikit-learn==" in warning


# -- what is refused, and what is mended ----------------------------------------------------------


def test_files_that_only_their_owner_may_read_are_opened_to_the_user_of_the_image(
    pack: Pack, service: Path, output: Path
) -> None:
    before = os.umask(0o077)
    try:
        pack()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in output.rglob("*") if path.name[:2] != ".s"}
    assert all(mode & 0o004 for mode in modes.values()), modes
    assert modes["model"] & 0o005 == 0o005


def test_a_folder_with_other_files_is_refused_and_kept(pack: Pack, output: Path) -> None:
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    with pytest.raises(PackagingError, match="--force"):
        pack()
    assert [path.name for path in output.iterdir()] == ["mine.txt"]
    pack(force=True)
    assert (output / "mine.txt").read_text() == "mine"


def test_what_an_earlier_run_wrote_is_written_anew(pack: Pack, service: Path, output: Path) -> None:
    pack()
    (service / "helper.py").rename(service / "other.py")
    pack()
    assert sorted(path.name for path in (output / "app").iterdir()) == ["other.py", "score.py"]
