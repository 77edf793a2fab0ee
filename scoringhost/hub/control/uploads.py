"""What clients send in parts: a file, or a folder as a tar archive. Parts are written to the disk as they come."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from scoringhost.hub.access import Caller
from scoringhost.hub.errors import UploadNotFound, ValueRefused
from scoringhost.hub.room import room_at
from scoringhost.hub.unpacking import unpack

MOST = 100
"""Uploads that may be there at once; the oldest is forgotten."""


@dataclass(slots=True)
class Upload:
    """One upload. size: bytes that have come."""

    id: str
    who: str
    name: str
    is_folder: bool
    size: int = 0


class Uploads:
    """What is being sent. All of it is gone when the hub ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._uploads: dict[str, Upload] = {}
        shutil.rmtree(folder, ignore_errors=True)

    def add(self, caller: Caller, name: str, *, is_folder: bool) -> Upload:
        """Begin one.

        Raises:
            ValueRefused: if it cannot be the name of a file.
        """
        if not name or name in (".", "..") or len(os.fsencode(name)) > 255 or {"/", "\0"} & set(name):
            raise ValueRefused("name", "the name of a file or a folder", name)
        while len(self._uploads) >= MOST:
            self.forget(next(iter(self._uploads)))
        upload = Upload(secrets.token_hex(16), caller.name, name, is_folder)
        with room_at(self._folder):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._part_file(upload).touch(mode=0o600)
        self._uploads[upload.id] = upload
        return upload

    def get(self, caller: Caller, upload: str) -> Upload:
        """One that the caller has begun.

        Raises:
            UploadNotFound: if there is none.
        """
        found = self._uploads.get(upload)
        if found is None or found.who != caller.name:
            raise UploadNotFound(upload)
        return found

    def append(self, upload: Upload, offset: int, data: bytes) -> int:
        """Take the next part; returns how many bytes there are now. A part that has come already is not taken again.

        Raises:
            UploadNotFound: if another part is expected; says at which byte it begins.
        """
        if offset != upload.size:
            raise UploadNotFound(upload.id, upload.size)
        with room_at(self._folder), self._part_file(upload).open("r+b") as file:
            file.seek(offset)  # a part that was broken off is written over
            file.write(data)
            file.truncate()
        upload.size += len(data)
        return upload.size

    def unpacked(self, upload: Upload) -> Path:
        """What was sent, as a file or folder of its own name; it stays until it is forgotten.

        Raises:
            ValueRefused: if it is no archive, or one that would write elsewhere.
        """
        with room_at(self._folder):
            return self._unpacked(upload)

    def _unpacked(self, upload: Upload) -> Path:
        place = self._folder / upload.id / upload.name
        shutil.rmtree(place.parent, ignore_errors=True)
        place.parent.mkdir(mode=0o700)
        if not upload.is_folder:
            os.link(self._part_file(upload), place)
            return place
        place.mkdir()
        unpack(self._part_file(upload), place)
        return place

    def forget(self, upload: str) -> None:
        """Remove what was sent."""
        found = self._uploads.pop(upload, None)
        if found is not None:
            self._part_file(found).unlink(missing_ok=True)
            shutil.rmtree(self._folder / found.id, ignore_errors=True)

    def _part_file(self, upload: Upload) -> Path:
        return self._folder / f"{upload.id}.part"
