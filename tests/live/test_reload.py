"""`serve --reload`: a change is loaded beside what is served, and takes over when it is ready."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

FIRST = "import helper\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    return 'first ' + helper.WORD\n"


class Project:
    """A folder with a script, a module beside it and a model, served with --reload."""

    def __init__(self, folder: Path, start: Callable[..., Served]) -> None:
        self.folder, self._start = folder, start
        (folder / "model").mkdir()
        self.write("model/weights.txt", "1")
        self.write("helper.py", "WORD = 'word'\n")
        self.served: Served

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def serve(self, script: str = FIRST, *flags: str) -> None:
        self.write("score.py", script)
        self.served = self._start(self.folder / "score.py", "--reload", *flags)

    def answer(self) -> str:
        reply = self.served.ask("POST", "/score", body=b"x")
        assert reply.status == 200, reply.body
        return str(reply.json())

    def wait_for(self, pattern: str, count: int = 1) -> None:
        self.served.log.wait_for(pattern, count, within_s=20)


@pytest.fixture
def project(tmp_path: Path, start: Callable[..., Served]) -> Iterator[Project]:
    made = Project(tmp_path, start)
    yield made
    made.served.kill()


def test_a_changed_script_is_served_when_its_init_is_done_and_not_before(project: Project) -> None:
    project.serve()
    project.served.wait_ready()
    gate = project.folder / "gate"
    os.mkfifo(gate)
    slow = f"def init():\n    open({str(gate)!r}).close()\n\n\ndef run(data):\n    return 'second'\n"
    project.write("score.py", slow)
    with gate.open("w"):  # opens when init() has begun
        assert [project.answer() for _ in range(3)] == ["first word"] * 3
    project.served.wait_ready(2)
    project.wait_for(r"service default is closed")  # the old one has ended
    assert project.answer() == "second"


def test_a_syntax_error_is_said_and_survived(project: Project) -> None:
    project.serve()
    project.served.wait_ready()
    project.write("score.py", "def init(:\n")
    project.wait_for(r"SyntaxError")
    project.wait_for(r"cannot be served; the version before it goes on")
    assert project.answer() == "first word"
    project.write("score.py", FIRST.replace("first", "mended"))
    project.served.wait_ready(2)
    project.wait_for(r"service default is closed")
    assert project.answer() == "mended word"


@pytest.mark.parametrize(("name", "text"), [("helper.py", "WORD = 'other'\n"), ("model/weights.txt", "2, and more")])
def test_modules_beside_the_script_and_the_model_count_too(project: Project, name: str, text: str) -> None:
    project.serve(FIRST, "--model-dir", str(project.folder / "model"))
    project.served.wait_ready()
    project.write(name, text)
    project.wait_for(rf"changed: .*{Path(name).name}; loading")
    project.served.wait_ready(2)
    project.wait_for(r"service default is closed")
    assert project.answer() == ("first other" if name == "helper.py" else "first word")


def test_a_first_version_that_cannot_be_served_waits_for_the_next(project: Project) -> None:
    project.serve("import no_such_module\n")
    project.wait_for(r"cannot be served; waiting for the next change")
    project.write("score.py", FIRST)
    project.served.wait_ready()
    assert project.answer() == "first word"


def test_several_workers_are_all_replaced(project: Project) -> None:
    project.serve(FIRST, "--workers", "2")
    project.served.wait_ready(2)
    project.write("helper.py", "WORD = 'later'\n")
    project.served.wait_ready(4)
    project.wait_for(r"service default is closed", 2)
    assert {project.answer() for _ in range(8)} == {"first later"}
