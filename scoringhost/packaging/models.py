"""Models by name and version, laid out as Azure ML does it: azureml-models/NAME/VERSION/..."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scoringhost.packaging.credentials import holds_credentials
from scoringhost.packaging.output import PackagingError
from scoringhost.packaging.sources import LEFT_OUT

LAYOUT = "azureml-models"
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]{0,254})(?::(?P<version>\d+))?=(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model file or folder, with the name and the version under which a script looks for it."""

    name: str
    version: int
    path: Path

    @classmethod
    def of(cls, text: str) -> NamedModel:
        """Read `NAME=PATH` or `NAME:VERSION=PATH`; the version is 1 if none is given.

        Raises:
            PackagingError: if it is neither, or there is nothing at that path.
        """
        found = _NAMED.fullmatch(text)
        if found is None:
            raise PackagingError(f"{text!r} is no model: write NAME=PATH or NAME:VERSION=PATH")
        path = Path(found["path"])
        if not path.exists():
            raise PackagingError(f"there is no model {path}")
        return cls(found["name"], int(found["version"] or 1), path.absolute())

    @property
    def place(self) -> str:
        """The folder of this version."""
        return f"{LAYOUT}/{self.name}/{self.version}"

    def files(self) -> Iterator[tuple[Path, str]]:
        """Every file with its name in the package: a file keeps its name, and so does a folder."""
        if self.path.is_file():
            yield self.path, f"{self.place}/{self.path.name}"
            return
        for path in sorted(self.path.rglob("*")):
            inner = path.relative_to(self.path)
            is_left_out = any(part in LEFT_OUT or holds_credentials(part) for part in inner.parts)
            if path.is_file() and not path.is_symlink() and not is_left_out:
                yield path, f"{self.place}/{self.path.name}/{inner.as_posix()}"
