"""Where the files of datasets are: a folder of the workspace."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scoringhost.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace

NAME = "workspaceblobstore"


@dataclass(frozen=True, slots=True)
class DataPath:
    """A path below a datastore."""

    datastore: Datastore
    path: str

    @property
    def local(self) -> Path:
        """Where that is on this machine."""
        return self.datastore._below(self.path)


class Datastore:
    """The one that a workspace has, under the name that it has in Azure."""

    def __init__(self, workspace: Workspace, name: str | None = None) -> None:
        """Raises UserErrorException if it is another one."""
        if name not in (None, NAME):
            raise UserErrorException(f"there is no datastore {name!r}; a workspace has {NAME}")
        self.workspace, self.name = workspace, NAME
        self._root = workspace._folder / "datastore"

    @staticmethod
    def get(workspace: Workspace, datastore_name: str) -> Datastore:
        """The same as the constructor."""
        return Datastore(workspace, datastore_name)

    @staticmethod
    def get_default(workspace: Workspace) -> Datastore:
        """The one that there is."""
        return Datastore(workspace)

    def path(self, path: str = "") -> DataPath:
        """A path below it."""
        return DataPath(self, path)

    def upload_files(
        self,
        files: Sequence[str],
        relative_root: str | None = None,
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataPath:
        """Copy files into it, under their names, or under their paths from `relative_root` on.

        Files that are there are left as they are, unless they may be overwritten.

        Raises:
            UserErrorException: if one is not there.
        """
        target = self._below(target_path or "")
        for file in files:
            source = Path(file)
            if not source.is_file():
                raise UserErrorException(f"there is no file {file}")
            inner = os.path.relpath(source, relative_root) if relative_root else source.name
            self._copy(source, self._inside(target / inner), overwrite)
        return DataPath(self, target_path or "")

    def upload(
        self, src_dir: str, target_path: str | None = None, overwrite: bool = False, show_progress: bool = True
    ) -> DataPath:
        """Copy all files of a folder into it."""
        files = [str(one) for one in sorted(Path(src_dir).rglob("*")) if one.is_file()]
        return self.upload_files(files, src_dir, target_path, overwrite, show_progress)

    def _copy(self, source: Path, target: Path, overwrite: bool) -> None:
        if target.exists() and not overwrite:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

    def _below(self, path: str) -> Path:
        return self._inside(self._root / path.lstrip("/"))

    def _inside(self, path: Path) -> Path:
        found = Path(os.path.normpath(path))
        if found != self._root and self._root not in found.parents:
            raise UserErrorException(f"{path} is not in the datastore")
        return found
