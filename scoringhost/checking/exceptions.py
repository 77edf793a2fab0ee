"""Exceptions that nobody hears of: answered with a 200, or passed over."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Function, Source, own_nodes

BROAD = frozenset({"Exception", "BaseException"})
TELLING = frozenset({"print", "traceback.print_exc", "warnings.warn"})
"""What says something of an exception, and does nothing about it."""
LOGGING = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})


def answered_exceptions(source: Source) -> Iterable[Finding]:
    """`except Exception as e: return str(e)` in run(): to who called, and to every alarm, it is a success."""
    run = source.functions.get("run")
    for handler in _broad_handlers(run):
        answer = next((node for node in _nodes(handler) if isinstance(node, ast.Return)), None)
        if answer is None or answer.value is None or _says_status(source, answer.value):
            continue
        yield Finding(
            Severity.WARNING,
            "error-as-answer",
            "an exception of any kind is caught and answered with a 200: callers and alarms take it for a result",
            "Let it rise, which is a 500 with its traceback in the log; or return a Response with a status of its own.",
            source.path,
            answer.lineno,
        )


def swallowed_exceptions(source: Source) -> Iterable[Finding]:
    """`except Exception: pass`, or with no more than a line in the log, in init() and run()."""
    consequences = {
        "init": "init() ends as if all were well, and the service is Healthy without what was to be loaded",
        "run": "run() goes on without what was to be done",
    }
    for name, consequence in consequences.items():
        for handler in _broad_handlers(source.functions.get(name)):
            if all(_only_tells(source, statement) for statement in handler.body):
                yield Finding(
                    Severity.WARNING,
                    "exception-swallowed",
                    f"an exception of any kind is caught and passed over: {consequence}",
                    "Let it rise, catch what is expected alone, or `raise` behind the line that logs it.",
                    source.path,
                    handler.lineno,
                )


def _broad_handlers(function: Function | None) -> Iterator[ast.ExceptHandler]:
    """The handlers of a function that catch everything, and let nothing rise."""
    for node in own_nodes(function) if function is not None else ():
        if not isinstance(node, ast.ExceptHandler) or not _is_broad(node):
            continue
        if not any(isinstance(one, ast.Raise) or _ends(one) for one in _nodes(node)):
            yield node


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(isinstance(node, ast.Name) and node.id in BROAD for node in ast.walk(handler.type))


def _nodes(handler: ast.ExceptHandler) -> Iterator[ast.AST]:
    for statement in handler.body:
        yield from ast.walk(statement)


def _ends(node: ast.AST) -> bool:
    """Whether it is a call that raises by itself: flask.abort(), sys.exit()."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return called in ("abort", "exit", "_exit")


def _says_status(source: Source, value: ast.expr) -> bool:
    """Whether what is returned may have a status: a response, or what a function of the script's makes."""
    if not isinstance(value, ast.Call):
        return False
    name = source.dotted(value.func)
    return name.rpartition(".")[2].endswith(("Response", "response")) or name in source.functions


def _only_tells(source: Source, statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if not isinstance(statement, ast.Expr):
        return False
    if isinstance(statement.value, ast.Constant):
        return True
    if not isinstance(statement.value, ast.Call):
        return False
    called = statement.value.func
    return source.dotted(called) in TELLING or (isinstance(called, ast.Attribute) and called.attr in LOGGING)
