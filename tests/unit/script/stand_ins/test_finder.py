"""Stand-ins: who is handed them, and that nobody else is."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost.errors import ScriptImportFailed
from scoringhost.script.stand_ins.table import STAND_INS
from scoringhost.script.world import ScriptWorld
from scoringhost.settings import Settings

Enter = Callable[..., ScriptWorld]
Write = Callable[..., Path]
REST = "\ndef init(): pass\ndef run(data): return data\n"


@pytest.fixture
def enter(write: Write, clean_imports: None) -> Iterator[Enter]:
    """Write a script and enter its world; what is left of the worlds is left at the end."""
    entered: list[ScriptWorld] = []

    def enter(source: str, **settings: Any) -> ScriptWorld:
        world = ScriptWorld(Settings(script=str(write(source + REST)), **settings))
        world.enter({})
        entered.append(world)
        return world

    yield enter
    for world in entered:
        world.leave()


def loaded(enter: Enter, source: str, **settings: Any) -> Any:
    return enter(source, **settings).load().module


PREAMBLE = """
import mlserver
import azureml.automl.core
from azureml.automl.core.shared import logging_utilities, log_server
from azureml.telemetry import INSTRUMENTATION_KEY
from azureml.core.model import Model
from azureml.core import Model as Same
from azureml_user.parallel_run import EntryScript
from azureml.monitoring import ModelDataCollector
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext
from sklearn.externals import joblib
import joblib as installed
log_server.enable_telemetry(INSTRUMENTATION_KEY)
log_server.update_custom_dimensions({"model_name": "m"})
"""


def test_a_script_finds_them_and_afterwards_nothing_of_them_is_left(enter: Enter) -> None:
    before, path = set(sys.modules), list(sys.meta_path)
    world = enter(PREAMBLE)
    module = world.load().module
    assert module.Model is module.Same
    assert module.joblib is module.installed
    world.leave()
    left = set(sys.modules) - before
    assert not left & set(STAND_INS)
    assert [one for one in sys.meta_path if one not in path and "stand_ins" in type(one).__module__] == []
    assert "joblib" not in vars(sys.modules["sklearn.externals"])
    assert not hasattr(sys.modules["azureml"], "core")


def test_what_each_of_them_does_is_said_once_in_the_log(enter: Enter) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    host = logging.getLogger("azmlinfsrv")
    level = host.level
    host.addHandler(handler)
    host.setLevel(logging.INFO)
    try:
        loaded(enter, PREAMBLE)
    finally:
        host.removeHandler(handler)
        host.setLevel(level)
    clauses = [line.partition(" is answered by scoringhost: ")[2] for line in lines]
    assert sorted(clauses) == sorted({one.says for one in STAND_INS.values()})


def test_init_and_run_may_import_them_as_late_as_they_like(enter: Enter) -> None:
    world = enter("import importlib\ndef late(): return importlib.import_module('azureml.core.model').Model")
    assert world.load().module.late().__name__ == "Model"


def test_a_module_beside_the_script_and_one_in_the_app_root_are_of_the_script(enter: Enter, write: Write) -> None:
    write("from azureml.core.model import Model", "stand_in_beside.py")
    write("from azureml.core.model import Model", "root/stand_in_in_root.py")
    module = loaded(
        enter,
        "import stand_in_beside, stand_in_in_root",
        app_root=str(Path(write("", "root/nothing.txt")).parent),
    )
    assert module.stand_in_beside.Model is module.stand_in_in_root.Model


@pytest.mark.parametrize("probe", ["import azureml.core", "from sklearn.externals import joblib"])
def test_an_installed_library_that_looks_is_told_the_truth(enter: Enter, write: Write, probe: str) -> None:
    write(f"try:\n    {probe}\n    FOUND = True\nexcept ImportError:\n    FOUND = False", "site-packages/prober.py")
    module = loaded(enter, "import sys\nsys.path.append(__file__[:-8] + 'site-packages')\nimport prober")
    assert module.prober.FOUND is False


def test_the_program_around_a_script_does_not_find_them(enter: Enter) -> None:
    loaded(enter, "value = 1")
    assert importlib.util.find_spec("azureml.core") is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("azureml.core")


def test_what_is_installed_goes_before_them_but_for_the_one_that_cannot_be_loaded(enter: Enter, write: Write) -> None:
    write("Model = 'real'", "installed/azureml/core/model.py")
    write("ModelDataCollector = 'real'", "installed/azureml/monitoring/__init__.py")
    source = """
import sys, azureml
azureml.__path__.append(__file__[:-8] + "installed/azureml")
from azureml.core.model import Model
from azureml.monitoring import ModelDataCollector
"""
    try:
        module = loaded(enter, source)
        assert module.Model == "real"
        assert module.ModelDataCollector.__module__ == "scoringhost.script.stand_ins.collectors"
    finally:
        sys.modules["azureml"].__path__[:] = []
        for name in [name for name in sys.modules if name.startswith("azureml.core")]:
            del sys.modules[name]


def test_without_any_world_a_script_does_not_find_them(load: Callable[..., Any]) -> None:
    with pytest.raises(ScriptImportFailed):
        load("import azureml.core" + REST)


def test_they_are_there_until_the_last_world_is_left(enter: Enter) -> None:
    first, second = enter("import azureml.core"), enter("import azureml.core")
    first.load()
    first.leave()
    assert second.load().module.azureml.core.Model


def test_installing_them_imports_none(python: Callable[[str], str], write: Write) -> None:
    script = write("value = 1" + REST)
    program = f"""
import sys
from scoringhost.script.world import ScriptWorld
from scoringhost.settings import Settings
world = ScriptWorld(Settings(script={str(script)!r}))
world.enter({{}})
world.load()
print([name for name in sys.modules if "stand_ins" in name and name.rpartition(".")[2] in ("models", "automl",
      "collectors")], "joblib" in sys.modules)
"""
    assert python(program) == "[] False"
