"""A folder with a score.py, as a client sends it: a zip, where others send code and a snapshot."""

from __future__ import annotations

import io
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from scoringhost.http.messages import HttpRequest
from scoringhost.hub.errors import ValueRefused

ZIP = "application/zip"
SCRIPT = "score.py"
MOST_FILES = 100_000
MOST_BYTES = 4 * 1024**3
"""Bytes of all files unpacked, which a small archive may say to be as many as it likes."""
_EXPECTED = f"a zip of a folder with a {SCRIPT} in it"


def is_zip(request: HttpRequest) -> bool:
    """Whether the body of a request says that it is one."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == ZIP


def write_folder(content: bytes, folder: Path) -> None:
    """Write what is in a zip into a folder, which is not there yet.

    Raises:
        ValueRefused: if it is no zip of such a folder, or one with something in it that would be elsewhere, or is
            neither a file nor a folder.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _require_bounded(members)
            folder.mkdir(parents=True, mode=0o700)
            for member in members:
                _write(archive, member, folder)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as problem:
        # RuntimeError: one that is encrypted; NotImplementedError: a compression that Python does not know.
        why = problem.strerror or str(problem) if isinstance(problem, OSError) else str(problem)
        raise ValueRefused("body", f"{_EXPECTED} ({why})", f"{len(content)} bytes") from None
    if not (folder / SCRIPT).is_file():
        raise ValueRefused("body", _EXPECTED, ", ".join(sorted(one.name for one in folder.iterdir()))[:200])


def _require_bounded(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MOST_FILES or sum(one.file_size for one in members) > MOST_BYTES:
        raise ValueError(f"at most {MOST_FILES} files of {MOST_BYTES} bytes")


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    name, mode = PurePosixPath(member.filename), member.external_attr >> 16
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
        raise ValueError(f"{member.filename!r} is not in the folder")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ValueError(f"{member.filename!r} is neither a file nor a folder")
    target = folder / name
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # zipfile reads no more of a member than it has said to be there, so that the sum above holds.
    with archive.open(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(0o755 if mode & 0o100 else 0o644)
