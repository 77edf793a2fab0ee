"""What hosts put into the environment for entry scripts, told apart from what the user has set there.

One process has one environment, but may hold several hosts: a test serves two scripts, a program
makes two apps. What was set for one script must not become a setting of the next. So every host
takes out a `Loan`: the variables that it changes, each with what was there before.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

_loans: list[Loan] = []
"""Of every host of this process that is not over, the oldest first."""


class Loan:
    """Variables that were changed for one entry script."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self.environ = environ
        self.changes: dict[str, tuple[str | None, str | None]] = {}
        """Each name with its value before and after; None: it is not set."""
        self._seen: dict[str, str] = {}

    def settle(self) -> None:
        """Count what has changed since `lend` as changed for the script, too: it has set that itself."""
        for name in self._seen.keys() | self.environ.keys():
            before, after = self._seen.get(name), self.environ.get(name)
            if before != after:
                first, _ = self.changes.get(name, (before, after))
                self.changes[name] = first, after

    def take_back(self) -> None:
        """Undo the changes, save for those that somebody else has changed since."""
        newer = [loan for loan in _loans[_loans.index(self) + 1 :] if loan.environ is self.environ]
        _loans.remove(self)
        for name, (before, after) in self.changes.items():
            above = next((loan for loan in newer if name in loan.changes), None)
            if above is None:
                if self.environ.get(name) == after:
                    _put(self.environ, name, before)
            elif above.changes[name][0] == after:
                above.changes[name] = before, above.changes[name][1]


def lend(environ: MutableMapping[str, str], wanted: Mapping[str, str | None]) -> Loan:
    """Set variables for an entry script. None: there is none for it, save one that the user has set."""
    own = users_own(environ)
    loan = Loan(environ)
    for name, value in wanted.items():
        after = own.get(name) if value is None else value
        loan.changes[name] = environ.get(name), after
        _put(environ, name, after)
    loan._seen = dict(environ)
    _loans.append(loan)
    return loan


def users_own(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment as it would be without any host.

    A value that was changed after a host had set it is the user's. One that equals what a host has
    set is not: it may have come back with a snapshot of the environment that somebody restored.
    """
    own = dict(environ)
    for loan in reversed(_loans):
        if loan.environ is environ:
            for name, (before, after) in loan.changes.items():
                if own.get(name) == after:
                    _put(own, name, before)
    return own


def _put(environ: MutableMapping[str, str], name: str, value: str | None) -> None:
    if value is None:
        environ.pop(name, None)
    else:
        environ[name] = value
