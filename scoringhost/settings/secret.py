"""Secret: a text that cannot be shown by accident."""

from __future__ import annotations

from typing import Any

SHOWN = "(given)"
"""What stands in place of a secret wherever settings are shown."""


class Secret:
    """A key, token or password. `str`, `repr` and every way of formatting show SHOWN in its place."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that uses it."""
        return self._text

    def __repr__(self) -> str:
        return SHOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Secret, (self._text,))
