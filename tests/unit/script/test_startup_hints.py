"""What the author of a script is told that cannot start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.errors import InitFailed, ScriptNotFound
from scoringhost.kernel.service import Service
from scoringhost.script.startup_hints import of_hidden_packages, of_missing_script

Write = Callable[..., Path]
RUN = "\ndef run(data): pass\n"


# -- a script that is not there -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "asked", "words"),
    [
        (["score.py", "train.py"], "scroe.py", "Did you mean 'score.py'?"),
        (["svc/score.py", "train.py"], "score.py", "Did you mean 'svc/score.py'?"),
        (["svc/score.py", "train.py"], "scoer.py", "Did you mean 'svc/score.py'?"),
        (["env/pyvenv.cfg", "env/score.py", ".git/score.py"], "score.py", "There is no Python file in"),
        (["train.py", "notes.py"], "service.py", "There are: notes.py, train.py."),
        # BUG: the folder of that project was not thought of, but some wire.py far below
        (["wines/score.py", "deep/wire.py"], "wine", "Did you mean the folder 'wines'?"),
        (["samples/score.py"], "sample/score.py", "Did you mean '{folder}/samples'?"),
        ([], "no/such/deep/score.py", "There is no folder '{folder}/no' either."),
    ],
)
def test_a_script_that_may_have_been_meant_is_named(
    write: Write, tmp_path: Path, files: list[str], asked: str, words: str
) -> None:
    for name in files:
        write("", name)
    assert words.replace("{folder}", str(tmp_path)) in of_missing_script(tmp_path / asked)


def test_the_error_carries_it(write: Write, load, tmp_path: Path) -> None:
    from scoringhost.script.loading import EntryScript

    write("", "score.py")
    with pytest.raises(ScriptNotFound, match="Did you mean 'score.py'"):
        EntryScript.load(tmp_path / "scroe.py")


# -- an init() that fails -------------------------------------------------------------------------


def init_failure(load, body: str, model_dir: Path | None = None) -> str:
    service = Service(load(f"def init():\n    {body}{RUN}"))
    with pytest.raises(InitFailed) as caught:
        service.init(model_dir)
    return str(caught.value)


def test_a_file_that_is_elsewhere_in_the_model_folder_is_pointed_to(load, write: Write, tmp_path: Path) -> None:
    write("", "model/deep/weights.bin")
    message = init_failure(load, "open('weights.bin')", tmp_path / "model")
    assert "score.py, line 2, looks for 'weights.bin' in the working directory" in message
    assert message.endswith("Did you mean os.path.join(os.environ['AZUREML_MODEL_DIR'], 'deep/weights.bin')?")


def test_a_file_of_a_similar_name_is_pointed_to(load, write: Write, tmp_path: Path) -> None:
    write("", "model/model.pkl")
    message = init_failure(load, f"open('{tmp_path}/model/modell.pkl')", tmp_path / "model")
    assert "'model.pkl'" in message
    assert "working directory" not in message


@pytest.mark.parametrize(
    ("model_dir", "words"),
    [
        (None, "No model folder is set: put the model into a folder `model` beside the script"),
        ("model", "The model folder is '{folder}/model'."),
        ("nowhere", "Nor is the model folder '{folder}/nowhere'."),
    ],
)
def test_a_file_like_no_other_names_the_model_folder(
    load, write: Write, tmp_path: Path, model_dir: str | None, words: str
) -> None:
    write("", "model/other.json")
    message = init_failure(load, "open('weights.bin')", tmp_path / model_dir if model_dir else None)
    assert message.endswith(words.replace("{folder}", str(tmp_path))) or words in message


def test_a_model_folder_that_is_not_set_is_explained(load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZUREML_MODEL_DIR", raising=False)
    message = init_failure(load, "import os; os.environ['AZUREML_MODEL_DIR']")
    assert "score.py, line 2, reads AZUREML_MODEL_DIR. No model folder is set" in message


# BUG: the tutorials' spelling got "init() raised TypeError; correct it and start again", and no more.
@pytest.mark.parametrize("get", ["os.getenv('AZUREML_MODEL_DIR')", "os.environ.get('AZUREML_MODEL_DIR')"])
@pytest.mark.parametrize("use", ["os.path.join({}, 'm.pkl')", "{} + '/m.pkl'", "{}.lower()"])
def test_a_model_folder_that_is_asked_for_gently_and_not_there_is_explained(
    load: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, get: str, use: str
) -> None:
    monkeypatch.delenv("AZUREML_MODEL_DIR", raising=False)
    message = init_failure(load, f"import os; {use.format(get)}")
    assert "score.py, line 2, uses AZUREML_MODEL_DIR, which os.getenv answers with None here." in message
    assert "--model-dir" in message


def test_another_none_is_not_taken_for_the_model_folder(load: Callable[..., Service]) -> None:
    assert "AZUREML_MODEL_DIR" not in init_failure(load, "None + 1")


# -- a file that hides a package ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("numpy", "import numpy as np", "hides the installed package 'numpy'"),
        ("random", "from random import choice", "hides Python's own module 'random'"),
        ("numpy", "def init():\n    from numpy.linalg import norm", "hides the installed package 'numpy'"),
    ],
)
def test_a_file_that_is_imported_in_the_place_of_a_package_is_named(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    (tmp_path / f"{name}.py").touch()
    script = tmp_path / "score.py"
    script.write_text(text)
    [said] = of_hidden_packages(script)
    assert said.startswith(f"{tmp_path / name}.py {words}")


def test_what_nobody_imports_or_nobody_else_has_hides_nothing(tmp_path: Path) -> None:
    for name in ("numpy", "helper"):
        (tmp_path / f"{name}.py").touch()
    script = tmp_path / "score.py"
    script.write_text("import helper\n")
    assert of_hidden_packages(script) == []
    assert of_hidden_packages(tmp_path / "nowhere.py") == []


def test_a_module_that_init_imports_is_explained(load) -> None:
    assert "pip install opencv-python-headless" in init_failure(load, "import cv2")


@pytest.mark.parametrize("body", ["1 / 0", "raise FileNotFoundError('gone')", "raise KeyError('x')"])
def test_other_failures_are_left_to_their_traceback(load, body: str) -> None:
    assert init_failure(load, body).endswith("correct it and start again.")
