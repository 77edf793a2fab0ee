"""A template that has changed is an error, not a package of something else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.packaging import container, functions
from scoringhost.packaging.output import Package
from scoringhost.packaging.sources import Sources
from scoringhost.packaging.templates import TemplateChanged, replaced


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    script = tmp_path / "service" / "score.py"
    script.parent.mkdir()
    script.write_text("def init(): pass\ndef run(data): return data\n")
    return Sources.of(script, None)


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """changed(old, new): the project's Dockerfile as somebody has edited it, where the wheel carries it."""

    def changed(old: str, new: str) -> None:
        own = container.template()
        assert old in own
        carried = tmp_path / "carried"
        carried.mkdir()
        (carried / "Dockerfile").write_text(own.replace(old, new))
        monkeypatch.setattr(container, "__file__", str(carried / "container.py"))

    return changed


def packed(sources: Sources, folder: Path) -> Package:
    return container.write_container(sources, folder, container.Choices(port=8080))


def test_what_is_there_is_replaced_wherever_it_is() -> None:
    assert replaced("a b a", "a", "c", template="x") == "c b c"


# BUG: a port, an image or a folder that could not be put in was left out without a word.
@pytest.mark.parametrize(
    ("line", "otherwise"),
    [
        ("SERVER_PORT=5001\n", "SERVER_PORT=5002\n"),
        ("EXPOSE 5001\n", "EXPOSE 5001/tcp\n"),
        ("COPY samples/diabetes ./\n", "COPY samples/wine ./\n"),
        ("\nARG BASE_IMAGE=python:3.11-slim-bookworm\n", "\nARG BASE_IMAGE=python:3.12-slim-bookworm\n"),
        ("\nARG BASE_IMAGE=", "\nARG IMAGE="),
    ],
)
def test_a_dockerfile_in_which_a_line_has_changed_is_an_error_that_names_it(
    sources: Sources, tmp_path: Path, changed: Callable[[str, str], None], line: str, otherwise: str
) -> None:
    changed(line, otherwise)
    with pytest.raises(TemplateChanged, match=r"scoringhost's own Dockerfile has no ") as refused:
        packed(sources, tmp_path / "image")
    assert refused.value.text.strip() in line
    assert not (tmp_path / "image" / "Dockerfile").exists()


def test_requirements_of_the_function_app_in_which_ours_is_not_named_are_an_error(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(functions.templates(), tmp_path / "carried" / "function_app")
    (tmp_path / "carried" / "function_app" / "requirements.txt").write_text("azure-functions\nscoringhost>=1\n")
    monkeypatch.setattr(functions, "__file__", str(tmp_path / "carried" / "functions.py"))
    wheel = tmp_path / "scoringhost-1-py3-none-any.whl"
    wheel.touch()
    with pytest.raises(TemplateChanged, match=r"requirements\.txt has no 'scoringhost'"):
        functions.write_function_app(sources, tmp_path / "app", functions.Choices(wheel=wheel))
