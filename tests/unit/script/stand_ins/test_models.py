"""Model.get_model_path() over the layouts that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoringhost.script.stand_ins.models import Model, ModelNotFound, find_model


@pytest.fixture
def make(tmp_path: Path):
    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def found(root: Path, name: str, version: int | None = None, model_dir: str | None = "model") -> str:
    environ = {"AML_APP_ROOT": str(root), "AZUREML_MODEL_DIR": str(root / model_dir) if model_dir else ""}
    return find_model(name, version, environ, root / "cwd").relative_to(root).as_posix()


@pytest.mark.parametrize(
    ("files", "name", "path"),
    [
        (["model/anything.pkl"], "diabetes", "model/anything.pkl"),
        (["model/diabetes.pkl", "model/scaler.pkl"], "diabetes", "model/diabetes.pkl"),
        (["model/diabetes.pkl", "model/scaler.pkl"], "scaler.pkl", "model/scaler.pkl"),
        (["model/diabetes/weights.bin", "model/other.pkl"], "diabetes", "model/diabetes"),
        (["model/weights.bin", "model/vocab.txt"], "bert", "model"),
        (["model/bert/weights.bin"], "other", "model/bert"),
        (["model/.gitkeep", "model/m.pkl"], "diabetes", "model/m.pkl"),
        # Azure ML's own layout, with several models in the model folder
        (["model/a/1/m.pkl", "model/a/10/m.pkl", "model/a/9/m.pkl", "model/b/1/m.pkl"], "a", "model/a/10/m.pkl"),
        (["model/a/1/weights/w.bin", "model/b/1/m.pkl"], "a", "model/a/1/weights"),
        (["model/a/1/w.bin", "model/a/1/v.txt"], "a", "model/a/1"),
        (["azureml-models/a/3/m.pkl", "model/a.pkl"], "a", "azureml-models/a/3/m.pkl"),
        (["cwd/a.pkl", "model/x.pkl", "model/y.pkl"], "a.pkl", "cwd/a.pkl"),
    ],
)
def test_a_model_is_found_by_its_name(make, files: list[str], name: str, path: str) -> None:
    assert found(make(*files), name) == path


def test_a_single_model_is_found_where_azure_ml_points_to(make) -> None:
    root = make("azureml-models/a/2/m.pkl")
    assert found(root, "a", model_dir="azureml-models/a/2") == "azureml-models/a/2/m.pkl"
    elsewhere = make("var/a/2/m.pkl")
    assert found(elsewhere, "a", 2, model_dir="var/a/2") == "azureml-models/a/2/m.pkl"


def test_a_version_is_the_one_asked_for(make) -> None:
    root = make("model/a/1/m.pkl", "model/a/2/m.pkl")
    assert found(root, "a", 1) == "model/a/1/m.pkl"
    with pytest.raises(ModelNotFound, match=r"no version 7 of the model 'a'; there are \[1, 2\]"):
        found(root, "a", 7)


@pytest.mark.parametrize(
    ("files", "model_dir", "words"),
    [
        (["model/a/1/m.pkl", "model/b/1/m.pkl"], "model", "it has the models a, b"),
        (["model/.gitkeep"], "model", "there is nothing in it"),
        (["other"], None, "no model folder is set; name it: --model-dir"),
        (["other"], "nowhere", "there is nothing in it"),
    ],
)
def test_a_model_that_is_not_there_is_said_to_be_missing_with_what_is_there(
    make, files: list[str], model_dir: str | None, words: str
) -> None:
    with pytest.raises(ModelNotFound, match=words):
        found(make(*files), "absent", model_dir=model_dir)


@pytest.mark.parametrize("version", ["1", True])
def test_a_version_that_is_no_number_is_refused(version: object) -> None:
    with pytest.raises(TypeError, match="whole number"):
        Model.get_model_path("a", version)  # type: ignore[arg-type]


def test_the_model_folder_of_the_process_is_looked_into(make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make("model/m.pkl")
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(root / "model"))
    assert Model.get_model_path(model_name="any") == str(root / "model" / "m.pkl")
