"""A tar archive of a folder, as a client has sent it, becomes that folder.

Python's own filter for archives of others is not there before 3.11.4 (Debian 12 has 3.11.2), and lets in more than is
of use here: there are files and folders in what is deployed, and links are written as what they lead to.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path, PurePosixPath

from scoringhost.hub.errors import ValueRefused


def unpack(archive: Path, folder: Path) -> None:
    """Write what is in an archive into a folder, which is there and empty.

    Raises:
        ValueRefused: if it is no archive, or one with something in it that would be elsewhere or is no file.
    """
    try:
        with tarfile.open(archive, "r:") as opened:  # a compressed one may become a thousand times as large
            for member in opened.getmembers():
                _write(opened, member, folder)
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, KeyError, RecursionError) as problem:
        why = problem.strerror or str(problem) if isinstance(problem, OSError) else str(problem)
        raise ValueRefused("upload", f"an uncompressed tar archive of a folder ({why})", archive.name) from None


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise ValueError(f"{member.name!r} is not in the folder")
    target = folder / name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    if member.issparse():  # a few bytes that say that they are terabytes
        raise ValueError(f"{member.name!r} is a sparse file; tar makes none without --sparse")
    source = None
    if member.isfile() or member.issym() or member.islnk():
        source = archive.extractfile(member)  # of a link: what it leads to in the archive
    if source is None:
        raise ValueError(f"{member.name!r} is neither a file nor a folder; tar --dereference sends what links lead to")
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)
