"""What the text of a script shows: blocking calls in an async run(), results that are encoded twice."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Function, Source, own_nodes

BLOCKING = {
    "time.sleep": "await asyncio.sleep(...)",
    "urllib.request.urlopen": "an async client such as httpx.AsyncClient",
    "os.system": "asyncio.create_subprocess_shell(...)",
    "input": "nothing: a server has no keyboard",
    **{
        f"subprocess.{name}": "asyncio.create_subprocess_exec(...)"
        for name in ("run", "call", "check_call", "check_output", "getoutput")
    },
    **{
        f"{package}.{name}": "an async client such as httpx.AsyncClient"
        for package in ("requests", "httpx")
        for name in ("get", "post", "put", "patch", "delete", "head", "options", "request")
    },
}
"""Calls that hold up the event loop, and what to await in their place."""

ENCODES = ("json.dumps", "orjson.dumps", "simplejson.dumps", "ujson.dumps")


def blocking_calls(source: Source) -> Iterable[Finding]:
    """Calls that hold up every other request, in `async def run` and the script's functions that it calls."""
    run = source.functions.get("run")
    if not isinstance(run, ast.AsyncFunctionDef):
        return
    for call in _calls(source, run, set()):
        name = source.dotted(call.func)
        if name in BLOCKING:
            yield Finding(
                Severity.WARNING,
                "blocking-call",
                f"{name}() in an `async def run` holds up every request of the worker, health probes included",
                f"Use {BLOCKING[name]}, wrap it in `await asyncio.to_thread(...)`, or make it a plain `def run`.",
                source.path,
                call.lineno,
            )


def _calls(source: Source, function: Function, seen: set[str]) -> Iterator[ast.Call]:
    """The calls in a function and in the script's own plain functions that it calls."""
    seen.add(function.name)
    for node in own_nodes(function):
        if not isinstance(node, ast.Call):
            continue
        yield node
        name = source.dotted(node.func)
        called = source.functions.get(name)
        if called is not None and name not in seen:
            yield from _calls(source, called, seen)


def encoded_twice(source: Source) -> Iterable[Finding]:
    """`return json.dumps(...)` in run(), directly or by way of a variable."""
    run = source.functions.get("run")
    if run is None:
        return
    texts = {
        target.id
        for node in own_nodes(run)
        if isinstance(node, ast.Assign) and _encodes(source, node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in own_nodes(run):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        if _encodes(source, node.value) or (isinstance(node.value, ast.Name) and node.value.id in texts):
            yield twice_encoded(source, node.lineno)


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
