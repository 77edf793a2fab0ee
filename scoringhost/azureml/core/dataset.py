"""The datasets that models and profiles name: rows of text files, or files. Nothing is read before it is asked for."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from scoringhost.azureml.core._numbered import Numbered
from scoringhost.azureml.core.datastore import DataPath, Datastore
from scoringhost.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from scoringhost.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace


class _Dataset:
    """What both kinds have in common: where the files are, and a name and a version once it is registered."""

    kind = ""

    def __init__(self, paths: Sequence[str], **reading: Any) -> None:
        self._paths, self._reading = list(paths), reading
        self.name: str | None = None
        self.version: int | None = None
        self.description: str | None = None
        self.tags: dict[str, str] = {}

    @property
    def id(self) -> str:
        """What tells it from others: a hash of where its files are, and how they are read."""
        told = json.dumps([self.kind, self._paths, self._reading], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    def register(
        self,
        workspace: Workspace,
        name: str,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_new_version: bool = False,
    ) -> Self:
        """Keep it in a workspace: where its files are, not what is in them.

        Raises:
            UserErrorException: if there is another one of that name, and no new version is wanted.
        """
        kept = _kept(workspace)
        if kept.versions(name):
            before = _of(kept.get(name))
            if isinstance(before, type(self)) and before.id == self.id:
                return before
            if not create_new_version:
                raise UserErrorException(f"there is a dataset {name!r} already; create_new_version=True adds a version")
        self.description, self.tags = description, dict(tags or {})
        self.name = name
        self.version = kept.add(name, self.serialize())
        return self

    def serialize(self) -> dict[str, Any]:
        """As a value of JSON, of which `deserialize` makes it again."""
        return {
            "id": self.id,
            "kind": self.kind,
            "paths": self._paths,
            "reading": self._reading,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "tags": self.tags,
        }

    def _files(self) -> list[Path]:
        found = [path for pattern in self._paths for path in _matching(Path(pattern))]
        if not found:
            raise UserErrorException(f"there is no file at {', '.join(self._paths)}")
        return found

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r}, name={self.name!r}, version={self.version!r})"


class FileDataset(_Dataset):
    """Files."""

    kind = "file"

    def to_path(self) -> list[str]:
        """Their paths."""
        return [str(path) for path in self._files()]

    def download(self, target_path: str | None = None, overwrite: bool = False) -> list[str]:
        """Copy them into a folder; returns the paths of the copies.

        Raises:
            UserErrorException: if one is there already, and may not be overwritten.
        """
        target = Path(target_path or ".")
        target.mkdir(parents=True, exist_ok=True)
        made = []
        for path in self._files():
            if (target / path.name).exists() and not overwrite:
                raise UserErrorException(f"{target / path.name} is there already")
            (target / path.name).write_bytes(path.read_bytes())
            made.append(str(target / path.name))
        return made


class TabularDataset(_Dataset):
    """Rows of files of separated values, or of lines of JSON."""

    kind = "tabular"

    def rows(self) -> Iterator[list[Any]]:
        """The rows; of separated values all are texts, of JSON what it says."""
        for number, path in enumerate(self._files()):
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield from islice(self._rows_of(file), self._header_lines(number), None)

    def _rows_of(self, file: Any) -> Iterator[list[Any]]:
        separator = self._reading["separator"]
        if separator is None:
            return (list(json.loads(line).values()) for line in file if line.strip())
        if separator == "\n":  # one column, which csv cannot read: lines of JSON to profile with, as the SDK wants them
            return ([line.rstrip("\r\n")] for line in file if line.strip())
        return (row for row in csv.reader(file, delimiter=separator) if row)

    def _header_lines(self, number: int) -> int:
        header = self._reading["header"]
        if self._reading["separator"] is None or header == PromoteHeadersBehavior.NO_HEADERS.name:
            return 0
        return int(header != PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS.name or number == 0)

    def take(self, count: int) -> list[list[Any]]:
        """The first rows."""
        return list(islice(self.rows(), count))

    def to_pandas_dataframe(self) -> Any:
        """All rows as a table, its columns by number."""
        import pandas

        return pandas.DataFrame(list(self.rows()))


class _Tabular:
    """Makes datasets of rows."""

    @staticmethod
    def from_delimited_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: object = None,
        separator: str = ",",
        header: bool | PromoteHeadersBehavior = True,
        **_: Any,
    ) -> TabularDataset:
        """Of files of separated values: a path, a path below a datastore, or a list of them."""
        if isinstance(header, bool):
            chosen = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS if header else PromoteHeadersBehavior.NO_HEADERS
        else:
            chosen = header
        return TabularDataset(_paths(path), separator=separator, header=chosen.name)

    @staticmethod
    def from_json_lines_files(path: Any, **_: Any) -> TabularDataset:
        """Of files with an object of JSON in each line."""
        return TabularDataset(_paths(path), separator=None, header=PromoteHeadersBehavior.NO_HEADERS.name)


class _File:
    """Makes datasets of files."""

    @staticmethod
    def from_files(path: Any, validate: bool = True, **_: Any) -> FileDataset:
        """A path, a path below a datastore, or a list of them; with * for any name, ** for any folders."""
        return FileDataset(_paths(path))


class Dataset:
    """Makes datasets, and finds those that were registered."""

    Tabular, File = _Tabular, _File
    Scenario = type("Scenario", (), {"TRAINING": "training", "VALIDATION": "validation", "INFERENCING": "inferencing"})

    @staticmethod
    def get_by_name(workspace: Workspace, name: str, version: int | str = "latest") -> Any:
        """One that was registered.

        Raises:
            UserErrorException: if there is none.
        """
        return _of(_kept(workspace).get(name, version))

    @staticmethod
    def get_by_id(workspace: Workspace, id: str) -> Any:
        """One that was registered, by its id.

        Raises:
            UserErrorException: if there is none.
        """
        kept = _kept(workspace)
        for name in kept.names():
            for version in kept.versions(name):
                found = _of(kept.get(name, version))
                if found.id == id:
                    return found
        raise UserErrorException(f"there is no dataset with the id {id!r}")

    @staticmethod
    def get_all(workspace: Workspace) -> dict[str, Any]:
        """The newest version of each, by name."""
        return {name: Dataset.get_by_name(workspace, name) for name in _kept(workspace).names()}


def deserialize(content: Mapping[str, Any]) -> Any:
    """The reverse of `serialize`."""
    return _of(content)


def _of(content: Mapping[str, Any]) -> _Dataset:
    made = (TabularDataset if content["kind"] == "tabular" else FileDataset)(content["paths"], **content["reading"])
    made.name, made.description, made.tags = content["name"], content["description"], dict(content["tags"])
    made.version = int(content["version"]) if content["version"] is not None else None
    return made


def _kept(workspace: Workspace) -> Numbered:
    return Numbered(workspace._folder / "datasets", "dataset")


def _paths(given: Any) -> list[str]:
    """Absolute paths of what the SDK takes for one: a text, (datastore, path), a DataPath, or a list of these."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Datastore):
        given = DataPath(*given)
    if isinstance(given, DataPath):
        return [str(given.local)]
    if isinstance(given, str | Path):
        if "://" in str(given):
            raise UserErrorException(f"{given}: a file of this machine is expected; nothing is fetched")
        return [str(Path(given).absolute())]
    if isinstance(given, Sequence) and given:
        return [path for one in given for path in _paths(one)]
    raise UserErrorException(f"{given!r} is no path, and no list of paths")


def _matching(pattern: Path) -> list[Path]:
    if pattern.is_file():
        return [pattern]
    if pattern.is_dir():
        return sorted(one for one in pattern.rglob("*") if one.is_file())
    return sorted(one for one in Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))) if one.is_file())
