"""A model that comes from a hub elsewhere: its bytes, looked at, become a file or a folder of this machine."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, BinaryIO

from scoringhost.hub.content import Content, StoredFile
from scoringhost.hub.errors import ContentDamaged, PlaceTaken
from scoringhost.hub.unpacking import unpack


class Received:
    """One model on its way into a folder. Leaves nothing beside it that is not whole."""

    def __init__(self, folder: Path, model: Mapping[str, Any], *, replace: bool) -> None:
        """`model`: as the control API shows it.

        Raises:
            PlaceTaken: if something of that name is there, and it may not be replaced.
        """
        self._model, self._target = model, folder / PurePath(model["root"]).name
        if not replace and os.path.lexists(self._target):
            raise PlaceTaken(str(self._target))
        folder.mkdir(parents=True, exist_ok=True)
        self._beside = tempfile.TemporaryDirectory(dir=folder, prefix=".arriving-")
        self._sent, self._made = Path(self._beside.name, "sent"), Path(self._beside.name, "made")

    def __enter__(self) -> Received:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._beside.cleanup()

    def file(self) -> BinaryIO:
        """What its bytes are to be written to."""
        return self._sent.open("wb")

    def put(self) -> Path:
        """Look at what has come, and put it in its place. Returns its path.

        Raises:
            ContentDamaged: if it is not what was registered.
        """
        if self._model["is_folder"]:
            self._made.mkdir()
            unpack(self._sent, self._made)
        else:
            os.rename(self._sent, self._made)
        found = _content(self._target.name, self._made)
        if found.digest != self._model["content_hash"] and not _is_same_file(found, self._model):
            raise ContentDamaged(str(self._model["id"]), ["what came is not what was registered"])
        if os.path.lexists(self._target):
            os.rename(self._target, Path(self._beside.name, "before"))
        os.rename(self._made, self._target)
        return self._target


def _is_same_file(found: Content, model: Mapping[str, Any]) -> bool:
    """Whether a single file that can be run is the same: its bytes do not say that it can."""
    if model["is_folder"]:
        return False
    (file,) = found.files
    program = Content(found.root, False, (StoredFile(file.path, file.digest, file.size, True),))
    return bool(program.digest == model["content_hash"])


def _content(root: str, made: Path) -> Content:
    if made.is_file():
        return Content(root, False, (_stored(made, root),))
    files = (_stored(path, path.relative_to(made).as_posix()) for path in made.rglob("*") if path.is_file())
    return Content(root, True, tuple(files))


def _stored(path: Path, name: str) -> StoredFile:
    found = path.stat()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return StoredFile(name, digest, found.st_size, bool(found.st_mode & stat.S_IXUSR))
