"""Loads objects that dill has pickled, in the process of the service that they belong to and nowhere else.

dill pickles functions and classes as bytecode. That of another version of Python loads without an error, and is
garbage: at best the process dies, when it is run or even when the code object is made. So the bytes of each are looked
at before that.
"""

from __future__ import annotations

import dis
import importlib
import io
import itertools
import opcode
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from scoringhost.errors import MissingExtra

HERE = ".".join(map(str, sys.version_info[:2]))
RESUME, CACHE = dis.opmap["RESUME"], dis.opmap["CACHE"]
BEFORE_RESUME = frozenset(
    dis.opmap[name] for name in ("COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "POP_TOP", "EXTENDED_ARG")
)
"""What a function may begin with before RESUME, which all have since Python 3.11."""


def _cache_counts() -> Mapping[int, int]:
    """How many units of cache are behind each instruction."""
    known: Any = getattr(opcode, "_inline_cache_entries", {})  # by number up to 3.12, by name from 3.13 on
    counts = {}
    for name, number in dis.opmap.items():
        if number < 256:
            counts[number] = known.get(name, 0) if isinstance(known, dict) else known[number]
    return counts


CACHES = _cache_counts()


class ObjectRefused(Exception):
    """An object of a service cannot be used; the text names it and says why."""


def load_object(name: str, data: bytes, namespace: ModuleType, pickled_by: str | None = None) -> object:
    """An object that dill has pickled; functions of its `__main__` get `namespace` as their globals.

    pickled_by: the version of Python that has pickled it, such as 3.12, where that is known.

    Raises:
        ObjectRefused: if it cannot be loaded, or has bytecode of another version of Python.
        MissingExtra: if dill is not installed.
    """
    try:
        dill: Any = importlib.import_module("dill")
    except ImportError:
        raise MissingExtra("dill", "mlserver-class") from None
    may_have_code = pickled_by in (None, HERE)
    unpickler = _unpickler(dill)(io.BytesIO(data), namespace, may_have_code)
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
        return (
            f"it has functions or classes that were pickled by another version of Python than this one, {HERE}; "
            f"send plain values and arrays, write its functions in the code, or publish with Python {HERE}"
        )


def require_own_bytecode(code: bytes) -> None:
    """Nothing, if it can be the bytecode of a function of this version of Python.

    Of 25,000 functions of the standard libraries of 3.8 to 3.13 this knows each on 3.13; on 3.11 and 3.12, whose
    instructions have the same numbers, it takes 3 to 12 % of the other's for its own.

    Raises:
        ForeignCode: if it is not.
    """
    at, has_begun = 0, False
    while at < len(code):
        number, argument = code[at], code[at + 1] if at + 1 < len(code) else -1
        if number not in CACHES or number == CACHE:
            raise ForeignCode
        if not has_begun:
            has_begun = number == RESUME and argument == 0
            if not has_begun and number not in BEFORE_RESUME:
                raise ForeignCode
        # Caches are empty in bytecode that is kept: another version has instructions where this one has caches.
        cache = bytes(2 * CACHES[number])
        at += 2
        if code[at : at + len(cache)] != cache:
            raise ForeignCode
        at += len(cache)
    if not has_begun or len(code) % 2:
        raise ForeignCode


def _is_of_code(problem: Exception) -> bool:
    """Whether dill could not even make a code object: it has another number of parts in other versions."""
    return isinstance(problem, TypeError) and "code" in str(problem)


def _unpickler(dill: Any) -> Any:
    class CheckedUnpickler(dill.Unpickler):  # type: ignore[misc]
        """Looks at each code object that it makes, and takes `__main__` for the namespace of the service."""

        def __init__(self, file: io.BytesIO, namespace: ModuleType, may_have_code: bool) -> None:
            super().__init__(file)
            self._main, self._may_have_code = namespace, may_have_code

        def find_class(self, module: str, name: str) -> Any:
            if module == "__main__" and name in vars(self._main):
                return vars(self._main)[name]
            found = super().find_class(module, name)
            if name in ("_create_code", "CodeType", "code"):
                if not self._may_have_code:
                    raise ForeignCode
                return _checking(found)
            return found

    return CheckedUnpickler


def _checking(create: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*parts: Any) -> Any:
        require_own_bytecode(_bytecode_in(parts))
        try:
            return create(*parts)
        except Exception:  # it has other parts than this version's
            raise ForeignCode from None

    return checked


def _bytecode_in(parts: Sequence[Any]) -> bytes:
    """The bytecode among the parts of a code object: the first bytes behind numbers; a table may be before those."""
    for before, part in itertools.pairwise(parts):
        if isinstance(before, int) and isinstance(part, bytes):
            return part
    raise ForeignCode
