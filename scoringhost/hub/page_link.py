"""The link that lets in to the page of a hub, on its way to a browser."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

from scoringhost.hub.errors import HomeUnusable

FILE = "open.html"


def kept_for_browser(link: str, home: Path) -> Path:
    """A file that leads a browser to a link. The next one takes its place.

    The arguments of a browser can be read by everybody on the machine, and so by services that are users of their own,
    in /proc; who is quicker than the browser would be let in as an owner. The file is for one user alone.

    Raises:
        HomeUnusable: if it cannot be written.
    """
    path, made = home / FILE, home / f".{FILE}.{os.getpid()}"
    text = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={escape(link)}">\n'
    try:
        made.unlink(missing_ok=True)
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        made.replace(path)
    except OSError as problem:
        raise HomeUnusable(str(home), str(problem)) from None
    return path
