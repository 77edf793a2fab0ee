"""StageTimes: what the stages of one call took, for whoever writes of it at its end."""

from __future__ import annotations

from scoringhost.errors import ScoringHostError

ABSENT = -1.0
"""In place of the seconds of a stage that a call has not been in."""


class StageTimes:
    """Keeps what it hears; see `Stages`. Seconds; ABSENT for a stage that the call has not been in.

    What holds at first is said of the class: one is made for each request, and calling an `__init__` takes longer than
    all that it would set.

    calls: how many were joined in its run(); rows: of all of them, or 0; error: the class of the
    error that it is answered with, or empty; its name only, as an error holds what was called, and so the request.
    """

    is_plain = True
    wait_s = decode_s = run_s = encode_s = ABSENT
    calls, rows, error = 1, 0, ""

    def waits(self) -> None:
        """See `Stages`."""
        self.is_plain = False

    def waited(self, seconds: float) -> None:
        """See `Stages`."""
        self.wait_s = seconds

    def decoded(self, seconds: float) -> None:
        """See `Stages`."""
        self.decode_s = seconds

    def joins(self, batch: dict[str, object]) -> None:
        """See `Stages`."""

    def ran(self, seconds: float, calls: int, rows: int) -> None:
        """See `Stages`."""
        self.run_s, self.calls, self.rows = seconds, calls, rows

    def encoded(self, seconds: float) -> None:
        """See `Stages`."""
        self.encode_s = seconds

    def failed(self, error: ScoringHostError) -> None:
        """See `Stages`."""
        self.error = type(error).__name__

    def sent(self, status: int, size: int, whole: bool) -> None:
        """See `Stages`."""

    def server_timing(self) -> str:
        """The stages so far as a header of the answer says them, in milliseconds (https://www.w3.org/TR/server-timing/)."""
        stages = (("wait", self.wait_s), ("decode", self.decode_s), ("run", self.run_s), ("encode", self.encode_s))
        return ", ".join([f"{name};dur={seconds * 1000:.3f}" for name, seconds in stages if seconds >= 0])
