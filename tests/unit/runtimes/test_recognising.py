"""Which framework a model is taken to be of."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoringhost import runtimes
from scoringhost.errors import MissingExtra, ScriptNotFound, ScriptUnservable
from scoringhost.runtimes.made import require
from scoringhost.runtimes.recognising import framework_of


def _write(path: Path, content: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("files", "framework"),
    [
        (["MLmodel", "model.pkl"], "mlflow"),
        (["saved_model.pb", "variables/variables.index"], "tensorflow"),
        (["config.json", "model.safetensors", "tokenizer.json"], "transformers"),
        (["config.json", "pytorch_model.bin"], "transformers"),
        (["config.json", "model-00001-of-00002.safetensors", "model.safetensors.index.json"], "transformers"),
    ],
)
def test_a_folder_is_recognised_by_what_is_in_it(tmp_path: Path, files: list[str], framework: str) -> None:
    for name in files:
        _write(tmp_path / name)
    assert framework_of(tmp_path, None) == framework


def test_a_python_file_is_no_model(tmp_path: Path) -> None:
    script = _write(tmp_path / "score.py")
    assert framework_of(script, None) is None
    with pytest.raises(ScriptUnservable, match="a Python file is no onnx model"):
        framework_of(script, "onnx")


def test_a_framework_of_folders_is_not_had_from_a_file_nor_the_other_way_round(tmp_path: Path) -> None:
    with pytest.raises(ScriptUnservable, match="a folder that holds the file MLmodel"):
        framework_of(_write(tmp_path / "model.bin"), "mlflow")
    with pytest.raises(ScriptUnservable, match="a model of onnx is a file"):
        framework_of(tmp_path, "onnx")


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound):
        framework_of(tmp_path / "model.onnx", None)


def test_a_package_that_is_missing_is_named_with_what_installs_it() -> None:
    with pytest.raises(MissingExtra, match="pip install"):
        require("nothing_of_that_name", "onnx")


def test_only_a_pickle_is_warned_of(tmp_path: Path) -> None:
    assert "is a pickle" in runtimes.cautions(tmp_path / "model.joblib")[0]
    assert runtimes.cautions(tmp_path / "model.onnx") == []
    assert runtimes.cautions(tmp_path / "score.py") == []
