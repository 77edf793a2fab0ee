"""Sessions: where a client puts the objects of a service before it publishes it; and snapshots of them.

Clients crash before they close theirs: a session and a snapshot are forgotten after an hour, and all when the hub ends.
What a service was published with it has kept for itself by then.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scoringhost.hub.errors import SessionNotFound, ValueRefused
from scoringhost.hub.mls.definition import require_identifier

KEPT_S = 3600.0
MOST_EACH = 20
"""Sessions, and snapshots, that one user may have; of more, his oldest is forgotten."""
MOST_OBJECTS = 1000
MOST_BYTES = 4 * 1024**3
"""Bytes of the objects of one session."""


@dataclass(slots=True)
class Session:
    """A session, or a snapshot of one: objects by name, in a folder of its own.

    python: the version of Python that they are pickled by; None if nobody has said it.
    """

    id: str
    kind: str
    who: str
    folder: Path
    made_s: float
    python: str | None = None
    sizes: dict[str, int] = field(default_factory=dict)

    def objects(self) -> Mapping[str, Path]:
        """The files of its objects by name."""
        return {name: self.folder / f"{name}.dill" for name in self.sizes}


class Sessions:
    """All of them."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """`folder`: where they are; what is in it is removed. clock: in seconds."""
        self._folder, self._clock = folder, clock
        self._known: dict[str, Session] = {}
        shutil.rmtree(folder, ignore_errors=True)

    def add(self, who: str, kind: str = "session", python: str | None = None) -> Session:
        """A new one."""
        self._forget_old()
        own = [one for one in self._known.values() if (one.who, one.kind) == (who, kind)]
        for one in own[: max(0, len(own) - MOST_EACH + 1)]:
            self._forget(one)
        number = str(uuid.uuid4())
        session = Session(number, kind, who, self._folder / number, self._clock(), python)
        session.folder.mkdir(parents=True, mode=0o700)
        self._known[number] = session
        return session

    def get(self, who: str, number: str, kind: str = "session") -> Session:
        """One that this user has made.

        Raises:
            SessionNotFound: if there is none.
        """
        self._forget_old()
        found = self._known.get(number)
        if found is None or found.who != who or found.kind != kind:
            raise SessionNotFound(kind, number)
        return found

    def put(self, session: Session, name: str, data: bytes) -> None:
        """Keep an object, over another of its name.

        Raises:
            NameRefused: if it cannot be a name in Python.
            ValueRefused: if there are too many, or they are too large.
        """
        require_identifier(name, "object")
        others = sum(size for key, size in session.sizes.items() if key != name)
        if others + len(data) > MOST_BYTES or len(session.sizes) >= MOST_OBJECTS:
            raise ValueRefused("object", f"at most {MOST_OBJECTS} objects of {MOST_BYTES} bytes in a session", name)
        path = session.folder / f"{name}.dill"
        path.unlink(missing_ok=True)  # a snapshot may have the one before
        path.write_bytes(data)
        session.sizes[name] = len(data)

    def snapshot(self, session: Session) -> Session:
        """What is in it now, as a snapshot."""
        made = self.add(session.who, "snapshot", session.python)
        for name, path in session.objects().items():
            os.link(path, made.folder / path.name)
            made.sizes[name] = session.sizes[name]
        return made

    def delete(self, who: str, number: str, kind: str = "session") -> None:
        """Forget one.

        Raises:
            SessionNotFound: if there is none.
        """
        self._forget(self.get(who, number, kind))

    def _forget_old(self) -> None:
        oldest_s = self._clock() - KEPT_S
        for one in [one for one in self._known.values() if one.made_s <= oldest_s]:
            self._forget(one)

    def _forget(self, session: Session) -> None:
        self._known.pop(session.id, None)
        shutil.rmtree(session.folder, ignore_errors=True)
