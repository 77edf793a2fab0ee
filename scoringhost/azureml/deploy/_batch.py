"""Batch: many calls of a service in the background; BatchResponse: how far they are, and what they have given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scoringhost.azureml.common import HttpClient
from scoringhost.azureml.deploy._encoding import encoded
from scoringhost.azureml.deploy._response import ServiceResponse


def records_of(inputs: Sequence[Mapping[str, str]], records: Any) -> list[dict[str, Any]]:
    """Records as JSON has them, from a DataFrame, a dict of lists or a list of dicts.

    Columns that are no input are left out; in a list of dicts they are a mistake.

    Raises:
        ValueError: if there is none, or one does not fit the inputs; names it.
    """
    if isinstance(records, list | tuple):
        rows: list[Any] = list(records)
    else:
        rows = _rows_of(inputs, records)
    if not rows:
        raise ValueError("records: there is none")
    found = []
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ValueError(f"records[{at}]: a dict of inputs is expected, not a {type(row).__name__}")
        try:
            found.append(encoded(inputs, row))
        except ValueError as problem:
            raise ValueError(f"records[{at}]: {problem}") from None
    return found


def _rows_of(inputs: Sequence[Mapping[str, str]], records: Any) -> list[dict[str, Any]]:
    is_table = hasattr(records, "columns")
    if not is_table and not isinstance(records, Mapping):
        kind = type(records).__name__
        raise ValueError(f"records: a DataFrame, a dict of lists or a list of dicts is expected, not a {kind}")
    names = [one["name"] for one in inputs]
    if not names:
        raise ValueError("records: the service has no inputs; give a list with an empty dict for each call")
    columns: dict[str, list[Any]] = {}
    for name in names:
        if name not in records:
            raise ValueError(f"records: input {name!r} is missing")
        columns[name] = list(records[name])
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise ValueError(f"records: all inputs must have one length; they have {shown}")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


class Batch:
    """Many calls of one service. records: their inputs, as JSON has them; execution_id: None until it is started."""

    def __init__(
        self,
        http_client: HttpClient,
        api: str,
        output_schema: list[dict[str, str]],
        records: list[dict[str, Any]] | None = None,
        parallel_count: int = 10,
        execution_id: str | None = None,
    ) -> None:
        """api: the path of the service.

        Raises:
            ValueError: if parallel_count is below 1.
        """
        if isinstance(parallel_count, bool) or not isinstance(parallel_count, int) or parallel_count < 1:
            raise ValueError(f"parallel_count: a whole number of 1 or more is expected, not {parallel_count!r}")
        self._http, self._service_api, self._outputs = http_client, api, output_schema
        self.api = f"{api}/batch"
        self.records: list[dict[str, Any]] = records or []
        self.parallel_count = parallel_count
        self.execution_id = execution_id

    def start(self) -> Batch:
        """Have the server score the records; returns at once, with this object. Twice starts it once."""
        if self.execution_id is None:
            answer = self._http.post(self.api, params={"parallelCount": self.parallel_count}, json=self.records)
            self.execution_id = answer.json()["BatchExecutionId"]
        return self

    def results(self, show_partial_results: bool = True) -> BatchResponse | None:
        """How far it is, with the results of the first records that are done; None before `start()`.

        show_partial_results: False leaves results out until all are done.
        """
        if self.execution_id is None:
            return None
        shown = "true" if show_partial_results else "false"
        found = self._http.get(self._path(), params={"showPartialResult": shown}).json()
        return BatchResponse(self._service_api, self.execution_id, found, self._outputs)

    def cancel(self) -> None:
        """End it, and have its results removed.

        Raises:
            ValueError: if it was not started.
        """
        self._http.delete(self._path())

    def list_artifacts(self, index: int) -> list[str]:
        """The names of the files that a record has written. index: of the record, from 0 on.

        Raises:
            ValueError: if it was not started.
        """
        found: list[str] | None = self._http.get(f"{self._path()}/{index}/files").json()
        return found or []

    def artifact(self, index: int, file_name: str) -> bytes:
        """A file that a record has written.

        Raises:
            ValueError: if it was not started.
            HttpException: if there is no such file.
        """
        return self._http.get(f"{self._path()}/{index}/files/{quote(file_name, safe='')}").content

    def download(self, index: int, file_name: str | None = None, destination: str | Path | None = None) -> list[str]:
        """Write a file of a record, or all of its files, into a folder; returns their paths.

        destination: the folder; the current one if it is not named.

        Raises:
            ValueError: if there is no such folder, or it was not started.
        """
        folder = Path.cwd() if destination is None else Path(destination)
        if not folder.is_dir():
            raise ValueError(f"destination: there is no folder {str(folder)!r}")
        names = self.list_artifacts(index) if file_name is None else [file_name]
        paths = []
        for name in names:
            # A server's names are not trusted with where they are written to.
            if Path(name).name != name:
                raise ValueError(f"file_name: {name!r} is not the plain name of a file")
            path = folder / name
            path.write_bytes(self.artifact(index, name))
            paths.append(str(path))
        return paths

    def _path(self) -> str:
        if self.execution_id is None:
            raise ValueError("the batch was not started: execution_id is None")
        return f"{self.api}/{self.execution_id}"

    def __str__(self) -> str:
        names = ("api", "execution_id", "parallel_count")
        shown = [f"    {name}: {getattr(self, name)}" for name in names]
        return "\n".join(["<Batch>", *shown, f"    records: {len(self.records)}"])

    __repr__ = __str__


class BatchResponse:
    """How far a batch is.

    state: Pending, InProgress, Ready, Complete or Failed. completed_item_count: how many of the first records are
    done, whose results `execution` gives; total_item_count: of all records.
    """

    def __init__(
        self, api: str, execution_id: str, response: Mapping[str, Any], output_schema: list[dict[str, str]]
    ) -> None:
        """api: the path of the service. response: what the server has answered."""
        self.api, self.execution_id = api, execution_id
        self.state: str = response["state"]
        self.completed_item_count: int = response["completedItemCount"]
        self.total_item_count: int = response["totalItemCount"]
        self._results: list[Mapping[str, Any]] = response.get("batchExecutionResults") or []
        self._outputs = output_schema

    def execution(self, index: int) -> ServiceResponse:
        """What a record has given.

        Raises:
            IndexError: if it is not done yet, or there is no such record.
        """
        count = len(self._results)
        if not -count <= index < count:
            raise IndexError(f"record {index}: there are the results of {count} records of {self.total_item_count}")
        return ServiceResponse(self.api, self._results[index], self._outputs)

    def __str__(self) -> str:
        names = ("api", "execution_id", "completed_item_count", "total_item_count", "state")
        return "\n".join(["<BatchResponse>", *(f"    {name}: {getattr(self, name)}" for name in names)])

    __repr__ = __str__
