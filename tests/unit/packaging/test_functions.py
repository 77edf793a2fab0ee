"""The function app folder of an entry script: complete, from the project's own files, and nobody else's undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost._version import __version__
from scoringhost.errors import ScriptNotFound
from scoringhost.packaging.functions import Choices, templates, write_function_app
from scoringhost.packaging.output import Package, PackagingError
from scoringhost.packaging.sources import Sources

Pack = Callable[..., Package]
PROJECT = Path(__file__).parent.parent.parent.parent / "function_app"
SCRIPT = "import helper\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The folder of an entry script with all that can be beside it."""
    folder = tmp_path / "service"
    for name, text in {
        "score.py": SCRIPT,
        "helper.py": "import json\n",
        "package/__init__.py": "",
        "labels.txt": "a\nb\n",
        "model/weights.bin": "x",
        "model/deep/.hidden": "y",
        "__pycache__/score.cpython-311.pyc": "",
        ".git/config": "",
        "env/pyvenv.cfg": "",
        "env/lib/thing.py": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "app"


@pytest.fixture
def pack(service: Path, output: Path) -> Pack:
    def pack(
        model_dir: Path | None = None, script: str = "score.py", force: bool = False, **choices: object
    ) -> Package:
        sources = Sources.of(service / script, model_dir)
        return write_function_app(sources, output, Choices(**choices), force=force)  # type: ignore[arg-type]

    return pack


OWN_WHEEL = f"scoringhost-{__version__}-py3-none-any.whl"
APP = [".funcignore", "function_app.py", "host.json", "local.settings.json", "requirements.txt", OWN_WHEEL]


def test_the_folder_holds_the_app_the_script_its_siblings_and_its_model(pack: Pack, output: Path) -> None:
    files = pack().files
    own = ["helper.py", "labels.txt", "model/deep/.hidden", "model/weights.bin", "package/__init__.py", "score.py"]
    assert files == sorted([*APP, *own])
    assert [name for name in files if not (output / name).is_file()] == []


@pytest.mark.parametrize("name", ["function_app.py", "host.json", ".funcignore", "local.settings.json"])
def test_the_apps_files_are_the_projects_own(pack: Pack, output: Path, name: str) -> None:
    pack()
    written, own = ((folder / name).read_text(encoding="utf-8") for folder in (output, PROJECT))
    assert json.loads(written) == json.loads(own) if name.endswith("json") else written == own


def test_a_model_folder_elsewhere_becomes_the_model(pack: Pack, output: Path, tmp_path: Path) -> None:
    other = tmp_path / "trained"
    other.mkdir()
    (other / "new.bin").write_text("z")
    assert [name for name in pack(other).files if name.startswith("model")] == ["model/new.bin"]


def test_a_model_folder_beside_the_script_is_copied_once(pack: Pack, service: Path) -> None:
    (service / "model").rename(service / "weights")
    names = pack(service / "weights").files
    assert [name for name in names if "weights" in name] == ["model/weights.bin"]


def test_a_script_of_another_name_is_named_in_the_configuration(pack: Pack, service: Path, output: Path) -> None:
    (service / "score.py").rename(service / "my.py")
    (service / "config.json").write_text('{"max_body_mb": 7}')
    pack(script="my.py")
    assert json.loads((output / "config.json").read_text()) == {"max_body_mb": 7, "script": "my.py"}


def test_choices_are_deployed_with_the_app(pack: Pack, output: Path) -> None:
    pack(auth_level="function", jobs=True)
    assert json.loads((output / "config.json").read_text()) == {"auth_level": "function", "jobs": True}
    assert "ExtensionBundle" in json.loads((output / "host.json").read_text())["extensionBundle"]["id"]
    assert "azure-storage-blob" in (output / "requirements.txt").read_text()


def test_without_choices_there_is_no_configuration_and_no_extension(pack: Pack, output: Path) -> None:
    pack()
    assert not (output / "config.json").exists()
    assert "extensionBundle" not in json.loads((output / "host.json").read_text())


# -- requirements ---------------------------------------------------------------------------------


def test_the_scripts_requirements_are_added(pack: Pack, service: Path, output: Path) -> None:
    (service / "requirements.txt").write_text("scikit-learn==1.5\n# mine\nAzure_Functions==1.22\n")
    assert pack().warnings == []
    lines = (output / "requirements.txt").read_text().splitlines()
    assert lines[1:] == [f"./{OWN_WHEEL}", "scikit-learn==1.5", "# mine", "Azure_Functions==1.22"]


def test_a_wheel_is_carried_along_and_named(pack: Pack, output: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "scoringhost-9-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    pack(wheel=wheel)
    assert (output / wheel.name).read_bytes() == b"wheel"
    assert f"./{wheel.name}" in (output / "requirements.txt").read_text().splitlines()


def test_without_requirements_the_third_party_imports_are_named(pack: Pack, service: Path) -> None:
    (service / "helper.py").write_text("import os, sklearn.linear_model\nfrom nobody.has import this\nimport package\n")
    (warning,) = pack().warnings
    assert "requirements.txt" in warning
    assert warning.endswith("nobody, " + warning.rpartition("nobody, ")[2])
    assert "scikit-learn==" in warning
    for known in ("os", "package", "helper", "numpy"):
        assert f" {known}" not in warning.partition("imports:")[2]


# BUG: what trains the model is beside the script and imports scikit-learn, which the script does not.
def test_what_the_script_does_not_reach_is_not_named(pack: Pack, service: Path) -> None:
    (service / "train.py").write_text("import sklearn\n")
    assert pack().warnings == []


def test_without_requirements_what_a_package_beside_the_script_imports_is_named(pack: Pack, service: Path) -> None:
    score = service / "score.py"
    score.write_text(score.read_text() + "\nfrom steps import first\n")
    (service / "steps").mkdir()
    (service / "steps" / "__init__.py").touch()
    (service / "steps" / "first.py").write_text("from . import second\n")
    (service / "steps" / "second.py").write_text("import nobody\n")
    (warning,) = pack().warnings
    assert warning.endswith("imports: nobody")


def test_a_script_without_foreign_imports_needs_no_requirements(pack: Pack) -> None:
    assert pack().warnings == []


# -- what is refused ------------------------------------------------------------------------------


def test_a_folder_with_other_files_is_refused_and_kept(pack: Pack, output: Path) -> None:
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    with pytest.raises(PackagingError, match="--force"):
        pack()
    assert [path.name for path in output.iterdir()] == ["mine.txt"]
    pack(force=True)
    assert (output / "mine.txt").read_text() == "mine"
    assert (output / "score.py").is_file()


def test_what_an_earlier_run_wrote_is_written_anew(pack: Pack, service: Path, output: Path) -> None:
    pack()
    (service / "helper.py").rename(service / "other.py")
    (output / "mine.txt").write_text("mine")
    pack()
    assert not (output / "helper.py").exists()
    assert (output / "other.py").is_file()
    assert (output / "mine.txt").read_text() == "mine"


def test_an_output_inside_the_scripts_folder_is_not_packed_itself(service: Path) -> None:
    output = service / "deploy"
    for _ in range(2):
        files = write_function_app(Sources.of(service, None), output, Choices()).files
    assert [name for name in files if name.startswith("deploy")] == []


@pytest.mark.parametrize("name", ["function_app.py", "host.json", ".funcignore"])
def test_a_file_that_the_app_would_replace_is_refused_unless_it_is_the_same(
    pack: Pack, service: Path, output: Path, name: str
) -> None:
    (service / name).write_bytes((templates() / name).read_bytes())
    pack()
    (service / name).write_text("mine")
    if name.startswith("."):
        pack()  # hidden files beside the script are left out anyway
    else:
        with pytest.raises(PackagingError, match=name):
            pack()


def test_a_script_that_is_no_python_is_refused_with_its_line(pack: Pack, service: Path) -> None:
    (service / "score.py").write_text("def init(:\n")
    with pytest.raises(PackagingError, match="line 1"):
        pack()


def test_what_is_not_there_is_refused_by_name(service: Path, tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound, match=r"other\.py"):
        Sources.of(service / "other.py", None)
    with pytest.raises(PackagingError, match="nowhere"):
        Sources.of(service, tmp_path / "nowhere")


def test_the_projects_own_function_app_can_be_packed(output: Path) -> None:
    sources = Sources.of(PROJECT, None)
    assert write_function_app(sources, output, Choices()).files == sorted([*APP, "model/centroids.json", "score.py"])
