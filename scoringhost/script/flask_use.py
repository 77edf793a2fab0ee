"""What an entry script does with Flask, read from its code: it is not run for that."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from pathlib import Path

OF_A_REQUEST = frozenset({"request", "g", "session", "current_app"})
"""What of Flask stands for something else in every request."""


def names_used_beside_flask(files: Iterable[Path]) -> frozenset[str]:
    """The names that are used in those of the files that import Flask; none if none does.

    A file that cannot be read or compiled counts as one that does not.
    """
    used: set[str] = set()
    for file in files:
        try:
            text = file.read_bytes()
            names = _names_in(text, file) if b"flask" in text else set()
        except (OSError, SyntaxError, ValueError):
            continue
        if any(name.partition(".")[0] == "flask" for name in names):
            used |= names
    return frozenset(used)


def _names_in(text: bytes, file: Path) -> set[str]:
    return {name for code in _codes(compile(text, str(file), "exec", dont_inherit=True)) for name in code.co_names}


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
