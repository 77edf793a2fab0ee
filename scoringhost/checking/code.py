"""Results that are encoded twice, seen in the text of a script."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Function, Source, own_nodes

ENCODES = ("json.dumps", "orjson.dumps", "simplejson.dumps", "ujson.dumps")


def encoded_twice(source: Source) -> Iterable[Finding]:
    """`return json.dumps(...)` in run(), directly or by way of a variable."""
    run = source.functions.get("run")
    if run is None:
        return
    for node in own_nodes(run):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        value = _value_of(run, node.value) if isinstance(node.value, ast.Name) else node.value
        if value is not None and _encodes(source, value):
            yield twice_encoded(source, node.lineno)


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
    """The finding about a result that is JSON text already."""
    return Finding(
        Severity.WARNING,
        "encoded-twice",
        "run() returns JSON text, which is encoded as JSON once more: callers get a string and must decode it twice",
        "Return the value itself (arrays and frames, too), or a Response if the text must go out as it is.",
        source.path,
        line,
    )


def _encodes(source: Source, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and source.dotted(node.func) in ENCODES
