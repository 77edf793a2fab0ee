"""What run() returns that its author did not mean, seen in the text of a script; and annotations that say nothing.

Only what the text proves is said: a call that never returns, or a `with` that swallows exceptions, is not known.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Function, Source, own_nodes

_STATUSES = range(100, 600)
_NEVER_RETURN = ("sys.exit", "exit", "quit", "os._exit", "flask.abort", "werkzeug.exceptions.abort")
_OF_THE_TEXT = ("str", "typing.Any", "Any", "object", "bytes", "typing.Text")
"""Annotations of an undecorated parameter that the text of a body does not contradict, or not for long."""


def unmeant_results(source: Source) -> Iterator[Finding]:
    """`return result, 400`, and a run() that returns nothing, or nothing on some of its ways."""
    run = source.functions.get("run")
    if run is None or any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(run)):
        return
    returns = [node for node in own_nodes(run) if isinstance(node, ast.Return)]
    for node in returns:
        status = _status_in(node.value)
        if status is not None:
            yield _status_ignored(source, node.lineno, status)
    if isinstance(run.returns, ast.Constant) and run.returns.value is None:
        return  # it says so itself: -> None
    if not any(_gives(node) for node in returns):
        if returns or not _never_ends(run.body):
            yield _returns_nothing(source, run.lineno)
    elif not _never_ends(run.body):
        yield _returns_nothing_at_its_end(source, run)


def ignored_annotations(source: Source) -> Iterable[Finding]:
    """Annotations of a run() without any decorator, which gets text whatever they say."""
    run = source.functions.get("run")
    if run is None or run.decorator_list:
        return
    for parameter in (*run.args.posonlyargs, *run.args.args, *run.args.kwonlyargs):
        if parameter.arg in ("mini_batch", "mini_batch_context", "request_headers") or parameter.annotation is None:
            continue
        shown = _shown(source, parameter.annotation)
        if shown not in _OF_THE_TEXT:
            message = (
                f"run({parameter.arg}: {shown}) gets the body as text: without a decorator annotations say nothing"
            )
            remedy = "Mark run() with @scoringhost.typed to have them kept to, or parse the text."
            yield Finding(Severity.HINT, "annotations-ignored", message, remedy, source.path, run.lineno)
            return


def _shown(source: Source, annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return source.dotted(annotation) or ast.unparse(annotation)


# -- findings ---------------------------------------------------------------------------------------


def _status_in(value: ast.expr | None) -> int | None:
    """The number that looks like an HTTP status in `return result, 400`, and in `return result, 400, headers`."""
    if not isinstance(value, ast.Tuple) or len(value.elts) not in (2, 3):
        return None
    second = value.elts[1]
    if isinstance(second, ast.Constant) and type(second.value) is int and second.value in _STATUSES:
        is_body = isinstance(value.elts[0], ast.Dict | ast.Call | ast.JoinedStr | ast.Name) or _is_text(value.elts[0])
        return second.value if is_body else None
    return None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _status_ignored(source: Source, line: int, status: int) -> Finding:
    message = f"`return ..., {status}` is a 200 with a list of two: a tuple sets no status here as it does in Flask"
    remedy = f"Return scoringhost.Response(json.dumps(...), {status}), or raise flask.abort({status}, 'why')."
    return Finding(Severity.WARNING, "status-in-a-tuple", message, remedy, source.path, line)


def _returns_nothing(source: Source, line: int) -> Finding:
    message = "run() returns nothing, so every answer is a 200 with {}"
    remedy = "Return the result; if there is none, write `-> None` behind run()'s parentheses."
    return Finding(Severity.WARNING, "returns-nothing", message, remedy, source.path, line)


def _returns_nothing_at_its_end(source: Source, run: Function) -> Finding:
    message = "run() returns a result in one place and may come to its end without one: that answer is a 200 with {}"
    remedy = "Return a result, or raise, at the end, too."
    return Finding(Severity.HINT, "returns-nothing", message, remedy, source.path, run.body[-1].lineno)


def _gives(node: ast.Return) -> bool:
    return node.value is not None  # who writes `return None` means it


# -- whether statements come to their end -------------------------------------------------------------


def _never_ends(body: Sequence[ast.stmt]) -> bool:
    """Whether what stands behind some statements is never come to."""
    return any(map(_leaves, body))


def _leaves(node: ast.stmt) -> bool:
    """Whether a statement always returns, raises or goes on for ever."""
    if isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break):
        return True
    if isinstance(node, ast.If):
        return bool(node.orelse) and _never_ends(node.body) and _never_ends(node.orelse)
    if isinstance(node, ast.With | ast.AsyncWith):
        return _never_ends(node.body)
    if isinstance(node, ast.Try | ast.TryStar):
        return _try_leaves(node)
    if isinstance(node, ast.While):
        return _is_endless(node)
    if isinstance(node, ast.Match):
        return _match_leaves(node)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _never_returns(node.value)


def _try_leaves(node: ast.Try | ast.TryStar) -> bool:
    if _never_ends(node.finalbody):
        return True
    goes_well = _never_ends(node.body) or _never_ends(node.orelse)
    return goes_well and all(_never_ends(handler.body) for handler in node.handlers)


def _is_endless(node: ast.While) -> bool:
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    return endless and not any(isinstance(inner, ast.Break) for inner in ast.walk(node))


def _match_leaves(node: ast.Match) -> bool:
    takes_all = any(isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None
                    for case in node.cases)  # fmt: skip
    return takes_all and all(_never_ends(case.body) for case in node.cases)


def _never_returns(call: ast.Call) -> bool:
    return ast.unparse(call.func) in _NEVER_RETURN or ast.unparse(call.func).endswith("abort")
