"""What pip is given for a requirements or conda file, and what the user is told of the difference."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scoringhost.packaging.environment import Environment
from scoringhost.packaging.output import PackagingError


def conda(folder: Path, *entries: str) -> Environment:
    (folder / "conda.yml").write_text("dependencies:\n" + "".join(f"  - {entry}\n" for entry in entries))
    return Environment.of(folder, None)


def test_without_a_file_there_are_no_requirements(tmp_path: Path) -> None:
    assert Environment.of(tmp_path, None) == Environment()


def test_requirements_beat_a_conda_file_and_the_user_is_told(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("scipy\n")
    environment = conda(tmp_path, "numpy")
    assert (environment.requirements, environment.python) == ("scipy\n", None)
    assert environment.warnings == ["conda.yml is not used, as there is requirements.txt"]


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("numpy=1.26.*", "numpy==1.26.*"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("numpy>=1.26,<2", "numpy>=1.26,<2"),
        ("conda-forge::scikit-learn >=1.4", "scikit-learn>=1.4"),
        ("pytorch=2.4", "torch==2.4.*"),
        # BUG: these were copied as they stand, where PyPI has nothing of the name, or something else
        ("pytorch-cpu=2.4", "torch==2.4.*"),
        ("opencv", "opencv-python-headless"),
        ("opencv=4.8", "opencv-python-headless==4.8.*"),
        ("opencv=4.8.1=py311_0", "opencv-python-headless==4.8.1.*"),
        ("opencv==4.8.1", "opencv-python-headless==4.8.1.*"),
        ("opencv>=4.8", "opencv-python-headless>=4.8"),
        ("matplotlib-base", "matplotlib"),
    ],
)
def test_a_package_of_condas_own_is_named_as_pip_names_it(tmp_path: Path, entry: str, line: str) -> None:
    environment = conda(tmp_path, "python=3.12", f'"{entry}"', "pip=24")
    assert environment.requirements == f"{line}\n"
    assert environment.warnings == [f"conda.yml: conda's {entry} is installed by pip as {line}"]


def test_the_part_for_pip_is_taken_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "conda.yml").write_text("dependencies:\n- python=3.11\n- pip:\n  - torch==2.4 # cpu\n  - scipy\n")
    environment = Environment.of(tmp_path, None)
    assert (environment.requirements, environment.python) == ("torch==2.4\nscipy\n", "3.11")
    assert environment.warnings == []


@pytest.mark.parametrize("entry", ["cudatoolkit=11", "ffmpeg", "nomkl", "ca-certificates=2024.3", "openssl", "cpuonly"])
def test_what_pip_cannot_install_is_left_out_with_a_word(tmp_path: Path, entry: str) -> None:
    environment = conda(tmp_path, entry, "scipy")
    assert environment.requirements == "scipy\n"
    assert f"{entry} is no Python package" in environment.warnings[0]


@pytest.mark.parametrize("line", ["azureml-defaults", "azureml-inference-server-http>=0.8", "AzureML_Defaults==1.50"])
def test_a_package_that_scoringhost_stands_in_for_is_left_out(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\nscipy\n")
    environment = Environment.of(tmp_path, None)
    assert environment.requirements == "scipy\n"
    assert environment.warnings == [f"{line} is left out: scoringhost stands in for it"]


@pytest.mark.parametrize(
    ("entry", "python"), [("python", None), ("python=3.12.4", "3.12"), ("python>=3.8", None), ("python>=3.12", "3.12")]
)
def test_the_version_of_python(tmp_path: Path, entry: str, python: str | None) -> None:
    assert conda(tmp_path, f'"{entry}"').python == python


def test_a_python_too_old_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match=r"3\.11 or later"):
        conda(tmp_path, "python=3.8")


@pytest.mark.parametrize("text", ["a: [", "name: x\n", "- numpy\n"])
def test_a_file_that_is_no_conda_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "conda.yml").write_text(text)
    with pytest.raises(PackagingError, match=r"conda\.yml"):
        Environment.of(tmp_path, None)


def test_without_pyyaml_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(PackagingError, match=r"pip install 'pyyaml>=6'"):
        conda(tmp_path, "numpy")


def test_files_that_requirements_name_are_found_and_those_they_name(tmp_path: Path) -> None:
    (tmp_path / "own.whl").touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "more.txt").write_text("-c limits.txt\n")
    (tmp_path / "deep" / "limits.txt").write_text("numpy<3\n")
    (tmp_path / "scipy").mkdir()
    lines = ["--requirement deep/more.txt", "./own.whl", "scipy", "x @ https://a.example/x.whl"]
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    assert sorted(Environment.of(tmp_path, None).files) == ["deep/limits.txt", "deep/more.txt", "own.whl"]


@pytest.mark.parametrize("name", ["nowhere.txt", "../beyond.txt"])
def test_a_file_that_cannot_come_along_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    (tmp_path / "beyond.txt").touch()
    (folder / "requirements.txt").write_text(f"-r {name}\n")
    with pytest.raises(PackagingError, match=name):
        Environment.of(folder, None)
