"""A folder with a score.py, as one file."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

from scoringhost.hub.content import LEFT_OUT

SCRIPT = "score.py"


def zipped(folder: Path) -> bytes:
    """A zip of all files of a folder.

    Raises:
        ValueError: if there is no folder, or no score.py in it.
    """
    if not (folder / SCRIPT).is_file():
        raise ValueError(f"folder: there is no {SCRIPT} in {str(folder)!r}")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
            for name in sorted(files):
                path = Path(place) / name
                archive.write(path, path.relative_to(folder).as_posix())
    return content.getvalue()
