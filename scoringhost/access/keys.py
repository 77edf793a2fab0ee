"""Keys: shared secrets that let callers in, from the settings or from files that may change while the host runs."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from scoringhost.errors import SettingsError
from scoringhost.settings import Secret

LOOK_AGAIN_S = 1.0
"""Seconds between two looks at a key file: how late a new key is known, and an old one forgotten."""

SHORT = 16
"""Characters below which a key is warned of: 64 bits of a random hexadecimal text."""

REMEMBERED = 64
"""Texts with a good key that are remembered; whoever has a key can write it with any number of blanks."""

log = logging.getLogger("scoringhost")


class Keys:
    """Finds the name of a key. A file or folder of keys is read again when it has changed.

    A file has one key on each line, alone or after its name and a blank; lines that begin with `#` are comments. In
    a folder, as Kubernetes mounts a secret, every file is a key, and the file's name is the key's.
    """

    def __init__(self, given: Mapping[str, Secret], path: Path | None = None) -> None:
        """Read the keys; `given` are named and stay for good.

        Raises:
            SettingsError: if the path cannot be read or holds no key.
        """
        self._given = {name: _digest(key.reveal()) for name, key in given.items()}
        self._path = path
        self._read: dict[str, bytes] = {}
        self._state: object = None
        self._looked_s = time.monotonic()
        for name, key in given.items():
            _warn_if_short(name, key.reveal())
        if path is not None:
            try:
                self._state = _state_of(path)
                self._read = _keys_in(path)
            except (OSError, ValueError) as problem:
                raise SettingsError("keys_file", str(path), str(problem)) from None
        self._in_force = self._all()
        self._remembered: dict[str, str] = {}
        self.remembered: Callable[[str], str | None] = self._remembered.get if path is None else self._still_remembered
        """Gives the name of the key in a text in which a good one has been sent before; None if it has not.

        Making a digest takes longer than all else that is done with a key. Here nothing is compared that a guess could
        come near to: a dictionary compares texts only if their hashes are the same, all 64 bits of them.
        """

    def _still_remembered(self, sent: str) -> str | None:
        assert self._path is not None
        self._look_again(self._path)
        return self._remembered.get(sent)

    def name_of(self, key: str, sent: str = "") -> str | None:
        """The name of a key; None if it is none of ours.

        sent: the text that it came in, by which a good key is remembered until the keys change.

        Takes the same time whichever key it is, if any: all are compared, and what is compared are digests of one
        length.
        """
        if self._path is not None:
            self._look_again(self._path)
        # Taken before the keys are: if another thread changes both meanwhile, an old key is not kept with the new ones.
        remembered = self._remembered
        digest = _digest(key)
        found = None
        for name, known in self._in_force:
            if compare_digest(digest, known):
                found = name
        if found is not None and sent and len(remembered) < REMEMBERED:
            remembered[sent] = found
        return found

    def _all(self) -> tuple[tuple[str, bytes], ...]:
        return (*self._given.items(), *self._read.items())

    def _look_again(self, path: Path) -> None:
        """Read the keys anew if they have changed; while they cannot be read, those that were known last hold."""
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_AGAIN_S:
            return
        self._looked_s = now_s
        try:
            state = _state_of(path)
            if state == self._state:
                return
            self._read = _keys_in(path)
        except (OSError, ValueError) as problem:
            log.warning("The keys in %s cannot be read; those read before still hold: %s", path, problem)
            return
        self._state, self._in_force, self._remembered = state, self._all(), {}
        log.info("The keys in %s have changed; in force: %s", path, ", ".join([*self._given, *self._read]))


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or those of a folder but for hidden ones, such as Kubernetes' `..data`."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.iterdir()):
        if not file.name.startswith(".") and file.is_file():
            yield file


def _state_of(path: Path) -> list[tuple[str, int, int, int]]:
    """What changes when a file is written or replaced, or its link is turned."""
    found = []
    for file in _files(path):
        status = os.stat(file)
        found.append((file.name, status.st_ino, status.st_mtime_ns, status.st_size))
    return found


def _keys_in(path: Path) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    is_folder = path.is_dir()
    for file in _files(path):
        text = file.read_text(encoding="utf-8")
        named = [(file.name, text.strip())] if is_folder else list(_lines(text))
        for name, key in named:
            if not key:
                continue
            if name in keys:
                raise ValueError(f"two keys are named {name!r}")
            _warn_if_short(name, key)
            keys[name] = _digest(key)
    if not keys:
        raise ValueError("it holds no key")
    return keys


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) > 2:
            raise ValueError(f"line {number}: expected a key, or a name and a key, got {len(words)} words")
        yield (words[0] if len(words) == 2 else f"key {number}"), words[-1]


def _warn_if_short(name: str, key: str) -> None:
    if len(key) < SHORT:
        log.warning(
            "The key named %s has %d characters, which can be guessed; give it %d or more", name, len(key), SHORT
        )
