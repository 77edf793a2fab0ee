"""What run() does with JSON that does not come out as meant, seen in the text of a script."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Function, Source, own_nodes

OPENED = frozenset({"io.StringIO", "io.BytesIO", "StringIO", "BytesIO", "open", "os.path.join", "pathlib.Path"})
"""What makes of something that pandas can read."""
ENCODES = ("json.dumps", "orjson.dumps", "simplejson.dumps", "ujson.dumps")


def encoded_twice(source: Source) -> Iterable[Finding]:
    """The first `return json.dumps(...)` in run(), directly or by way of a variable."""
    run = source.functions.get("run")
    if run is None:
        return
    returns = [node for node in own_nodes(run) if isinstance(node, ast.Return)]
    for node in sorted(returns, key=lambda node: node.lineno):
        if node.value is None:
            continue
        value = _value_of(run, node.value) if isinstance(node.value, ast.Name) else node.value
        if value is not None and _encodes(source, value):
            yield twice_encoded(source, node.lineno)
            return


def _value_of(function: Function, name: ast.Name) -> ast.expr | None:
    """What the last statement before that binds a name has assigned to it; None if it did something else."""
    bound = [
        (node.lineno, node.col_offset)
        for node in own_nodes(function)
        if isinstance(node, ast.Name) and node.id == name.id and isinstance(node.ctx, ast.Store)
    ]
    last = max((place for place in bound if place < (name.lineno, name.col_offset)), default=None)
    for node in own_nodes(function):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and last in [(one.lineno, one.col_offset) for one in targets]:
            return node.value
    return None


def twice_encoded(source: Source, line: int | None) -> Finding:
    """The hint about a result that is JSON text already. Many services are so, and their callers rely on it."""
    return Finding(
        Severity.HINT,
        "encoded-twice",
        "run() returns JSON text, which is encoded as JSON once more: callers get a string and must decode it twice",
        "In a new service return the value itself (arrays and frames, too); keep it where callers decode it twice.",
        source.path,
        line,
    )


def _encodes(source: Source, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and source.dotted(node.func) in ENCODES


def texts_read_as_files(source: Source) -> Iterable[Finding]:
    """`pandas.read_json(text)` in run(): since pandas 3 a text is the name of a file."""
    run = source.functions.get("run")
    for node in own_nodes(run) if run is not None else ():
        if not isinstance(node, ast.Call) or source.dotted(node.func) != "pandas.read_json" or not node.args:
            continue
        given = node.args[0]
        value = _value_of(run, given) if isinstance(given, ast.Name) and run is not None else given
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and source.dotted(value.func) in OPENED):
            continue
        yield Finding(
            Severity.WARNING,
            "text-as-file",
            "pandas.read_json() is given a text: pandas 2.1 warns of that, and pandas 3 takes it for a file's name",
            "Write pandas.read_json(io.StringIO(text)).",
            source.path,
            node.lineno,
        )
