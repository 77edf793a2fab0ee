"""Observer: told what happens to calls and services; it never decides anything."""

from __future__ import annotations

from typing import Protocol

from scoringhost.errors import ScoringHostError


class Observer(Protocol):
    """What logs, metrics and traces implement. A method must be quick and must not raise."""

    def state_changed(self, service: str, state: str) -> None:
        """A service is loaded, ready, draining or closed."""

    def call_refused(self, service: str, error: ScoringHostError) -> None:
        """A call was not run: the caller's fault, or no room for it."""

    def run_failed(self, service: str, error: ScoringHostError, traceback: str) -> None:
        """run() raised, took too long or returned what cannot be sent; `traceback` may be empty."""

    def noticed(self, service: str, message: str) -> None:
        """Something that the owner of the service should know; said once."""


class Silence:
    """The observer that does nothing."""

    def state_changed(self, service: str, state: str) -> None:
        """Ignore it."""

    def call_refused(self, service: str, error: ScoringHostError) -> None:
        """Ignore it."""

    def run_failed(self, service: str, error: ScoringHostError, traceback: str) -> None:
        """Ignore it."""

    def noticed(self, service: str, message: str) -> None:
        """Ignore it."""
