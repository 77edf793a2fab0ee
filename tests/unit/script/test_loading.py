"""EntryScript: found, imported under a name of its own, checked."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.errors import ScriptImportFailed, ScriptNotFound, ScriptUnservable
from scoringhost.script import loading as script_module
from scoringhost.script.imports import make_importable
from scoringhost.script.loading import EntryScript, folder_listing

Load = Callable[..., EntryScript]
Write = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("clean_imports")

DECORATED = """
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

@input_schema("{name}", StandardPythonParameterType(1))
@output_schema(StandardPythonParameterType([1]))
def run({name}):
    return [{name}]
"""


def test_init_run_and_shutdown_are_the_functions_of_the_script(load: Load) -> None:
    script = load("def init(): return 1\ndef run(data): return 2\ndef shutdown(): return 3")
    assert (script.init(), script.run(None), script.shutdown and script.shutdown()) == (1, 2, 3)


def test_a_script_needs_no_shutdown(load: Load) -> None:
    assert load("def run(data): pass").shutdown is None


def test_a_shutdown_that_cannot_be_called_is_none(load: Load) -> None:
    assert load("shutdown = 5\ndef run(data): pass").shutdown is None


def test_run_may_be_an_object_that_can_be_called(load: Load) -> None:
    script = load("class Model:\n    def __call__(self, data): return data\nrun = Model()")
    assert script.run("x") == "x"


def test_a_dataclass_with_postponed_annotations_can_be_defined(load: Load) -> None:
    script = load(
        """
        from __future__ import annotations
        from dataclasses import dataclass, fields
        from typing import ClassVar

        @dataclass
        class Row:
            scale: ClassVar[int] = 3
            value: int = 1

        def run(data): return [field.name for field in fields(Row)]
        """
    )
    assert script.run("") == ["value"]


def test_instances_of_the_scripts_own_classes_can_be_pickled(load: Load) -> None:
    script = load("class Model: pass\ndef run(data): return Model()")
    assert type(pickle.loads(pickle.dumps(script.run("")))) is script.module.Model


def test_every_load_gets_a_module_name_of_its_own(load: Load) -> None:
    first, second = load("def run(data): return 1"), load("def run(data): return 2", "other.py")
    assert first.module.__name__ != second.module.__name__
    assert sys.modules[second.module.__name__] is second.module


def test_an_unloaded_script_is_forgotten_but_works_on(load: Load) -> None:
    script = load("x = 4\ndef run(data): return x")
    script.unload()
    assert script.module.__name__ not in sys.modules
    assert script.run("") == 4


def test_two_loads_of_one_decorated_script_do_not_collide_in_the_table_of_inference_schema(write: Write) -> None:
    from inference_schema.schema_util import get_input_schema

    path = write(DECORATED.format(name="data") + "\ndef init(): pass\n")
    first, second = EntryScript.load(path), EntryScript.load(path)
    assert get_input_schema(first.run) == get_input_schema(second.run) != {}


def test_two_decorated_scripts_keep_their_own_schemas(load: Load) -> None:
    from inference_schema.schema_util import get_input_schema

    first, second = load(DECORATED.format(name="left")), load(DECORATED.format(name="right"), "other.py")
    assert list(get_input_schema(first.run)["properties"]) == ["left"]
    assert list(get_input_schema(second.run)["properties"]) == ["right"]


def test_a_sibling_is_imported_whatever_the_working_directory(
    load: Load, write: Write, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("value = 7", "sibling_of_score.py")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert load("import sibling_of_score\ndef run(data): return sibling_of_score.value").run("") == 7


def test_a_sibling_is_imported_inside_run_after_the_working_directory_has_changed(
    load: Load, write: Write, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("value = 7", "late_sibling.py")
    script = load("def run(data):\n    import late_sibling\n    return late_sibling.value")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert script.run("") == 7


def test_the_folder_of_the_script_comes_first_on_the_import_path(load: Load, tmp_path: Path) -> None:
    load("def run(data): pass")
    assert sys.path[0] == str(tmp_path)


def test_the_folder_comes_first_even_if_it_was_put_last_before(load: Load, write: Write, tmp_path: Path) -> None:
    # The app root, which is the working directory by default, is put last before the script is loaded.
    write("value = 'installed'", "site/same_name.py")
    write("value = 'sibling'", "same_name.py")
    sys.path.append(str(tmp_path / "site"))
    make_importable(tmp_path, last=True)
    assert load("import same_name\ndef run(data): return same_name.value").run("") == "sibling"


def test_a_folder_is_put_on_the_import_path_once(tmp_path: Path) -> None:
    make_importable(tmp_path, last=True)
    make_importable(tmp_path, last=True)
    assert sys.path.count(str(tmp_path)) == 1
    assert sys.path[-1] == str(tmp_path)


def test_the_run_of_a_generated_driver_script_is_that_of_the_script_it_drives(load: Load, write: Write) -> None:
    write("def init(): pass\ndef run(data): return 'driven'", "driven_by_main.py")
    script = load("import driven_by_main as driver_module\ndef init(): return 'own'\ndef run(body): return 'own'")
    assert (script.run(""), script.init()) == ("driven", "own")


def test_a_driver_module_without_run_is_nothing_special(load: Load) -> None:
    assert load("import json as driver_module\ndef run(data): return 'own'").run("") == "own"


# -- what cannot be served ------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "name"), [("def run(data): pass", "init"), ("def init(): pass", "run")])
def test_a_missing_function_is_named(write: Write, source: str, name: str) -> None:
    with pytest.raises(ScriptUnservable, match=rf"score\.py: it defines no {name}\(\) function"):
        EntryScript.load(write(source))


@pytest.mark.parametrize(("name", "other"), [("init", "run"), ("run", "init")])
def test_a_function_that_cannot_be_called_is_named_with_its_type(write: Write, name: str, other: str) -> None:
    with pytest.raises(ScriptUnservable, match=f"{name} is a int, which is not callable"):
        EntryScript.load(write(f"{name} = 5\ndef {other}(*a): pass"))


# BUG: the host said that it was ready, although the body of such an init() had never run.
@pytest.mark.parametrize(
    "source",
    [
        "async def {name}(): pass",
        "async def {name}(): yield",
        "class Model:\n    async def __call__(self): pass\n{name} = Model()",
        "import functools\nasync def load(size): pass\n{name} = functools.partial(load, 1)",
    ],
)
@pytest.mark.parametrize(("name", "other"), [("init", "shutdown"), ("shutdown", "init")])
def test_an_async_init_or_shutdown_is_refused(write: Write, source: str, name: str, other: str) -> None:
    script = write(source.format(name=name) + f"\ndef run(data): pass\ndef {other}(): pass\n")
    with pytest.raises(ScriptUnservable, match=rf"{name}\(\) cannot be async; .* make it `def {name}\(\)`"):
        EntryScript.load(script)


def test_an_init_that_runs_an_async_function_itself_is_fine(load: Load) -> None:
    source = "import asyncio\nasync def load(): return 3\ndef init(): return asyncio.run(load())\ndef run(data): pass"
    assert load(source).init() == 3


def test_a_file_that_is_not_python_by_its_name_is_refused(write: Write) -> None:
    with pytest.raises(ScriptUnservable, match=r"its name ends in \.py"):
        EntryScript.load(write("", "score.txt"))


# -- what cannot be found -------------------------------------------------------------------------


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound, match=r"No such file or directory: '.*zebra\.py'\. There is no Python file in"):
        EntryScript.load(tmp_path / "zebra.py")


def test_a_script_of_a_similar_name_is_suggested(write: Write, tmp_path: Path) -> None:
    write("", "score.py")
    with pytest.raises(ScriptNotFound, match=r"Did you mean 'score\.py'\?"):
        EntryScript.load(tmp_path / "scoer.py")


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound, match="There is no folder '.*gone' either"):
        EntryScript.load(tmp_path / "gone" / "score.py")


def test_a_folder_is_not_an_entry_script(tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound):
        EntryScript.load(tmp_path)


# -- what cannot be imported ----------------------------------------------------------------------


def failure(write: Write, source: str) -> ScriptImportFailed:
    before = set(sys.modules)
    with pytest.raises(ScriptImportFailed) as caught:
        EntryScript.load(write(source))
    left = [name for name in set(sys.modules) - before if name.startswith(script_module.MODULE_NAME)]
    assert left == [], "the half-imported module must not stay"
    return caught.value


def test_a_failing_import_is_shown_with_our_frames_cut_away(write: Write) -> None:
    error = failure(write, "def load():\n    raise ValueError('no weights')\nload()")
    assert error.traceback.startswith("Traceback (most recent call last):\n")
    assert "ValueError: no weights" in error.traceback
    assert error.traceback.count("score.py") == 2
    assert os.path.dirname(script_module.__file__) not in error.traceback
    assert "importlib" not in error.traceback


def test_a_failing_import_keeps_its_cause(write: Write) -> None:
    assert isinstance(failure(write, "1 / 0").__cause__, ZeroDivisionError)


def test_a_package_that_is_missing_is_named_in_the_advice(write: Write) -> None:
    error = failure(write, "import cv2.aruco")
    assert "pip install opencv-python-headless`" in error.advice


def test_a_syntax_error_is_located(write: Write) -> None:
    error = failure(write, "x = 1\ndef run(:\n")
    assert "line 2" in error.advice
    assert "score.py" in error.advice


def test_a_syntax_error_is_shown_without_our_frames(write: Write) -> None:
    # All frames of it are the host's and importlib's; the message itself shows the line.
    error = failure(write, "x = 1\ndef run(:\n")
    assert "SyntaxError" in error.traceback
    assert os.path.dirname(script_module.__file__) not in error.traceback


def test_an_exit_at_import_is_a_failed_import(write: Write) -> None:
    error = failure(write, "import sys\nsys.exit(4)")
    assert "SystemExit: 4" in error.traceback
    assert "Correct the SystemExit" in error.advice


def test_a_keyboard_interrupt_at_import_is_the_operators(write: Write) -> None:
    with pytest.raises(KeyboardInterrupt):
        EntryScript.load(write("raise KeyboardInterrupt"))


# -- the listing of the model folder --------------------------------------------------------------


def test_a_folder_is_listed_as_an_indented_tree(write: Write, tmp_path: Path) -> None:
    write("", "model/b/weights.bin")
    write("", "model/a.txt")
    assert folder_listing(tmp_path / "model") == ["model/", "    a.txt", "    b/", "        weights.bin"]


@pytest.mark.parametrize("name", [None, "gone"])
def test_no_folder_has_an_empty_listing(tmp_path: Path, name: str | None) -> None:
    assert folder_listing(tmp_path / name if name else None) == []


def test_a_long_listing_is_cut_and_says_so(tmp_path: Path) -> None:
    for number in range(script_module.LISTING_LINES + 10):
        (tmp_path / f"{number:04d}").touch()
    listing = folder_listing(tmp_path)
    assert len(listing) == script_module.LISTING_LINES + 1
    assert listing[-1] == "(more; the first 200 lines are shown)"


def test_a_folder_that_holds_a_link_to_itself_is_listed_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    assert 1 < len(folder_listing(tmp_path)) <= script_module.LISTING_LINES + 1
