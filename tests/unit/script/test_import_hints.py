"""What the author of a script is told whose import fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.errors import ScriptImportFailed
from scoringhost.script.azureml_names import install_import_shims
from scoringhost.script.distributions import DISTRIBUTIONS, distribution_of
from scoringhost.script.stand_ins.finder import lend_stand_ins
from scoringhost.script.world import ScriptWorld
from scoringhost.settings import Settings

Write = Callable[..., Path]
RUN = "\ndef run(data): pass\n"


@pytest.fixture(autouse=True)
def names_of_azure_ml() -> None:
    install_import_shims()


def import_failure(load, source: str, name: str = "score.py") -> str:
    with pytest.raises(ScriptImportFailed) as caught:
        load(source + RUN, name)
    return caught.value.advice


@pytest.mark.parametrize(
    ("statement", "name", "package"),
    [
        ("import cv2", "cv2", "opencv-python-headless"),
        ("from skimage.io import imread", "skimage", "scikit-image"),
        ("import torchvision.ops", "torchvision", "torchvision"),
        # BUG: "which the installed azureml does not have; see its changelog", of our own empty package
        ("import azureml.opendatasets", "azureml.opendatasets", "azureml-opendatasets"),
        ("from azureml.train.automl import x", "azureml.train", "azureml-train-core"),
    ],
)
def test_the_line_that_imports_is_named_and_the_package_that_brings_it(
    load, tmp_path: Path, statement: str, name: str, package: str
) -> None:
    advice = import_failure(load, f"import os\n{statement}")
    assert advice == (
        f"{tmp_path}/score.py, line 2, imports {name!r}, which is not installed. Run `pip install {package}`."
    )


@pytest.mark.parametrize("name", ["util", "models", "data", "no_such_package"])
def test_a_module_that_no_known_package_brings_is_not_said_to_be_on_pypi(load, tmp_path: Path, name: str) -> None:
    # BUG: "pip install util" was an invitation to whoever owns that name
    advice = import_failure(load, f"import {name}")
    assert f"{tmp_path}/score.py, line 1, imports {name!r}, which is not installed, nor is it beside" in advice
    assert "--app-root" in advice
    assert "pip install" not in advice


@pytest.mark.parametrize(
    ("file", "shown"),
    [("shared/util.py", "shared/util.py"), ("lib/util/__init__.py", "lib/util"), ("lib/util/text.py", "lib/util")],
)
def test_a_local_module_is_found_in_the_project_with_the_folder_to_name(
    load, write: Write, tmp_path: Path, file: str, shown: str
) -> None:
    write("", file)
    write("", "pyproject.toml")
    advice = import_failure(load, "import util", "service/score.py")
    place = tmp_path / shown
    assert f"It is a local module, {place}: start with `--app-root {place.parent}`" in advice


def test_with_the_folder_that_was_named_the_script_starts(load, write: Write) -> None:
    write("VALUE = 3", "lib/util.py")
    write("", "pyproject.toml")
    advice = import_failure(load, "import util", "service/score.py")
    folder = re.search(r"--app-root (\S+)`", advice)
    assert folder is not None
    script = write("import util\ndef init(): pass\ndef run(data): return util.VALUE", "service/score.py")
    world = ScriptWorld(Settings(script=str(script), app_root=folder[1]))
    world.enter({})
    try:
        assert world.load().run("") == 3
    finally:
        world.leave()


def test_a_module_of_the_projects_own_goes_before_a_package_of_that_name(load, write: Write, tmp_path: Path) -> None:
    write("", "lib/evaluate.py")
    assert str(tmp_path / "lib" / "evaluate.py") in import_failure(load, "import evaluate")


def test_a_part_that_a_local_package_does_not_have_is_looked_for_there(load, write: Write, tmp_path: Path) -> None:
    write("", "helpers_here/__init__.py")
    advice = import_failure(load, "import helpers_here.texts")
    assert f"which {tmp_path / 'helpers_here'} does not have. Correct the import" in advice


def test_a_part_of_the_shared_packages_that_nobody_is_known_to_bring_is_left_to_their_documentation(load) -> None:
    advice = import_failure(load, "import azureml.nowhere")
    assert "No package is known that brings it" in advice
    assert "changelog" not in advice


def test_a_name_that_a_stand_in_does_not_have_is_explained(load) -> None:
    give_back = lend_stand_ins()
    try:
        advice = import_failure(load, "from azureml.core import Workspace")
    finally:
        give_back()
    assert "imports a name from 'azureml.core' that is not in scoringhost's stand-in" in advice
    assert "`pip install azureml-core`" in advice


def test_the_module_that_imports_is_named_not_the_script_that_imports_it(load, write: Write, tmp_path: Path) -> None:
    write("\n\nimport no_such_package", "advice_helper.py")
    assert import_failure(load, "import advice_helper").startswith(f"{tmp_path}/advice_helper.py, line 3, imports")


def test_a_sibling_of_a_similar_name_is_suggested(load, write: Write) -> None:
    write("", "preprocessing.py")
    assert "Did you mean 'preprocessing', which is beside the script?" in import_failure(load, "import preprocesing")


def test_a_part_that_an_installed_package_does_not_have_is_no_reason_to_install_it(load) -> None:
    advice = import_failure(load, "import sklearn.externals.other")
    assert "imports 'sklearn.externals.other', which the installed scikit-learn " in advice
    assert "pip install" not in advice


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("azure.storage.blob.aio", "azure-storage-blob"),
        ("PIL.Image", "pillow"),
        ("torch.nn", "torch"),
        ("azureml.train.automl.runtime", "azureml-train-automl-runtime"),
        ("util", None),
        ("azure", None),
    ],
)
def test_a_module_stands_for_its_package(module: str, package: str | None) -> None:
    assert distribution_of(module) == package


def test_no_package_is_named_as_pypi_would_not_have_it() -> None:
    assert [one for one in DISTRIBUTIONS.values() if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", one)] == []
