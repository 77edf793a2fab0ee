"""A client for tests: an entry script served inside the test's own process, without a socket.

    from scoringhost.testing import serve

    with serve("score.py") as client:
        assert client.score({"data": [[1.0, 2.0]]}) == [4.5]

A request goes the way of a served one from the HTTP application on: request ids, content types,
decoding, the scoring thread, limits, encoding. Only the server and its socket are left out.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from scoringhost import assemble
from scoringhost.client.answers import NoSample, Response, ScoreFailed
from scoringhost.client.in_process import Client, serving

ENTRY_FILE = "score.py"

__all__ = ["Client", "NoSample", "Response", "ScoreFailed", "serve"]


@contextlib.contextmanager
def serve(
    script: str | os.PathLike[str] = ENTRY_FILE, *, environ: Mapping[str, str] | None = None, **settings: object
) -> Iterator[Client]:
    """Serve an entry script inside this process for as long as the `with` block lasts.

    script: the entry script, or a folder with score.py. environ: what settings are read from; if not
    given `os.environ`, without what a host has set there. settings: any field of
    `scoringhost.settings.Settings`, as `nan="literal"`.

    init() runs on the scoring thread before the block is entered and shutdown() after it, unless a
    run() is still going on 5 seconds later (half a second, if the block ends in an exception). What the
    script needs of the process (environment variables, the import path), what it has changed there
    itself up to the end of init(), and the modules that it imported from its own folder are taken back
    then. Logging and `sys.stdout` are left as they are.

    Raises:
        TypeError: if there is no setting of that name.
        StartupError: if a setting or the script cannot be used, or init() fails.
    """
    loaded = assemble.settings_of(os.fspath(script), os.environ if environ is None else environ, settings)
    with serving(loaded) as client:
        yield client
