"""Where objects are put before what they belong to is published."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from scoringhost.azureml.common import HttpClient, HttpException

BYTES = {"Content-Type": "application/octet-stream"}


@contextlib.contextmanager
def snapshot_of(http: HttpClient, objects: Mapping[str, bytes]) -> Iterator[dict[str, str]]:
    """A snapshot of these objects, as a request names it, for as long as it takes to publish with it.

    Without objects there is none, and none is needed.

    Raises:
        HttpException: if the server refuses one of them; nothing is left there then.
    """
    if not objects:
        yield {}
        return
    with contextlib.ExitStack() as stack:
        asked = {"runtimeType": "Python", "pythonVersion": ".".join(platform.python_version_tuple()[:2])}
        session = http.post("/sessions", json=asked).json()["sessionId"]
        stack.callback(_forget, http, f"/sessions/{session}")
        for name, data in objects.items():
            http.post(f"/sessions/{session}/workspace/{quote(name, safe='')}", data=data, headers=BYTES)
        snapshot = http.post(f"/sessions/{session}/snapshot", json={"name": None}).json()["snapshotId"]
        stack.callback(_forget, http, f"/snapshots/{snapshot}")
        yield {"snapshotId": snapshot}


def _forget(http: HttpClient, path: str) -> None:
    # The server forgets it by itself after an hour: what was to be done is not undone for that.
    with contextlib.suppress(HttpException):
        http.delete(path)
