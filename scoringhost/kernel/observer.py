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


class Stages(Protocol):
    """Hears the stages of one call, in this order, each with what it took in seconds.

    What nobody listens to is not timed. A method may be called on any thread, but not two at once;
    it must be quick and must not raise. A call that fails goes from where it was to `failed` and `sent`.

    is_plain: it is `StageTimes`, and wants to have the times set in place of being told of `waited`, `decoded`, `ran`
    and `encoded`, as most requests do that are watched: setting an attribute takes a fraction of a call.
    """

    @property
    def is_plain(self) -> bool:
        """See above."""

    def waits(self) -> None:
        """It is about to wait for its turn, or for its batch, if only for a moment; not told of a call on the spot."""

    def waited(self, seconds: float) -> None:
        """It has waited for its turn, or for its batch, and is about to be run."""

    def decoded(self, seconds: float) -> None:
        """Its payload has become arguments; before it waits, if calls are batched."""

    def joins(self, batch: dict[str, object]) -> None:
        """Its run() is about to begin in this context (PEP 567); told only where calls are batched.

        batch: handed to each call that is run together with this one, so that they can leave there what
        they have in common. Told again if the batch has failed and its calls are run anew.
        """

    def ran(self, seconds: float, calls: int, rows: int) -> None:
        """run() has returned, or the last piece of its stream has been made.

        calls: how many were joined in this run(), 1 without batching; rows: of all of them, or 0 if
        nobody has counted.
        """

    def encoded(self, seconds: float) -> None:
        """The result has become what is sent; not for streams."""

    def failed(self, error: ScoringHostError) -> None:
        """The call is answered with an error, or its stream breaks off; `__cause__` is what run() raised, if it did."""

    def sent(self, status: int, size: int, whole: bool) -> None:
        """The response, of `size` bytes, is handed over to be sent, or its stream has ended; the last word.

        whole: false if a stream broke off, or its reader did. The status is 499 if the client has gone
        before there was an answer.
        """


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
