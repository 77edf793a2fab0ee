"""Source of functions, as it is published: what they import and the globals of their file stay behind."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any


def source_of(function: Callable[..., Any], what: str) -> str:
    """The source text of a function.

    Raises:
        ValueError: if it has none that would run elsewhere.
    """
    if not inspect.isfunction(function):
        raise ValueError(f"{what}: a function is expected, not a {type(function).__name__}")
    name = function.__name__
    if name == "<lambda>":
        raise ValueError(f"{what}: a lambda has no source of its own; give it a name with def")
    if hasattr(function, "__wrapped__"):
        raise ValueError(f"{what}: {name} is decorated, and the decorator would not be there")
    around = function.__code__.co_freevars
    if around:
        raise ValueError(f"{what}: {name} uses {', '.join(around)} of the function around it, which would not be there")
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise ValueError(f"{what}: Python does not know the source of {name}; use {what[:-2]}str") from None
    _require_only(source, name, what)
    return source


def _require_only(source: str, name: str, what: str) -> None:
    """Nothing, if the source is that of the function: Python reads it from a file, which may be another one by now."""
    try:
        found = ast.parse(source).body
    except SyntaxError:
        found = []
    if len(found) != 1 or not isinstance(found[0], ast.FunctionDef) or found[0].name != name:
        raise ValueError(f"{what}: what Python takes for the source of {name} is not a def of it; use {what[:-2]}str")
    if found[0].decorator_list:
        raise ValueError(f"{what}: {name} is decorated, and the decorator would not be there")


def arguments_of(function: Callable[..., Any]) -> list[str]:
    """The names of a function's parameters.

    Raises:
        ValueError: if it takes any number of arguments, or is no function.
    """
    if not inspect.isfunction(function):
        raise ValueError(f"code_fn: a function is expected, not a {type(function).__name__}")
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ValueError(f"code_fn: {function.__name__} takes any number of arguments: *{name}")
        found.append(name)
    return found


def code_of(function: Callable[..., Any], outputs: Sequence[str]) -> str:
    """Its source, and a line that calls it. What it returns is the first output.

    Of several outputs each may be an item of a tuple that it returns, in their order; or the others are globals that
    it sets, which is all that there was with Microsoft's client.
    """
    code = f"{source_of(function, 'code_fn')}\n{outputs[0] + ' = ' if outputs else ''}{_call_of(function)}\n"
    if len(outputs) > 1:
        first, several = outputs[0], ", ".join(outputs)
        code += f"if isinstance({first}, tuple) and len({first}) == {len(outputs)}:\n    {several} = {first}\n"
    return code


def init_of(function: Callable[..., Any]) -> str:
    """Its source, and a line that calls it; its arguments are objects of their names."""
    return f"{source_of(function, 'init_fn')}\n{_call_of(function)}\n"


def _call_of(function: Callable[..., Any]) -> str:
    given = []
    for name, parameter in inspect.signature(function).parameters.items():
        given.append(f"{name}={name}" if parameter.kind is parameter.KEYWORD_ONLY else name)
    return f"{function.__name__}({', '.join(given)})"
