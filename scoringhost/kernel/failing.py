"""What becomes of an exception that a script's work has raised: one of our errors, and a word to the observer."""

from __future__ import annotations

from scoringhost.errors import DeadlineExceeded, ResultMisfit, RunFailed, ScoringHostError
from scoringhost.kernel.call import Call
from scoringhost.kernel.observer import Observer
from scoringhost.kernel.runner import ScriptCancelled, Turn
from scoringhost.kernel.scoring_thread import Interrupted
from scoringhost.script.tracebacks import user_traceback


class Failures:
    """Translates and tells of what the script of one service raises."""

    def __init__(self, service: str, observer: Observer, run_limit_s: float | None) -> None:
        self._service, self._observer, self._run_limit_s = service, observer, run_limit_s

    def translated(self, error: BaseException, turn: Turn | None, call: Call) -> BaseException:
        """What to raise for something that the script's work has raised; `turn` is where it was done, if it had one.

        It is raised from where it was returned to and is no variable there: an exception that its own
        traceback refers to would keep the request, with its body, until the next garbage collection.
        """
        better = self._explained(error, turn, call)
        if better is not error:
            better.__cause__ = error
        return better

    def _explained(self, error: BaseException, turn: Turn | None, call: Call) -> BaseException:
        if isinstance(error, ScriptCancelled) and error.__cause__ is not None:
            error = error.__cause__
        if isinstance(error, DeadlineExceeded):
            self._observer.run_failed(self._service, error, turn.where() if turn is not None else "")
            return error
        if isinstance(error, ResultMisfit):
            self._observer.run_failed(self._service, error, "")
            return error
        if isinstance(error, ScoringHostError):
            self._observer.call_refused(self._service, error)
            return error
        answer = call.deliberate(error)
        if answer is not None:
            return answer
        if isinstance(error, Interrupted):
            return DeadlineExceeded(self._run_limit_s or 0.0)
        failure = RunFailed()
        failure.__cause__ = error  # now: the log begins with it
        self._observer.run_failed(self._service, failure, user_traceback(error))
        return failure
