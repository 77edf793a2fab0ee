"""Loads objects that dill has pickled, in the process of the service that they belong to and nowhere else.

dill pickles functions and classes as bytecode. That of another version of Python loads without an error, and is
garbage: at best the process dies. So each code object is looked at while it is loaded, before anything can run it.
"""

from __future__ import annotations

import dis
import importlib
import io
import sys
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

from scoringhost.errors import MissingExtra

RESUME = dis.opmap.get("RESUME")
"""The instruction that every function begins with, since Python 3.11, and that has another number in some versions."""


class ObjectRefused(Exception):
    """An object of a service cannot be used; the text names it and says why."""


def load_object(name: str, data: bytes, namespace: ModuleType) -> object:
    """An object that dill has pickled; functions of its `__main__` get `namespace` as their globals.

    Raises:
        ObjectRefused: if it cannot be loaded, or has bytecode of another version of Python.
        MissingExtra: if dill is not installed.
    """
    try:
        dill: Any = importlib.import_module("dill")
    except ImportError:
        raise MissingExtra("dill", "mlserver-class") from None
    unpickler = _unpickler(dill)(io.BytesIO(data), namespace)
    try:
        return unpickler.load()
    except ForeignCode as problem:
        raise ObjectRefused(f"the object {name!r} cannot be used: {problem}") from None
    except ModuleNotFoundError as problem:
        why = f"it needs the package {problem.name!r}, which is not installed here"
        raise ObjectRefused(f"the object {name!r} cannot be loaded: {why}") from None
    except Exception as problem:  # whatever the pickle of somebody else raises
        if _is_of_code(problem):
            raise ObjectRefused(f"the object {name!r} cannot be used: {ForeignCode()}") from None
        why = f"{type(problem).__name__}: {problem}"
        raise ObjectRefused(f"the object {name!r} cannot be loaded: {why}") from None


class ForeignCode(Exception):
    """Bytecode that is not of this version of Python."""

    def __str__(self) -> str:
        """Why, and what helps."""
        here = ".".join(map(str, sys.version_info[:2]))
        return (
            f"it has functions or classes that were pickled by another version of Python than this one, {here}; "
            f"send plain values and arrays, write its functions in the code, or publish with Python {here}"
        )


def require_own_code(code: CodeType) -> CodeType:
    """The code itself, if it is this version's.

    Raises:
        ForeignCode: if it is not.
    """
    ops = _without_caches(code)
    is_known = all(not dis.opname[op].startswith("<") for op in ops)
    if not is_known or (RESUME is not None and RESUME not in ops):
        raise ForeignCode
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            require_own_code(constant)
    return code


def _without_caches(code: CodeType) -> list[int]:
    try:
        return [one.opcode for one in dis.get_instructions(code)]
    except Exception:  # names or jumps that are not there: it is not this version's
        raise ForeignCode from None


def _is_of_code(problem: Exception) -> bool:
    """Whether dill could not even make a code object: it has another number of parts in other versions."""
    return isinstance(problem, TypeError) and "code" in str(problem)


def _unpickler(dill: Any) -> Any:
    class CheckedUnpickler(dill.Unpickler):  # type: ignore[misc]
        """Looks at each code object that it makes, and takes `__main__` for the namespace of the service."""

        def __init__(self, file: io.BytesIO, namespace: ModuleType) -> None:
            super().__init__(file)
            self._main = namespace

        def find_class(self, module: str, name: str) -> Any:
            if module == "__main__" and name in vars(self._main):
                return vars(self._main)[name]
            found = super().find_class(module, name)
            if name in ("_create_code", "CodeType", "code"):
                return _checking(found)
            return found

    return CheckedUnpickler


def _checking(create: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*parts: Any) -> Any:
        try:
            code = create(*parts)
        except Exception:  # it has other parts than this version's
            raise ForeignCode from None
        return require_own_code(code) if isinstance(code, CodeType) else code

    return checked
