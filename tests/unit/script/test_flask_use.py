"""What a script does with Flask, read from its code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.script.flask_use import names_used_beside_flask

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("source", "imports", "of_a_request"),
    [
        ("def run(data):\n    import flask\n    return flask.request.method", True, True),
        ("def run(data):\n    from flask.globals import g\n    return g.x", True, True),
        ("from flask import jsonify", True, False),
        ("# not flask\nimport json\nrequest = 1", False, False),
        ("NAME = 'flask'", False, False),
        ("import flask_cors", False, False),
        ("import flask(", False, False),
    ],
)
def test_it_is_seen_whether_flask_is_imported_and_what_of_it(
    write: Write, source: str, imports: bool, of_a_request: bool
) -> None:
    names = names_used_beside_flask([write("x = 1", "other.py"), write(source), Path("/nowhere.py")])
    assert bool(names) is imports
    assert bool(names & {"request", "g"}) is of_a_request


def test_a_script_that_does_not_import_flask_does_not_bring_it(python: Callable[..., str], write: Write) -> None:
    program = """
import sys
from pathlib import Path
from scoringhost.script.loading import EntryScript
EntryScript.load(Path(sys.argv[1]))
print("flask" in sys.modules)
"""
    rest = "\ndef init(): pass\n"
    assert python(program, str(write("# flask\ndef run(data): pass" + rest))) == "False"
    assert python(program, str(write("def run(data):\n    import flask" + rest))) == "True"
    write("def late():\n    import flask", "beside_late.py")
    assert python(program, str(write("import beside_late\ndef run(data): pass" + rest))) == "True"
