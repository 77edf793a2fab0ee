"""Keys of a body that are no parameter of run(): a misspelt one would leave a default in force without a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scoringhost.errors import UnknownParameter
from scoringhost.schema.declared import shortened

MOST_NOTICES = 10
"""Keys that are warned of, each once, in the life of a service: who calls may make up any number of them."""


class UnknownKeys:
    """What is done about them in one service: refused, or warned of."""

    def __init__(self, known: Sequence[str], *, refuses: bool, notice: Callable[[str], None]) -> None:
        """`notice` is told of a key for the first time that it comes."""
        self._known, self._refuses, self._notice = tuple(known), refuses, notice
        self._told: set[str] = set()

    def met(self, names: Sequence[str]) -> None:
        """Some came; one at least.

        Raises:
            UnknownParameter: if they are refused.
        """
        if self._refuses:
            name = str(names[0])
            raise UnknownParameter(shortened(name), self._known, _meant(name, self._known))
        for name in names:
            if name in self._told or len(self._told) >= MOST_NOTICES:
                continue
            self._told.add(name)
            error = UnknownParameter(shortened(name), self._known, _meant(name, self._known))
            self._notice(f"{error} (ignored; the setting unknown_keys=refuse makes it a 400)")


def _meant(name: str, known: Sequence[str]) -> str:
    import difflib  # needed once something is misspelt, and not at every start

    return next(iter(difflib.get_close_matches(name[:100], known, 1)), "")
