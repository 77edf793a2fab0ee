"""The init() and run() of an Azure ML batch deployment, for an entry script that was written to be served.

Azure ML hands run() the paths of some files, and keeps what that returns, one row for each element. A script
with a run(mini_batch) of its own needs none of this.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from scoringhost.batch.parts import Contract, Failure, Place
from scoringhost.batch.reading import Source
from scoringhost.batch.requests import Requests
from scoringhost.process.last_words import AtProcessEnd
from scoringhost.schema import json_text
from scoringhost.testing import serve


class NothingScored(Exception):
    """Every item of a mini-batch has failed, so that Azure ML is to try it again, and to count it as failed."""


class BatchDriver:
    """One entry script, scored in the process that Azure ML has started for it."""

    def __init__(self, script: str | os.PathLike[str]) -> None:
        """Load nothing yet."""
        self._script = os.fspath(script)
        self._open = ExitStack()
        self._at_process_end = AtProcessEnd(self.shutdown)  # Azure ML says nothing of the end
        self._requests: Requests | None = None

    def init(self) -> None:
        """Load the script and run its init(); shutdown() will be run at the end of the process.

        Raises:
            StartupError: if it cannot be used.
        """
        client = self._open.enter_context(serve(self._script))
        self._requests = Requests(client, body_form=None, max_retries=0)
        self._at_process_end.register()

    def run(self, mini_batch: list[str]) -> list[str]:
        """Score the rows of files of CSV, JSON lines or Parquet, and any other file as one request.

        Returns one line of JSON for each item: the name of its file, its row in that if it is one, and its result,
        or else the error and its status.

        Raises:
            NothingScored: if all of them have failed.
            InputUnusable: if a file cannot be read as what its name says.
        """
        assert self._requests is not None, "init() comes first"
        lines, scored, failures = [], 0, list[Failure]()
        for path in map(Path, mini_batch):
            # A file at a time: those of a folder may be of several kinds.
            for part in Source((path,), (path.name,)).parts(Contract.REQUESTS, None):
                outcome = self._requests.score(part)
                scored += outcome.scored
                failures += outcome.failures
                lines += [_line(place or Place(path.name), result=value) for place, value in outcome.results]
                lines += [_line(one.place, error=one.error, status=one.status) for one in outcome.failures]
        if failures and not scored:
            raise NothingScored(f"{failures[0].place}: {failures[0].error}")
        return lines

    def shutdown(self) -> None:
        """Run the script's shutdown(); a second time does nothing."""
        self._at_process_end.cancel()
        self._open.close()


def _line(place: Place, **more: object) -> str:
    file = os.path.basename(place.file)
    columns = {"file": file} | ({"row": place.row} if place.row else {})
    return json_text.dumps({**columns, **more}).decode()
