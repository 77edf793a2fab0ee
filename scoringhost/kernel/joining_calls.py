"""How calls are joined to one: by the rows of their arguments, or as whole inference requests."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Protocol

from scoringhost.kernel.row_evidence import RowEvidence
from scoringhost.schema.joining import divide, join, join_key, row_count


class Joining(Protocol):
    """How the calls of one service are joined."""

    def evidence(self) -> RowEvidence:
        """What is to be shown before a joined result is taken apart."""

    def rows(self, arguments: Mapping[str, Any]) -> int:
        """How many rows a call has."""

    def key(self, arguments: Mapping[str, Any]) -> tuple[Hashable, ...] | None:
        """What calls have in common that may be joined; None for one that never is."""

    def join(self, sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The arguments of several calls as those of one."""

    def divide(self, output: object, sets: Sequence[Mapping[str, Any]], rows: Sequence[int]) -> list[Any]:
        """The result of joined calls as one for each.

        Raises:
            NotDivisible: if it cannot be taken apart.
        """


class ByRows:
    """The arrays, frames and lists of rows among the arguments, along axis 0."""

    def __init__(self, row_lists: Collection[str] = ()) -> None:
        """`row_lists`: the parameters whose values are lists of rows."""
        self._row_lists = row_lists

    def evidence(self) -> RowEvidence:
        """That results have one item for each row, which nobody has promised."""
        return RowEvidence()

    def rows(self, arguments: Mapping[str, Any]) -> int:
        """See `joining.row_count`."""
        return row_count(arguments, self._row_lists)

    def key(self, arguments: Mapping[str, Any]) -> tuple[Hashable, ...] | None:
        """See `joining.join_key`."""
        return join_key(arguments, self._row_lists)

    def join(self, sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """See `joining.join`."""
        return join(sets, self._row_lists)

    def divide(self, output: object, sets: Sequence[Mapping[str, Any]], rows: Sequence[int]) -> list[Any]:
        """See `joining.divide`."""
        return divide(output, rows)
