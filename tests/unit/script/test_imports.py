"""What entry scripts in one process find on the import path and among the modules."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest

from scoringhost.errors import ScriptImportFailed
from scoringhost.script.imports import make_importable
from scoringhost.script.loading import EntryScript

Write = Callable[..., Path]

RUN = "def run(data): return NAME\n"
UTIL = "from util import NAME\ndef init(): pass\n" + RUN
PACKAGE = "from lib.deep import NAME\nimport lib\ndef init(): pass\n" + RUN
IN_INIT = "def init():\n    global NAME\n    from util import NAME\n" + RUN


@pytest.fixture
def opened(write: Write) -> Iterator[Callable[..., EntryScript]]:
    """opened(name, source): a script in a folder of that name, loaded, after init(); nothing is left of it."""
    before = list(sys.path), dict(sys.modules)
    scripts: list[EntryScript] = []

    def opened(name: str, source: str) -> EntryScript:
        scripts.append(EntryScript.load(write(source, f"{name}/score.py")))
        scripts[-1].start()
        return scripts[-1]

    yield opened
    for script in scripts:
        script.unload()
    left = {name for name in sys.modules.keys() ^ before[1].keys() if name in sys.modules}
    assert (list(sys.path), left) == (before[0], set())


@pytest.mark.parametrize(
    ("source", "file"), [(UTIL, "util.py"), (IN_INIT, "util.py"), (PACKAGE, "lib/deep.py")], ids=["top", "init", "lib"]
)
def test_every_script_has_its_own_siblings(opened, write: Write, source: str, file: str) -> None:
    for name in "ab":
        write(f"NAME = {name!r}", f"{name}/{file}")
    a, b = opened("a", source), opened("b", source)
    assert (a.run(""), b.run("")) == ("a", "b")


def test_a_sibling_of_another_script_is_not_found_at_all(opened, write: Write) -> None:
    write("NAME = 'a'", "a/util.py")
    opened("a", UTIL)
    with pytest.raises(ScriptImportFailed, match="imports 'util', which is not installed, nor"):
        opened("b", UTIL)


def test_a_module_that_both_would_find_is_one(opened, write: Write) -> None:
    write("NAME = object()", "a/util.py")
    write("", "a/score2.py")
    first = opened("a", UTIL)
    second = EntryScript.load(write(UTIL, "a/score2.py"))
    assert first.run("") is second.run("")
    first.unload()
    assert sys.modules["util"].NAME is second.run("")
    second.unload()
    assert "util" not in sys.modules


@pytest.mark.parametrize("order", [*itertools.permutations("abc")])
def test_those_that_are_left_find_theirs_whatever_the_order_of_closing(opened, write: Write, order) -> None:
    late = (
        UTIL
        + "def shutdown():\n    from late import NAME\n    from util import NAME as again\n    return NAME, again\n"
    )
    scripts = {}
    for name in "abc":
        write(f"NAME = {name!r}", f"{name}/util.py")
        write(f"NAME = {name!r}", f"{name}/late.py")
        scripts[name] = opened(name, late)
    for name in order:
        newest = max(scripts)
        assert scripts[newest].shutdown() == (newest, newest)
        scripts.pop(name).unload()


@contextlib.contextmanager
def imported(folder: Path, name: str) -> Iterator[types.ModuleType]:
    """A module of the program around the scripts."""
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        for one in [one for one in sys.modules if one.partition(".")[0] == name.partition(".")[0]]:
            del sys.modules[one]


@pytest.mark.parametrize(("source", "file", "name"), [(UTIL, "util.py", "util"), (PACKAGE, "lib/deep.py", "lib.deep")])
def test_a_module_of_the_program_is_not_taken_and_is_there_again(opened, write: Write, source, file, name) -> None:
    write("NAME = 'a'", f"a/{file}")
    folder = write("NAME = 'program'", f"program/{file}").parents[file.count("/")]
    with imported(folder, name) as module:
        a = opened("a", source)
        assert a.run("") == "a"
        assert importlib.import_module(name) is module
        a.unload()
        assert importlib.import_module(name) is module


def test_a_module_that_the_program_has_from_the_same_file_is_shared_and_stays(opened, write: Write) -> None:
    folder = write("NAME = object()", "a/util.py").parent
    with imported(folder, "util") as module:
        a = opened("a", UTIL)
        assert a.run("") is module.NAME
        a.unload()
        assert sys.modules["util"] is module


def test_a_stand_in_that_a_test_has_put_there_is_taken(opened, write: Write, monkeypatch) -> None:
    write("NAME = 'a'", "a/util.py")
    monkeypatch.setitem(sys.modules, "util", types.SimpleNamespace(NAME="stand-in"))
    assert opened("a", UTIL).run("") == "stand-in"


def test_what_the_host_needs_itself_is_not_replaced(opened, write: Write) -> None:
    import json

    write("NAME = 'a'", "a/json.py")
    write("NAME = 'a'", "a/click.py")
    a = opened("a", "import click, json as NAME\nassert click.echo\ndef init(): pass\n" + RUN)
    assert a.run("") is json
    assert a.module.click is click


def test_a_script_that_cannot_be_imported_leaves_nothing(write: Write) -> None:
    write("", "a/util.py")
    before = list(sys.path), set(sys.modules)
    with pytest.raises(ScriptImportFailed):
        EntryScript.load(write("import sys, util\nsys.path.append('/own')\n1 / 0", "a/score.py"))
    assert (list(sys.path), set(sys.modules)) == before


def test_scripts_may_be_loaded_on_several_threads_at_once(write: Write) -> None:
    before = list(sys.path), set(sys.modules)
    script = (
        "import first_{n}, sys\nfrom time import sleep\nsleep(0.01)\nimport second_{n}\n"
        "def init():\n    sleep(0.01)\n    import third_{n}\ndef run(data): return first_{n}.NAME\n"
    )
    for n in range(8):
        for name in ("first", "second", "third"):
            write(f"from time import sleep\nsleep(0.01)\nNAME = {n}", f"{n}/{name}_{n}.py")
        write(script.format(n=n), f"{n}/score.py")

    def load(n: int) -> EntryScript:
        loaded = EntryScript.load(write(script.format(n=n), f"{n}/score.py"))
        loaded.start()
        return loaded

    with ThreadPoolExecutor(8) as pool:
        scripts = list(pool.map(load, range(8)))
    assert [one.run("") for one in scripts] == list(range(8))
    for one in scripts:
        one.unload()
    assert (list(sys.path), {name for name in sys.modules if name[-2:-1] == "_"} - before[1]) == (before[0], set())


def test_a_script_whose_init_loads_another_one_is_not_disturbed(opened, write: Write) -> None:
    for name in "ab":
        write(f"NAME = {name!r}", f"{name}/util_{name}.py")
    inner = write("import util_b\ndef init(): pass\ndef run(data): return util_b.NAME\n", "b/score.py")
    outer = (
        "from pathlib import Path\nfrom scoringhost.script.loading import EntryScript\ndef init():\n"
        f"    global NAME, inner\n    inner = EntryScript.load(Path({str(inner)!r}))\n    inner.start()\n"
        "    import util_a\n    NAME = util_a.NAME + inner.run('')\n"
    )
    script = opened("a", outer + RUN)
    assert script.run("") == "ab"
    script.module.inner.unload()


# -- the import path ------------------------------------------------------------------------------


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(sys, "path", ["/x", "/y"])
    return sys.path


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
@pytest.mark.parametrize(
    "wanted",
    [
        [("/a", False), ("/a", True), ("/b", False), ("/a", True)],
        [("/a", True), ("/a", False), ("/a", True), ("/a", False)],
        [("/y", False), ("/y", True), ("/x", False), ("/x", True)],
        [("/y", True), ("/a", False), ("/a", False), ("/b", True)],
    ],
)
def test_folders_that_nobody_wants_any_more_are_gone(path: list[str], wanted, order) -> None:
    releases = [make_importable(Path(entry), last=last) for entry, last in wanted]
    left = set(range(4))
    for number in order:
        releases[number]()
        left.discard(number)
        assert {wanted[one][0] for one in left} <= set(path)
    assert path == ["/x", "/y"]


def test_what_a_script_puts_on_the_path_itself_is_taken_away_with_it(opened) -> None:
    a = opened("a", "import sys\nsys.path.insert(0, '/own')\nNAME = 1\ndef init(): sys.path.append('/too')\n" + RUN)
    assert {"/own", "/too"} <= set(sys.path)
    a.unload()
    assert not {"/own", "/too"} & set(sys.path)


ALONE = """
import sys
from pathlib import Path
from scoringhost.script.imports import replace_path_entries, serve_alone
from scoringhost.script.loading import EntryScript

serve_alone()
script = EntryScript.load(Path(sys.argv[1]))
script.start()
print(script.run(None), sorted(script.imports.own), sys.path[0] == str(script.path.parent))
script.unload()
print("helper_of_alone" in sys.modules, str(script.path.parent) in sys.path)
replace_path_entries([], ["/new", "", sys.path[-1]])
print(sys.path[0])
replace_path_entries(["/new", "/never"], [])
print("/new" in sys.path)
"""


def test_a_script_alone_in_its_process_finds_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "helper_of_alone.py").write_text("NAME = 'helper'\n")
    (tmp_path / "late_of_alone.py").write_text("NAME = 'late'\n")
    script = tmp_path / "score.py"
    script.write_text(
        "import helper_of_alone\n\n\ndef init():\n    import late_of_alone\n\n\n"
        "def run(data):\n    return helper_of_alone.NAME\n"
    )
    done = subprocess.run([sys.executable, "-c", ALONE, script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "helper ['helper_of_alone', 'late_of_alone'] True",
        "False False",
        "/new",
        "False",
    ]
