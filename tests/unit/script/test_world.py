"""ScriptWorld: what a script finds in its process, and that all of it is taken back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost.errors import ScriptImportFailed, ScriptNotFound, SettingsError
from scoringhost.script.world import ScriptWorld
from scoringhost.settings import Settings

SCRIPT = """
import os, sys
import helper_beside, helper_in_root, helper_in_source

SEEN = {name: os.environ.get(name) for name in ("AZUREML_MODEL_DIR", "AML_APP_ROOT")}
ARGUMENTS = sys.argv[1:]

def init(): ...

def run(data): ...
"""

Make = Callable[..., ScriptWorld]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """make(script, arguments=...): a world with an app root, a source directory and a model folder."""
    made: list[ScriptWorld] = []
    for name in ("root", "root/source", "scripts", "model"):
        (tmp_path / name).mkdir()
    (tmp_path / "root" / "helper_in_root.py").touch()
    (tmp_path / "root" / "source" / "helper_in_source.py").touch()
    (tmp_path / "scripts" / "helper_beside.py").touch()

    def make(script: str = SCRIPT, **options: Any) -> ScriptWorld:
        path = tmp_path / "scripts" / "score.py"
        path.write_text(script, encoding="utf-8")
        settings = Settings(
            script=str(path),
            app_root=str(tmp_path / "root"),
            source_directory="source",
            model_dir=str(tmp_path / "model"),
        )
        made.append(ScriptWorld(settings, **options))
        return made[-1]

    yield make
    for world in made:
        world.leave()
    for name in ("helper_in_root", "helper_in_source"):
        sys.modules.pop(name, None)


def state() -> tuple[list[str], list[str], set[str]]:
    return (
        list(sys.path),
        list(sys.argv),
        {name for name in sys.modules if name.startswith(("entry_", "helper_beside"))},
    )


def test_a_script_finds_its_world_and_afterwards_everything_is_as_before(make: Make, tmp_path: Path) -> None:
    world, environ, before = make(arguments=["--fast"]), {"MINE": "1"}, state()
    world.enter(environ)
    module = world.load().module
    assert module.ARGUMENTS == ["--fast"]
    assert environ["AZUREML_MODEL_DIR"] == str(tmp_path / "model")
    assert environ["AML_APP_ROOT"] == str(tmp_path / "root")
    assert (world.model_dir, world.script_folder) == (tmp_path / "model", tmp_path / "scripts")
    world.leave()
    assert (state(), environ) == (before, {"MINE": "1"})


def test_what_the_script_itself_has_set_is_taken_back_if_its_world_settles(make: Make) -> None:
    for settles in (True, False):
        world = make()
        environ: dict[str, str] = {}
        world.enter(environ)
        environ["SET_IN_INIT"] = "1"
        if settles:
            world.settle()
        world.leave()
        assert ("SET_IN_INIT" in environ) is not settles


def test_without_arguments_the_command_line_stays_that_of_the_process(make: Make) -> None:
    world, before = make(), list(sys.argv)
    world.enter({})
    assert sys.argv == before


def test_a_script_that_cannot_be_imported_leaves_a_world_that_can_be_left(make: Make) -> None:
    before = state()
    world = make("import no_such_package\n")
    world.enter({})
    with pytest.raises(ScriptImportFailed):
        world.load()
    world.leave()
    world.leave()
    assert state() == before


def test_a_world_may_be_entered_again(make: Make) -> None:
    world, before = make(), state()
    for _ in range(2):
        world.enter({})
        assert world.load().module.SEEN
        world.leave()
    assert state() == before


def test_the_model_folder_of_none_is_none_and_of_no_script_there_is_no_folder() -> None:
    world = ScriptWorld(Settings(app_root="/app"))
    assert (world.model_dir, world.script_folder, world.folders) == (None, None, [Path("/app")])
    with pytest.raises(SettingsError):
        _ = world.script


def test_a_script_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound):
        _ = ScriptWorld(Settings(script=str(tmp_path / "nowhere.py"))).script
