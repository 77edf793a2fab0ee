"""Definitions that a workspace keeps by name and number: FOLDER/NAME/NUMBER.json, each written once, and whole."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from scoringhost.azureml.exceptions import UserErrorException

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}")


class Numbered:
    """Definitions of one kind. Several processes may add to them at once."""

    def __init__(self, folder: Path, what: str) -> None:
        self._folder, self._what = folder, what

    def add(self, name: str, content: dict[str, Any]) -> int:
        """Keep one as the next version of its name; returns the number, which is its `version` as well.

        Raises:
            UserErrorException: if it cannot be a name.
        """
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserErrorException(
                f"{name!r} is no name for a {self._what}: letters, digits, dots, dashes and underscores"
            )
        folder = self._folder / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = max(self.versions(name), default=0) + 1
        while not _write_new(folder / f"{number}.json", json.dumps({**content, "version": str(number)}, indent=4)):
            number += 1  # another process was quicker
        return number

    def get(self, name: str, version: object = None) -> dict[str, Any]:
        """One version; the newest, if none or "latest" is said.

        Raises:
            UserErrorException: if there is no such one; says which there are.
        """
        versions = self.versions(name)
        if not versions:
            raise UserErrorException(f"there is no {self._what} {name!r}")
        chosen = str(versions[-1]) if version in (None, "latest") else str(version)
        if chosen not in map(str, versions):
            there = ", ".join(map(str, versions))
            raise UserErrorException(f"there is no version {version} of the {self._what} {name!r}; there is {there}")
        found: dict[str, Any] = json.loads((self._folder / name / f"{chosen}.json").read_text(encoding="utf-8"))
        return found

    def versions(self, name: str) -> list[int]:
        """The numbers that there are of a name, in order."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            return []
        return sorted(int(one.stem) for one in (self._folder / name).glob("*.json") if one.stem.isdecimal())

    def names(self) -> list[str]:
        """All names, in order."""
        return sorted(one.name for one in self._folder.iterdir()) if self._folder.is_dir() else []


def _write_new(path: Path, text: str) -> bool:
    """Write a file whole, unless there is one already."""
    beside = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
    beside.write_text(text, encoding="utf-8")
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    return True
