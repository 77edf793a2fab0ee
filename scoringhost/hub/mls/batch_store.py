"""Batches on the disk: what is known of each, and one file for the Result of each of its records.

FOLDER/ID/batch.json, FOLDER/ID/0.json, FOLDER/ID/1.json, ...

They are kept for a day. One that was under way when the hub ended has failed; its results up to there can be read.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoringhost.hub.access import Caller, Role
from scoringhost.hub.errors import BatchNotFound

KEPT_S = 24 * 3600.0
META = "batch.json"
PENDING, IN_PROGRESS, COMPLETE, FAILED = "Pending", "InProgress", "Complete", "Failed"

Result = dict[str, Any]


@dataclass(slots=True)
class Batch:
    """One batch. made_s: when it began, in seconds of the epoch. completed: how many records from the first one on
    are done, without a gap; done: the others that are.
    """

    id: str
    folder: Path
    service: str
    version: str
    who: str
    total: int
    made_s: float
    state: str = PENDING
    completed: int = 0
    done: set[int] = field(default_factory=set)

    def finish(self, index: int) -> None:
        """A record is done: programs take the results for those of the first records, so that gaps must be closed."""
        self.done.add(index)
        while self.completed in self.done:
            self.done.remove(self.completed)
            self.completed += 1


class BatchStore:
    """All of them."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:  # noqa: TID251
        """`clock`: in seconds of the epoch, as they are kept over restarts."""
        self._folder, self._clock = folder, clock
        self._known: dict[str, Batch] = {}
        with suppress(FileNotFoundError):
            for path in sorted(folder.iterdir()):
                self._take_up(path)

    def _take_up(self, folder: Path) -> None:
        try:
            said = json.loads((folder / META).read_text(encoding="utf-8"))
            batch = Batch(folder.name, folder, said["service"], said["version"], said["who"], said["total"],
                          said["made_s"], COMPLETE)  # fmt: skip
        except (OSError, ValueError, KeyError):
            shutil.rmtree(folder, ignore_errors=True)
            return
        for path in folder.glob("[0-9]*.json"):
            batch.finish(int(path.stem))
        if batch.completed < batch.total:
            batch.state = FAILED
        self._known[batch.id] = batch

    def add(self, who: str, service: str, version: str, total: int) -> Batch:
        """A new one."""
        self.forget_old()
        number = str(uuid.uuid4())
        batch = Batch(number, self._folder / number, service, version, who, total, self._clock())
        batch.folder.mkdir(parents=True, mode=0o700)
        said = {"service": service, "version": version, "who": who, "total": total, "made_s": batch.made_s}
        (batch.folder / META).write_text(json.dumps(said), encoding="utf-8")
        self._known[number] = batch
        return batch

    def of(self, caller: Caller, service: str, version: str) -> list[Batch]:
        """Those of a version that the caller has started, or all of it for an owner; the oldest first."""
        self.forget_old()
        return [one for one in self._known.values()
                if (one.service, one.version) == (service, version) and _may_see(caller, one)]  # fmt: skip

    def get(self, caller: Caller, service: str, version: str, number: str) -> Batch:
        """One of them.

        Raises:
            BatchNotFound: if there is none.
        """
        found = next((one for one in self.of(caller, service, version) if one.id == number), None)
        if found is None:
            raise BatchNotFound(f"batch {number!r} of yours for {service}:{version}")
        return found

    def write(self, batch: Batch, index: int, result: bytes) -> None:
        """Keep the Result of a record, whole or not at all."""
        beside = batch.folder / f"{index}.part"
        with suppress(FileNotFoundError):  # it has been cancelled
            beside.write_bytes(result)
            os.replace(beside, batch.folder / f"{index}.json")

    def read(self, batch: Batch, count: int) -> list[Result]:
        """The Results of the first records."""
        return [self._result(batch, index) for index in range(count)]

    def files(self, batch: Batch, index: int) -> dict[str, bytes]:
        """The files that a record has written, of those that the service sends.

        Raises:
            BatchNotFound: if there is no such record, or it is not done yet.
        """
        if not 0 <= index < batch.total:
            raise BatchNotFound(f"record {index} in the batch; it has {batch.total}")
        found = self._result(batch, index)["outputFiles"]
        return {name: base64.b64decode(text) for name, text in found.items() if text is not None}

    def _result(self, batch: Batch, index: int) -> Result:
        try:
            found: Result = json.loads((batch.folder / f"{index}.json").read_bytes())
        except FileNotFoundError:
            raise BatchNotFound(f"result of record {index} yet") from None
        return found

    def forget(self, batch: Batch) -> None:
        """Remove it."""
        self._known.pop(batch.id, None)
        shutil.rmtree(batch.folder, ignore_errors=True)

    def forget_old(self) -> None:
        """Remove what is older than a day, and is not under way."""
        for one in self._old(self._clock()):
            self.forget(one)

    def _old(self, now_s: float) -> Sequence[Batch]:
        # Or they are of the day after: then a clock was put back, and they would stay until it is there again.
        return [
            one for one in self._known.values() if abs(now_s - one.made_s) > KEPT_S and one.state in (COMPLETE, FAILED)
        ]


def _may_see(caller: Caller, batch: Batch) -> bool:
    return caller.role is Role.OWNER or caller.name == batch.who
