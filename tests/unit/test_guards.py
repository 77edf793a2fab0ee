"""What review would have to watch for otherwise: completeness and the absence of side effects."""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import scoringhost
from scoringhost import errors
from scoringhost.cli import VERBS
from scoringhost.errors import ScoringHostError
from scoringhost.http.errors import ROWS

PACKAGE = Path(scoringhost.__file__).parent
CARRIED = PACKAGE / "packaging"
SOURCES = [  # without the templates that a wheel carries in folders of their own
    path for path in sorted(PACKAGE.rglob("*.py")) if CARRIED not in path.parents or path.parent == CARRIED
]
Python = Callable[..., str]


def leaves() -> list[type[ScoringHostError]]:
    found = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, ScoringHostError)]
    return [one for one in found if not any(other is not one and issubclass(other, one) for other in found)]


# -- the table of codes ---------------------------------------------------------------------------


def test_every_leaf_of_the_error_tree_has_one_row_and_there_are_no_others() -> None:
    assert sorted(row.error.__name__ for row in ROWS) == sorted(one.__name__ for one in leaves())


# The error codes of https://grpc.io/docs/guides/status-codes/
GRPC_CODES = frozenset(
    [
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ]
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.error.__name__)
def test_every_row_has_an_http_status_and_the_name_of_a_grpc_code(row) -> None:
    assert 400 <= row.http < 600
    assert row.grpc in GRPC_CODES


def test_the_callers_faults_are_4xx_and_all_others_5xx() -> None:
    wrong = [row.error.__name__ for row in ROWS if (row.http < 500) is not issubclass(row.error, errors.CallError)]
    assert wrong == []


# -- what is exported -----------------------------------------------------------------------------


def test_everything_that_is_exported_is_listed_and_can_be_had() -> None:
    assert scoringhost.__all__ == sorted(scoringhost.__all__)
    assert {name: getattr(scoringhost, name) is not None for name in scoringhost.__all__} == dict.fromkeys(
        scoringhost.__all__, True
    )


def test_what_is_looked_up_on_demand_is_exactly_what_is_listed() -> None:
    assert {*scoringhost._HOMES, "__version__"} == set(scoringhost.__all__)


HELPERS = """
from scoringhost import {names}

def run(request): ...

print(rawhttp(run) is run, isinstance(Request, type), isinstance(Response, type))
"""


@pytest.mark.parametrize("names", ["rawhttp, Request, Response", "Request, Response, rawhttp"])
def test_the_helpers_of_a_script_can_be_imported_in_any_order(python: Python, names: str) -> None:
    # Once imported, a module of the package takes the place of an exported function of the same name.
    assert python(HELPERS.format(names=names)) == "True True True"


def test_no_module_has_the_name_of_something_exported() -> None:
    assert [name for name in scoringhost.__all__ if importlib.util.find_spec(f"scoringhost.{name}")] == []


def test_a_star_import_brings_exactly_what_is_listed(python: Python) -> None:
    program = """
        namespace = {}
        exec("from scoringhost import *", namespace)
        import scoringhost
        print(sorted(set(namespace) - {"__builtins__"}) == scoringhost.__all__)
    """
    assert python(program) == "True"


def test_what_is_not_exported_cannot_be_had() -> None:
    with pytest.raises(AttributeError, match="no attribute 'zebra'"):
        _ = scoringhost.zebra


# -- importing has no effects ---------------------------------------------------------------------

EVERY_MODULE = """
import builtins, importlib, logging, os, pkgutil, signal, sys, threading

def state():
    return {
        "sys.path": list(sys.path),
        # six, which pandas 2 brings along, puts its own there
        "sys.meta_path": [one for one in sys.meta_path if type(one).__module__ != "six"],
        "sys.stdout": (sys.stdout, sys.stderr, sys.excepthook),
        "os.environ": dict(os.environ),
        "builtins": dict(vars(builtins)),
        "logging": (list(logging.root.handlers), logging.root.level, logging.getLoggerClass()),
        "handlers": sorted(n for n, l in logging.root.manager.loggerDict.items() if getattr(l, "handlers", None)),
        "signals": {n: signal.getsignal(n) for n in signal.Signals if n not in (signal.SIGKILL, signal.SIGSTOP)},
        "threads": threading.active_count(),
        "working directory": os.getcwd(),
        "what forks do": [name for name in at_fork if name.startswith("scoringhost")],
    }

at_fork = []
register = os.register_at_fork


def register_and_note(**work):
    at_fork.append(sys._getframe(1).f_globals["__name__"])
    register(**work)


os.register_at_fork = register_and_note

import grpc.aio  # its loggers have a handler each that does nothing
import mlflow.deployments  # it configures its own log, and brings a finder along
import opentelemetry.trace  # some of its versions bring a finder of their own along, which is not our doing
import scoringhost
has_ray = importlib.util.find_spec("ray") is not None
if has_ray:
    import ray.data
names = ["scoringhost"]
before = state()
for module in pkgutil.walk_packages(scoringhost.__path__, "scoringhost."):
    if module.name.rpartition(".")[2] == "__main__":
        continue
    if module.name == "scoringhost.batch.on_ray.pipeline" and not has_ray:  # it is imported only where Ray is there
        continue
    importlib.import_module(module.name)
    names.append(module.name)
    now = state()
    for what in now:
        if now[what] != before[what]:
            print(f"{module.name} changes {what}")
    before = now
assert len(names) > 30, names
"""

WITHOUT = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
    for found in sorted({"numpy", "pandas", "flask", "werkzeug", "gunicorn", "uvicorn"} & set(sys.modules)):
        print(module, found)
"""


@pytest.mark.drill
def test_importing_a_module_changes_nothing_outside_of_it(python: Python) -> None:
    assert python(EVERY_MODULE) == ""


def test_what_is_slow_to_import_is_not_imported_before_it_is_needed(python: Python) -> None:
    modules = ["scoringhost", "scoringhost.assemble", *(f"scoringhost.cli.{verb}" for verb in VERBS)]
    assert python(WITHOUT, *modules) == ""


@functools.cache
def tree(path: Path) -> ast.Module:
    """A source as its syntax tree; parsing all of them takes half a second."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """The top-level names of all packages that a module imports, wherever in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def modules_that_import(*packages: str) -> list[str]:
    return [path.relative_to(PACKAGE).as_posix() for path in SOURCES if set(packages) & set(imported(path))]


def test_only_codecs_and_the_reader_of_tables_import_numpy_or_pandas() -> None:
    found = modules_that_import("numpy", "pandas")
    codecs = ("schema/numpy_", "schema/pandas_", "inference/numpy_", "inference/pandas_")
    found = [name for name in found if name != "tabular/frames.py" and not name.startswith(codecs)]
    # A template is there to have them; a client's data set gives a frame if it is asked for one.
    found = [name for name in found if name not in ("fleet/rehearsal.py", "azureml/core/dataset.py")]
    # A model's runtime is imported when such a model is served; what chooses among them, at every start.
    at_every_start = [f"runtimes/{name}.py" for name in ("__init__", "recognising", "made", "model_schemas")]
    assert [name for name in found if not name.startswith("runtimes/") or name in at_every_start] == []


def test_no_module_imports_relatively() -> None:
    relative = [
        path.name
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_every_module_says_what_it_is_for() -> None:
    missing = [path.name for path in SOURCES if not ast.get_docstring(tree(path))]
    assert missing == []
