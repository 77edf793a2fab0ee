"""The process that makes one environment: `python -m scoringhost.fleet.environments.builder`, as `__init__` starts it.

It reads what is wanted, one line of JSON, and writes lines of JSON: how far it is, and at last what has come of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.making import Maker
from scoringhost.process.parents_end import end_with_parent


def main() -> None:
    """Make what is asked for on standard input."""
    wanted = json.loads(sys.stdin.readline())
    end_with_parent(wanted["parent"], 0.0)
    # So that what is half made is removed; pip, in the same process group, has got the signal, too.
    signal.signal(signal.SIGTERM, _stop)
    environ = dict(os.environ)  # noqa: TID251 - it is what the supervisor has given this process for its own
    try:
        maker = Maker(Path(wanted["cache"]), environ, wanted["extras"], lambda line: _say(news=line))
        made = maker.make(Path(wanted["environment"]))
    except EnvironmentFailed as problem:
        _say(failed=str(problem))
    else:
        _say(
            python=str(made.interpreter.python),
            environ=dict(made.interpreter.environ),
            folder=None if made.folder is None else str(made.folder),
        )


def _stop(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _say(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
