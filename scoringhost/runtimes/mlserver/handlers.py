"""custom_handler: methods of a model that answer at paths of their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

HANDLER_MARK = "__custom_handler__"
"""The attribute of a marked method; MLServer's own name for it."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class CustomHandler:
    """Where a method answers."""

    rest_path: str
    rest_method: str = "POST"


def custom_handler(rest_path: str, rest_method: str = "POST") -> Callable[[F], F]:
    """Mark a method of a model that answers at a path. It takes the request, or a body by a pydantic annotation."""

    def marked(method: F) -> F:
        setattr(method, HANDLER_MARK, CustomHandler(rest_path, rest_method.upper()))
        return method

    return marked


def get_custom_handlers(model: Any) -> list[tuple[Any, Callable[..., Any]]]:
    """The handlers of a model, or of its class, and the methods that are marked."""
    found = []
    for _, member in inspect.getmembers(model, callable):
        mark = getattr(member, HANDLER_MARK, None)
        if mark is not None and hasattr(mark, "rest_path"):
            found.append((mark, member))
    return found
