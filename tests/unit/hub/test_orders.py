"""What is stored of what is deployed."""

import os
from pathlib import Path

import pytest

from scoringhost.hub.books import Books
from scoringhost.hub.content import Files
from scoringhost.hub.desired import Deployments
from scoringhost.hub.errors import DeploymentRefused, ValueRefused
from scoringhost.hub.home import Home
from scoringhost.hub.orders import Order, take
from scoringhost.hub.registry import Registry
from scoringhost.hub.service_values import Mode
from scoringhost.hub.services import Services
from scoringhost.settings import Settings


@pytest.fixture
def books(tmp_path: Path):
    with Home(tmp_path / "hub") as home:
        yield Books(home, Files(home), Registry(home), Services(home), Deployments(home, Settings()))


def app(folder: Path, name: str = "app") -> Path:
    made = folder / name
    for path in ("score.py", "lib/helper.py", "lib/__pycache__/helper.pyc", ".git/HEAD", ".venv/bin/python"):
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(path)
    return made


def test_caches_version_control_and_environments_are_left_out(books: Books, tmp_path: Path) -> None:
    deployment = take(books, Order("wine", "ann", source=app(tmp_path)))
    assert [file.path for file in books.services.content(deployment).files] == ["lib/helper.py", "score.py"]


@pytest.mark.parametrize("name", ["azureml-models", "my app", "-x"])
def test_a_folder_that_cannot_keep_its_name_has_another(books: Books, tmp_path: Path, name: str) -> None:
    assert take(books, Order("wine", "ann", source=app(tmp_path, name))).root == "app"


def test_an_update_takes_over_what_is_not_named(books: Books, tmp_path: Path) -> None:
    first = take(
        books, Order("wine", "ann", source=app(tmp_path), given={"settings": {"threads": 2}, "script": "score.py"})
    )
    books.services.accept(first)
    second = take(books, Order("wine", "bob", given={"settings": {"threads": 4}}, mode=Mode.UPDATE))
    assert second.recipe.settings == {"threads": 4}
    assert (second.recipe.script, second.content_hash, second.created_by) == ("score.py", first.content_hash, "bob")


def test_what_cannot_be_is_refused_before_anything_is_stored(books: Books, tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match=r"settings\.thread"):
        take(books, Order("wine", "ann", source=app(tmp_path), given={"settings": {"thread": 2}}))
    assert list(books.files.all()) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_named(books: Books, tmp_path: Path) -> None:
    folder = app(tmp_path)
    (folder / "score.py").chmod(0)
    with pytest.raises(ValueRefused, match=r"score\.py"):
        take(books, Order("wine", "ann", source=folder))
