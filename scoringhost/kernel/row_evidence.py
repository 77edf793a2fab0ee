"""Whether run() gives one result for each row: what it has to show before a joined result is taken apart.

That a result has as many items as rows proves little: `return ids, scores` has two, for two callers
of one row each. Each would get a half that is not theirs. So calls are run alone at first, and the rule is:

- A trial is a few calls that could be joined. Each is run alone, and answered so. If every result has
  one item for each row, all in the same kind of container (dicts: with the same keys), they are run
  once more, joined, and nobody gets that result. It has to be of the same kind and to say what the
  results of the single calls say, one after the other; numbers may differ by a thousandth.
- After TRIALS of them a joined result of that kind is taken apart, and no other one is. Together
  they have more rows than any call alone, so a result of a constant length does not pass, nor does
  one that is sorted, or made unique, or scaled by the sum of the batch.
- A contradiction ends joining for good: a call alone whose result has another number of items than
  the call has rows, or a joined result that says something else than the single ones.

Results that are other ones each time (random numbers, times of day) cannot be compared by what
they say. Whoever finds a difference has to run that call alone once more, to see whether it differs
from itself; if so, kinds and numbers count.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from scoringhost.schema.joining import NotDivisible, divide, kind_of, says_the_same

TRIALS = 3
TRIAL_CALLS = 4
"""Calls in one trial, at most: four results happen to be in sorted order once in 24 times."""

MOST_KINDS = 16
MOST_WITHOUT_ROWS = 8
"""Results without rows, a text or a number, after which nobody hopes for others any more."""


class RowEvidence:
    """What the results of one script have shown so far."""

    def __init__(self) -> None:
        self.ended = ""
        """Why calls are never joined again; empty while they may be."""
        self._passed: dict[Hashable, int] = {}
        self._without_rows = 0

    @property
    def is_shown(self) -> bool:
        """Whether calls may be joined."""
        return not self.ended and any(passed >= TRIALS for passed in self._passed.values())

    def divides(self, output: object) -> bool:
        """Whether a joined result may be taken apart: others of its kind have been shown to be made of rows."""
        return not self.ended and self._passed.get(kind_of(output), 0) >= TRIALS

    def take_alone(self, output: object, rows: int) -> str:
        """Take in the result of a call alone; answers why it is not made of rows, or an empty text."""
        if self.ended:
            return self.ended
        kind = kind_of(output)
        if kind is not None and not (self.is_shown and self._passed.get(kind, 0) < TRIALS):
            try:
                divide(output, [rows])
            except NotDivisible as problem:
                self.ended = str(problem)
                return self.ended
            return ""
        # Once rows are shown, anything else is what this script says to a bad request.
        if not self.is_shown:
            self._without_rows += 1
        why = f"a {type(output).__name__} has no rows"
        if self._without_rows >= MOST_WITHOUT_ROWS:
            self.ended = why
        return why

    def is_trial(self, outputs: Sequence[object], rows: Sequence[int]) -> bool:
        """Whether the results of these calls alone are worth a joined run: all of one kind, and more rows together."""
        return len(set(map(kind_of, outputs))) == 1 and sum(rows) > max(rows)

    def difference(self, joined: object, outputs: Sequence[object], rows: Sequence[int]) -> int | None:
        """The first call to which a joined result says something else than its result alone; None if there is none.

        Raises:
            NotDivisible: if it is of another kind, or has another number of items than there are rows.
        """
        if kind_of(joined) != kind_of(outputs[0]):
            raise NotDivisible(f"it is another kind of {type(joined).__name__} for {sum(rows)} rows")
        pieces = divide(joined, rows)
        differing = (at for at, piece in enumerate(pieces) if not says_the_same(piece, outputs[at]))
        return next(differing, None)

    def passed(self, output: object) -> None:
        """A trial has been passed with results of this kind."""
        if len(self._passed) >= MOST_KINDS:
            self._passed.clear()
        kind = kind_of(output)
        self._passed[kind] = self._passed.get(kind, 0) + 1

    def end(self, why: str) -> None:
        """Never join again."""
        self.ended = why
