"""Source of functions, as it is published: what they import and the globals of their file stay behind."""

from __future__ import annotations

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
    if function.__name__ == "<lambda>":
        raise ValueError(f"{what}: a lambda has no source of its own; give it a name with def")
    if hasattr(function, "__wrapped__"):
        raise ValueError(f"{what}: {function.__name__} is decorated, and the decorator would not be there")
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise ValueError(f"{what}: Python does not know the source of {function.__name__}; use code_str") from None


def arguments_of(function: Callable[..., Any]) -> list[str]:
    """The names of a function's parameters.

    Raises:
        ValueError: if it takes any number of arguments.
    """
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ValueError(f"code_fn: {function.__name__} takes any number of arguments: *{name}")
        found.append(name)
    return found


def code_of(function: Callable[..., Any], inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """Its source, and a line that calls it; several outputs are what it returns, in their order."""
    given = ", ".join(f"{name}={name}" for name in inputs)
    taken = f"{', '.join(outputs)} = " if outputs else ""
    return f"{source_of(function, 'code_fn')}\n{taken}{function.__name__}({given})\n"


def init_of(function: Callable[..., Any]) -> str:
    """Its source, and a line that calls it."""
    return f"{source_of(function, 'init_fn')}\n{function.__name__}()\n"
