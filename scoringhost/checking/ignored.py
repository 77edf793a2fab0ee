"""Configuration that is there and has no effect: files that cannot be read, values that cannot be used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from scoringhost.checking.findings import Finding, Severity
from scoringhost.settings import Settings
from scoringhost.settings.gathering import A_FILE, NO_FOLDER

CODE = "ignored-configuration"
LOGGING = "logging.json"

_CONFIGURE = """
import json, sys
from pathlib import Path
from scoringhost.telemetry.logs import configure
level, script, *folders = json.loads(sys.argv[1])
print()
print(json.dumps(configure(level, Path(script), map(Path, folders))))
"""


def ignored_settings(settings: Settings, warnings: Sequence[str]) -> Iterable[Finding]:
    """What `Settings.load` has warned of, but for what has findings of its own: names that nobody reads, no folder."""
    unread: dict[str | None, list[str]] = {}
    for name, file in settings.unread:
        unread.setdefault(file, []).append(name)
    known = (A_FILE, NO_FOLDER, *(f": {', '.join(names)}" for names in unread.values()))
    yield from (_finding(warning) for warning in warnings if not warning.endswith(known))


def ignored_logging(settings: Settings) -> Iterable[Finding]:
    """What is wrong with logging.json and the level of the log.

    They are put in force as `serve` does it, but in another process: logging belongs to the whole of one.
    """
    folders = [Path(settings.app_root or "."), Path(settings.script or "").parent]
    file = next((path for folder in folders if (path := folder / LOGGING).is_file()), None)
    if file is None and settings.log_level is None:
        return
    given = json.dumps([settings.log_level, settings.script or "", *map(str, folders)])
    command = [sys.executable, "-P", "-c", _CONFIGURE, given]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False)
    if done.stdout.endswith("]\n"):
        yield from map(_finding, json.loads(done.stdout.splitlines()[-1]))
    else:
        message = f"setting logging up ends the process ({done.returncode})"
        yield Finding(Severity.ERROR, "broken-logging", message, "Correct it.", file, detail=done.stderr.strip())


def _finding(warning: str) -> Finding:
    file = next(_files(warning), None)
    line = re.search(r"\bline (\d+) column \d+", warning) if file else None
    message = warning.removeprefix(f"{file} is ignored: ")
    message = warning if message == warning else f"this file is ignored: {message}"
    remedy = "Correct it, or take it out."
    return Finding(Severity.WARNING, CODE, message, remedy, file, int(line[1]) if line else None)


def _files(warning: str) -> Iterator[Path]:
    """The file that a warning is about, or in which the value is that it is about."""
    named = (warning.partition(" is ignored: ")[0], warning.partition(" in ")[2].partition("=")[0])
    yield from (Path(name) for name in named if Path(name).is_absolute() and Path(name).is_file())
