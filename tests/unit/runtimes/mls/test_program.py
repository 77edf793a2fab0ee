"""A published service in its process: what a call sees, what it leaves, and what is refused."""

from __future__ import annotations

import ast
import base64
import enum
import json
import os
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import dill  # type: ignore[import-untyped]
import numpy as np
import pytest

from scoringhost.errors import ScriptUnservable
from scoringhost.hub.mls.definition import Definition, Parameter
from scoringhost.hub.mls.folders import make_folder
from scoringhost.runtimes.mls import captured as captured_module
from scoringhost.runtimes.mls.pickles import RESUME, ForeignCode, ObjectRefused, load_object, require_own_bytecode
from scoringhost.runtimes.mls.program import Program

ASKS = {"X-Scoringhost-Mls": "1"}
X, Y = (Parameter("x", "numeric"),), (Parameter("y", "numeric"),)
Make = Callable[..., Program]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A program of some code, started."""

    def made(code: str, init: str | None = None, files: tuple[str, ...] = (), **objects: bytes) -> Program:
        places = {}
        for name, data in objects.items():
            places[name] = tmp_path / f"{name}.pickle"
            places[name].write_bytes(data)
        definition = Definition(code=code, init_code=init, inputs=X, outputs=Y, files=files)
        make_folder(tmp_path / "app", "s", "1", definition, objects=places)
        program = Program(str(tmp_path / "app" / "score.py"))
        program.start()
        return program

    return made


def _result(program: Program, x: float = 1.0, status: int = 200) -> dict[str, Any]:
    response: Any = program.answer({"x": x}, ASKS)
    assert response.status_code == status
    found: dict[str, Any] = json.loads(response.get_data())
    return found


def test_objects_and_what_init_made_are_globals_of_the_code(make: Make) -> None:
    program = make("y = x + offset['by'] + two + array.sum()", "two = 2", offset=dill.dumps({"by": 10}),
                   array=dill.dumps(np.array([1.0, 2.0])))  # fmt: skip
    assert program.answer({"x": 1.0}, None) == {"y": 16.0}
    assert _result(program) == {
        "success": True, "errorMessage": "", "consoleOutput": "", "changedFiles": [], "outputFiles": {},
        "outputParameters": {"y": 16.0},
    }  # fmt: skip


def test_a_call_finds_nothing_of_the_one_before(make: Make) -> None:
    code = "import os\nfound = os.listdir('.') + [n for n in ('left',) if n in globals()]\ny = len(found)\n"
    program = make(code + "left = 1\nopen('left.txt', 'w').close()\nprint('p')\nbase = 2", "base = 1")
    before = os.getcwd()
    for _ in range(2):
        found = _result(program)
        assert (found["outputParameters"], found["consoleOutput"]) == ({"y": 0.0}, "p\n")
    assert os.getcwd() == before


def test_files_are_sent_by_their_names_and_links_are_not_followed(make: Make) -> None:
    writing = "import os, pathlib\npathlib.Path('a.txt').write_text('hello')\n"
    code = "os.symlink('/etc/passwd', 'link')\nos.mkdir('d')\ny = 1"
    found = _result(make(writing + code, files=("a.txt", "link", "never")))
    sent = base64.b64encode(b"hello").decode()
    assert found["changedFiles"] == ["a.txt"]
    assert found["outputFiles"] == {"a.txt": sent, "link": None, "never": None}


def test_files_that_are_too_large_fail_the_call(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured_module, "MOST_IN_FILES", 3)
    found = _result(make("import pathlib\npathlib.Path('a').write_text('1234')\ny = 1", files=("a",)), status=500)
    assert "more than 3 bytes" in found["errorMessage"]


def test_code_that_raises_says_its_exception_and_what_it_had_printed(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    program = make("print('so far')\nraise ValueError('seven')")
    found = _result(program, status=500)
    assert (found["success"], found["errorMessage"], found["consoleOutput"]) == (False, "ValueError: seven", "so far\n")
    logged = capsys.readouterr().err
    assert 'code.py", line 2' in logged
    assert "program.py" not in logged
    with pytest.raises(ValueError, match="seven"):
        program.answer({"x": 1.0}, None)


def test_code_that_exits_is_a_failure_of_the_call(make: Make) -> None:
    assert _result(make("import sys\nsys.exit(3)"), status=500)["errorMessage"] == "SystemExit: 3"


def test_an_output_that_does_not_fit_is_named(make: Make) -> None:
    found = _result(make("y = 'text'"), status=500)
    assert found["errorMessage"] == "ValueError: the output 'y' cannot be sent: it is no float, but str 'text'"


def test_an_output_that_was_not_set_is_null(make: Make) -> None:
    assert _result(make("pass"))["outputParameters"] == {"y": None}


def test_a_mistake_in_the_code_is_known_when_it_starts(make: Make) -> None:
    with pytest.raises(SyntaxError):
        make("y = = 1", "init_has_run = True")


def test_functions_that_were_pickled_by_this_python_are_taken(make: Make) -> None:
    def outer(factor: float) -> Callable[[float], float]:
        return lambda value: value * factor

    scaled = outer(3.0)
    scaled.__module__ = "__main__"
    program = make("y = scaled(x)", scaled=dill.dumps(scaled, recurse=True))
    assert program.answer({"x": 2.0}, None) == {"y": 6.0}


# Of `lambda value: value * factor` in a function with factor, by the versions that make it so.
BYTECODE = {
    (3, 8): "7c00880014005300",
    (3, 10): "7c00880014005300",
    (3, 11): "950197007c0089017a0500005300",
    (3, 12): "950197007c0089017a0500005300",
    (3, 13): "3e019500550054012d0500002400",
}


@pytest.mark.parametrize("version", BYTECODE, ids=str)
def test_bytecode_of_another_python_is_refused(version: tuple[int, int]) -> None:
    code = bytes.fromhex(BYTECODE[version])
    if BYTECODE[version] == BYTECODE.get(sys.version_info[:2]):
        require_own_bytecode(code)
    else:
        with pytest.raises(ForeignCode, match="another version of Python"):
            require_own_bytecode(code)


@pytest.mark.parametrize("code", [b"", b"\xff\x00", b"\x00\x00", bytes([RESUME, 0, 1]), bytes([RESUME, 1])])
def test_what_is_no_bytecode_is_refused(code: bytes) -> None:
    with pytest.raises(ForeignCode):
        require_own_bytecode(code)


def test_all_functions_of_this_python_are_taken() -> None:
    count, waiting = (
        0,
        [compile(Path(module.__file__ or "").read_text(), "x", "exec") for module in (ast, enum, typing)],
    )
    while waiting:
        code = waiting.pop()
        require_own_bytecode(code.co_code)
        count += 1
        waiting += [one for one in code.co_consts if isinstance(one, CodeType)]
    assert count > 300


def test_an_object_with_code_of_another_python_is_named(make: Make) -> None:
    # What dill of Python 3.7 writes for a code object: 15 parts, where this version has more.
    parts = b"(" + b"K\x01" * 6 + b"C\x04d\x00S\x00" + b"(t(t(tX\x01\x00\x00\x00fX\x01\x00\x00\x00fK\x01C\x00(t(tt"
    data = b"\x80\x03cdill._dill\n_create_code\n" + parts + b"R."
    with pytest.raises(ScriptUnservable, match="the object 'old' cannot be used: it has functions or classes"):
        make("y = 1", old=data)


@pytest.mark.parametrize(("version", "is_refused"), [("3.10", True), (".".join(map(str, sys.version_info[:2])), False)])
def test_functions_of_a_python_that_is_said_to_be_another_are_refused(version: str, is_refused: bool) -> None:
    namespace = ModuleType("__main__")
    function, values = dill.dumps(lambda value: value, recurse=True), dill.dumps({"a": np.array([1.0])})
    assert load_object("plain", values, namespace, version) == {"a": np.array([1.0])}
    if is_refused:
        with pytest.raises(ObjectRefused, match="the object 'f' cannot be used: it has functions"):
            load_object("f", function, namespace, version)
    else:
        load_object("f", function, namespace, version)


def test_an_object_that_needs_a_package_says_which(make: Make) -> None:
    with pytest.raises(ScriptUnservable, match="the package 'no_such_package'"):
        make("y = 1", model=b"\x80\x03cno_such_package\nModel\n.")


def test_an_object_that_is_no_pickle_is_named(make: Make) -> None:
    with pytest.raises(ScriptUnservable, match="the object 'model' cannot be loaded"):
        make("y = 1", model=b"nothing")


def test_standard_output_is_what_it_was_after_a_call(make: Make) -> None:
    before = sys.stdout
    make("print(x)\ny = 1").answer({"x": 1.0}, ASKS)
    assert sys.stdout is before
