"""A model that is packaged without a script: what goes along, and what it needs."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from scoringhost.errors import SettingsError
from scoringhost.packaging.container import Choices, write_container
from scoringhost.packaging.sources import Sources


def _packed(path: Path, output: Path) -> set[str]:
    written = write_container(Sources.of(path, None), output, Choices(from_index=True))
    return {name for name in written.files if name.startswith("app/")}


def test_the_model_and_its_sample_are_packed_and_not_what_lies_beside(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("flowers.onnx", "request.json", "train.csv", "notes.py"):
        (folder / name).write_text("{}")
    assert _packed(folder / "flowers.onnx", tmp_path / "out") == {"app/flowers.onnx", "app/request.json"}
    requirements = (tmp_path / "out" / "requirements" / "requirements.txt").read_text()
    assert f"onnxruntime=={importlib.metadata.version('onnxruntime')}\n" in requirements
    assert "AZUREML_ENTRY_SCRIPT=flowers.onnx" in (tmp_path / "out" / "Dockerfile").read_text()


def test_the_modules_beside_a_pickle_are_packed_as_it_may_need_them(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("flowers.pkl", "own_steps.py", "train.py"):
        (folder / name).write_text("")
    assert _packed(folder, tmp_path / "out") == {"app/flowers.pkl", "app/own_steps.py"}


def test_a_model_that_is_a_folder_is_packed_whole_under_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "numbers"
    (folder / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/variables.index"):
        (folder / name).write_text("")
    assert _packed(folder, tmp_path / "out") == {"app/numbers/saved_model.pb", "app/numbers/variables/variables.index"}


def test_the_requirements_beside_a_model_count(tmp_path: Path) -> None:
    (tmp_path / "flowers.onnx").write_text("")
    (tmp_path / "requirements.txt").write_text("onnxruntime>=1.20\n")
    assert Sources.of(tmp_path / "flowers.onnx", None).requirements() == "onnxruntime>=1.20\n"


def test_a_folder_of_several_models_is_no_package(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).write_text("")
    with pytest.raises(SettingsError, match=r"a\.onnx, b\.onnx"):
        Sources.of(tmp_path, None)
