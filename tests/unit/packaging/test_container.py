"""The folder of an image: complete, from the project's own Dockerfile, and nobody else's undone."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pickle
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost._version import __version__
from scoringhost.packaging.container import Choices, template, write_container
from scoringhost.packaging.models import NamedModel
from scoringhost.packaging.output import Package, PackagingError
from scoringhost.packaging.sources import Sources
from scoringhost.script.stand_ins.models import find_model

Pack = Callable[..., Package]
OWN_WHEEL = f"scoringhost-{__version__}-py3-none-any.whl"
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
    requirements = [f"requirements/{name}" for name in ("pinned.txt", "requirements.txt", OWN_WHEEL)]
    assert pack().files == [*files, *requirements]


def test_the_run_stage_is_the_projects_own_but_for_what_is_copied(pack: Pack, lines: Callable[[], list[str]]) -> None:
    pack()
    own, packed = template().splitlines(), lines()
    assert [
        line for line in packed if line not in own and not line.startswith(("# Serves", "ARG BASE_IMAGE=", "LABEL"))
    ] == [
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
    assert (output / "requirements/requirements.txt").read_text() == (
        f"-c pinned.txt\n./{OWN_WHEEL}\n-r deep/more.txt\ntorch==2\n"
    )
    assert (output / "requirements/deep/more.txt").read_text() == "scipy\n"


def test_an_environment_elsewhere_is_taken_instead(pack: Pack, service: Path, output: Path, tmp_path: Path) -> None:
    (service / "requirements.txt").write_text("torch\n")
    (tmp_path / "other.txt").write_text("scipy\n")
    pack(environment=tmp_path / "other.txt")
    assert (output / "requirements/requirements.txt").read_text() == f"-c pinned.txt\n./{OWN_WHEEL}\nscipy\n"


def test_a_wheel_is_carried_along_and_named(pack: Pack, output: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "scoringhost-9-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    pack(wheel=wheel)
    assert (output / "requirements" / wheel.name).read_bytes() == b"wheel"
    assert (output / "requirements/requirements.txt").read_text() == f"-c pinned.txt\n./{wheel.name}\n"


def test_a_package_on_an_index_is_named_if_that_is_asked_for(pack: Pack, output: Path) -> None:
    files = pack(from_index=True).files
    assert not [name for name in files if name.endswith(".whl")]
    assert (output / "requirements/requirements.txt").read_text() == "-c pinned.txt\nscoringhost\n"


def test_what_is_installed_here_is_what_will_be_installed(pack: Pack, service: Path, output: Path) -> None:
    (service / "requirements.txt").write_text("scikit-learn\nPillow>=1\n")
    assert pack().warnings == []
    pins = dict(line.split("==") for line in (output / "requirements/pinned.txt").read_text().splitlines())
    assert {"numpy", "uvicorn", "scikit-learn", "scipy", "pillow"} <= pins.keys()
    assert pins["numpy"] == importlib.metadata.version("numpy")
    assert not {"scoringhost", "pytest", "onnxruntime"} & pins.keys()


def test_nothing_is_pinned_beside_a_version_that_is_not_the_one_here(pack: Pack, service: Path, output: Path) -> None:
    (service / "requirements.txt").write_text("scikit-learn==0.1\n")
    (warning,) = pack().warnings
    assert warning.startswith("nothing is pinned, as the requirements ask for scikit-learn==0.1, and ")
    assert not (output / "requirements/pinned.txt").exists()
    assert "-c" not in (output / "requirements/requirements.txt").read_text()


def test_an_import_that_no_requirement_covers_is_named(pack: Pack, service: Path) -> None:
    # BUG: once there were requirements, nobody looked whether they bring what the script imports
    (service / "requirements.txt").write_text("scikit-learn\n")
    (service / "helper.py").write_text("import sklearn, scipy, onnxruntime, PIL.Image, nobody_has_this\n")
    (warning,) = pack().warnings
    # older packages spell it with a capital
    assert warning.lower().startswith("no requirement brings what the script imports: pillow==")
    assert "(imported as PIL)" in warning
    assert "nobody_has_this" in warning
    assert "onnxruntime==" in warning
    assert "scipy" not in warning  # scikit-learn brings it


def test_a_package_of_azure_ml_that_is_not_stood_in_for_is_named(pack: Pack, service: Path) -> None:
    (service / "helper.py").write_text(
        "from azureml.core.model import Model\nfrom azureml.contrib.services.aml_request import rawhttp\n"
        "from azureml.core import Workspace\nimport azureml.opendatasets\nfrom azureml.ai.monitoring import Collector\n"
    )
    (warning,) = pack().warnings
    found = warning.partition("imports: ")[2].split(", ")
    assert found == [
        "azureml-core (imported as azureml.core.Workspace)",
        "azureml-opendatasets (imported as azureml.opendatasets)",
    ]


@pytest.mark.slow
@pytest.mark.xdist_group("scikit-learn")  # so that one process imports it
def test_what_a_pickle_needs_is_named(pack: Pack, service: Path) -> None:
    from sklearn.linear_model import LinearRegression

    (service / "model" / "model.pkl").write_bytes(pickle.dumps(LinearRegression()))
    (warning,) = pack().warnings
    assert warning.startswith("no requirement brings what model.pkl needs to be loaded: scikit-learn==")
    (service / "requirements.txt").write_text("scikit-learn\n")
    assert pack().warnings == []


# -- models and labels ----------------------------------------------------------------------------


def test_models_are_laid_out_as_azure_ml_does_it(
    pack: Pack, tmp_path: Path, lines: Callable[[], list[str]], output: Path
) -> None:
    (tmp_path / "a.pkl").write_bytes(b"a")
    (tmp_path / "bert" / "deep").mkdir(parents=True)
    (tmp_path / "bert" / "deep" / "w.bin").write_bytes(b"b")
    (tmp_path / "bert" / ".env").write_text("KEY=1")
    models = [NamedModel.of(f"a={tmp_path}/a.pkl"), NamedModel.of(f"bert:7={tmp_path}/bert")]
    files = pack(models=tuple(models)).files
    layout = [name for name in files if name.startswith("app/azureml-models")]
    assert layout == ["app/azureml-models/a/1/a.pkl", "app/azureml-models/bert/7/bert/deep/w.bin"]
    assert "ENV AZUREML_ENTRY_SCRIPT=score.py SERVER_PORT=5001 AZUREML_MODEL_DIR=/app/azureml-models" in lines()
    environ = {"AZUREML_MODEL_DIR": str(output / "app" / "azureml-models"), "AML_APP_ROOT": str(output / "app")}
    assert find_model("bert", None, environ, output) == output / "app/azureml-models/bert/7/bert"
    pack(models=tuple(models[:1]))
    assert "AZUREML_MODEL_DIR=/app/azureml-models/a/1" in next(line for line in lines() if "SERVER_PORT" in line)


@pytest.mark.parametrize("text", ["a", "=x", "a:b=x", "a/b=x", "a=/nowhere/at/all"])
def test_a_model_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PackagingError):
        NamedModel.of(text)


def test_the_image_says_what_it_is(pack: Pack, lines: Callable[[], list[str]]) -> None:
    pack(labels=(("team", 'a "b" $c'),), base_image="python@sha256:" + "0" * 64)
    (label,) = [line for line in lines() if line.startswith("LABEL")]
    assert '"org.opencontainers.image.title"="service"' in label
    assert f'"org.opencontainers.image.base.digest"="sha256:{"0" * 64}"' in label
    assert label.endswith(r'"team"="a \"b\" \$c"')


def test_the_base_image_is_named_by_its_digest_if_that_is_asked_for(
    pack: Pack, lines: Callable[[], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    monkeypatch.setenv("PATH", str(docker.parent))
    with pytest.raises(PackagingError, match="docker cannot be asked"):
        pack(base_image="python:3.12", pin_base_image=True)
    docker.write_text(f'#!/bin/sh\n[ "$6" = python:3.12 ] && echo sha256:{"1" * 64}\n')
    docker.chmod(0o755)
    pack(base_image="python:3.12", pin_base_image=True)
    assert f"ARG BASE_IMAGE=python:3.12@sha256:{'1' * 64}" in lines()
    docker.write_text("#!/bin/sh\necho denied >&2; exit 1\n")
    with pytest.raises(PackagingError, match="denied"):
        pack(base_image="python:3.12", pin_base_image=True)


def test_what_makes_or_tests_the_model_is_left_out_unless_it_is_imported(pack: Pack, service: Path) -> None:
    for name in ("train.py", "test_score.py", "conftest.py", "score_test.py", "tests/data.json", "contest.py"):
        (service / name).parent.mkdir(exist_ok=True)
        (service / name).write_text("")
    packed = [name for name in pack().files if name.startswith("app/")]
    assert packed == ["app/contest.py", "app/helper.py", "app/score.py"]
    (service / "helper.py").write_text("from train import features\n")
    assert "app/train.py" in pack().files


def test_no_keys_and_no_history_go_into_it(pack: Pack, service: Path) -> None:
    for name in (".env", ".git/config", "id_rsa", "server.key", "model/.git/config", "model/.env"):
        (service / name).parent.mkdir(exist_ok=True)
        (service / name).write_text("secret")
    files = pack().files
    assert not [name for name in files if ".git/" in name or ".env" in name or name.endswith(("rsa", ".key"))]


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
