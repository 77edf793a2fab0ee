"""Calls in an `async def run` that hold up every other request, seen in the text of a script."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Function, Source, own_nodes

CLIENT = "an async client such as httpx.AsyncClient"
PROCESS = "asyncio.create_subprocess_exec(...)"
REQUESTS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
BLOCKING = {
    "time.sleep": "await asyncio.sleep(...)",
    "urllib.request.urlopen": CLIENT,
    "os.system": "asyncio.create_subprocess_shell(...)",
    "input": "nothing: a server has no keyboard",
    **{f"subprocess.{name}": PROCESS for name in ("run", "call", "check_call", "check_output", "getoutput")},
    **{f"subprocess.Popen.{name}": PROCESS for name in ("wait", "communicate")},
    **{
        f"{what}.{name}": CLIENT
        for what in ("requests", "httpx", "requests.Session", "httpx.Client")
        for name in REQUESTS
    },
}
"""Calls that hold up the event loop, and what to await in their place."""

MADE = {
    "requests.Session": "requests.Session",
    "requests.session": "requests.Session",
    "httpx.Client": "httpx.Client",
    "subprocess.Popen": "subprocess.Popen",
}
"""Calls that make an object, and the class under which its methods are above."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names in a function, or outside of all, stand for.

    objects: the class, as in MADE, of what a name holds. functions: each with the scope that it is
    defined in. hidden: names of its own, which stand for no import.
    """

    objects: dict[str, str]
    functions: dict[str, tuple[Function, Scope]]
    hidden: frozenset[str] = frozenset()

    @classmethod
    def of_module(cls, source: Source) -> Scope:
        """The scope outside of all functions."""
        bound = _bound(own_nodes(source.tree))
        for function in ast.walk(source.tree):
            if isinstance(function, Function):
                for name in _global_names(function):
                    bound.setdefault(name, []).extend(_bound(own_nodes(function)).get(name, []))
        scope = cls(dict(_made_objects(source, bound)), {})
        scope.functions.update({name: (function, scope) for name, function in source.functions.items()})
        return scope

    def inside(self, source: Source, function: Function) -> Scope:
        """The scope inside a function that is defined in this one."""
        nodes = list(own_nodes(function))
        functions = {node.name: node for node in nodes if isinstance(node, Function)}
        taken = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
        bound = {name: values for name, values in _bound(nodes).items() if name not in _global_names(function)}
        own = taken | set(bound) | set(functions)
        objects = {name: kind for name, kind in self.objects.items() if name not in own}
        objects |= {name: kind for name, kind in _made_objects(source, bound) if name not in taken}
        outer = {name: found for name, found in self.functions.items() if name not in own}
        scope = Scope(objects, outer, self.hidden | own)
        scope.functions.update({name: (node, scope) for name, node in functions.items()})
        return scope

    def name_of(self, source: Source, called: ast.expr) -> str:
        """The full name of what is called, as `time.sleep` or `requests.Session.get`; empty if it has none."""
        if isinstance(called, ast.Attribute):
            holder = called.value
            kind = self.objects.get(holder.id) if isinstance(holder, ast.Name) else _made(source, holder)
            if kind:
                return f"{kind}.{called.attr}"
        root = called
        while isinstance(root, ast.Attribute):
            root = root.value
        return "" if isinstance(root, ast.Name) and root.id in self.hidden else source.dotted(called)


def blocking_calls(source: Source) -> Iterable[Finding]:
    """Calls that hold up every other request, in `async def run` and the script's functions that it calls."""
    run = source.functions.get("run")
    if not isinstance(run, ast.AsyncFunctionDef):
        return
    for call, name in _calls(source, run, Scope.of_module(source), set()):
        if name in BLOCKING:
            yield Finding(
                Severity.WARNING,
                "blocking-call",
                f"{name}() in an `async def run` holds up every request of the worker, health probes included",
                f"Use {BLOCKING[name]}, wrap it in `await asyncio.to_thread(...)`, or make it a plain `def run`.",
                source.path,
                call.lineno,
            )


def _calls(source: Source, function: Function, around: Scope, seen: set[Function]) -> Iterator[tuple[ast.Call, str]]:
    """The calls, with their names, in a function and in the script's own functions that it calls."""
    seen.add(function)
    scope = around.inside(source, function)
    for node in own_nodes(function):
        if not isinstance(node, ast.Call):
            continue
        yield node, scope.name_of(source, node.func)
        called = scope.functions.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if called is not None and called[0] not in seen:
            yield from _calls(source, *called, seen)


Bound = dict[str, list[ast.expr | None]]


def _bound(nodes: Iterable[ast.AST]) -> Bound:
    """What is assigned to each name; None for what comes from elsewhere, as by a loop."""
    values: dict[ast.AST, ast.expr | None] = {}
    found: Bound = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            values.update(dict.fromkeys(node.targets, node.value))
        elif isinstance(node, ast.AnnAssign):
            values[node.target] = node.value or ast.Constant(None)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            values[node.optional_vars] = node.context_expr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):  # it comes after the node that holds it
            found.setdefault(node.id, []).append(values.get(node))
    return found


def _global_names(function: Function) -> set[str]:
    return {name for node in own_nodes(function) if isinstance(node, ast.Global) for name in node.names}


def _made_objects(source: Source, bound: Bound) -> Iterator[tuple[str, str]]:
    """Names that hold an object of one class of MADE, or None, and never anything else."""
    for name, values in bound.items():
        kinds = {_made(source, value) for value in values if not isinstance(value, ast.Constant) or value.value}
        if len(kinds) == 1 and (kind := kinds.pop()):
            yield name, kind


def _made(source: Source, value: ast.expr | None) -> str:
    return MADE.get(source.dotted(value.func), "") if isinstance(value, ast.Call) else ""
