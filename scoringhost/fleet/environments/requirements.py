"""A requirements.txt: what it installs, as lines that mean the same from elsewhere, and a digest of all it says.

pip and uv differ in what a relative path in such a file is relative to (pypa/pip#3772, astral-sh/uv#21016), so paths
are made absolute: those in the file's own folder, as one who runs `pip install -r` there would have it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from scoringhost._version import __version__
from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.probe import PACKAGE
from scoringhost.packaging.environment import STOOD_IN_FOR
from scoringhost.packaging.requirement_lines import package_named, requirement_in

_OPTION = re.compile(
    r"(?P<option>-r|--requirement|-c|--constraint|-e|--editable|-f|--find-links)(?P<between>[ =]*)(?P<value>[^\s#\[]+)"
)
_PATH = re.compile(r"(?P<value>[^\s#;\[]+)")
_FILE_URL = re.compile(r"file:[^\s#;]+")
_MORE_LINES = ("-r", "--requirement", "-c", "--constraint")
_ARCHIVES = (".whl", ".zip", ".tar.gz")
_LEFT_OUT_FOLDERS = ("__pycache__", "build", "dist")
"""Of a folder with a project: what installing it makes there."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """Lines for pip or uv.

    `extras`: the parts of scoringhost that are asked for. `notes`: what was changed on the way, for the user.
    """

    lines: Sequence[str]
    digest: str
    extras: frozenset[str] = frozenset()
    notes: Sequence[str] = ()

    @property
    def has_hashes(self) -> bool:
        """Whether a line says what digest its file must have; pip then wants that of all."""
        return any("--hash=" in line for line in self.lines)


def read_requirements(path: Path) -> Requirements:
    """Read a requirements.txt.

    Raises:
        EnvironmentFailed: if it, or a file that it includes, cannot be read.
    """
    return requirements_of(_read(path).splitlines(), path.parent)


def requirements_of(lines: Sequence[str], folder: Path) -> Requirements:
    """Read lines of a requirements.txt that is in a folder; see `read_requirements`."""
    kept, notes = [], []
    extras: set[str] = set()
    for line in lines:
        name = package_named(line)
        if name in STOOD_IN_FOR:
            notes.append(f"{line.strip()} is left out: scoringhost stands in for it")
        elif name == PACKAGE:
            extras |= _extras_of_ours(line)
        else:
            kept.append(_absolute(line, folder))
    digest = hashlib.sha256()
    for said in _contents(kept, folder, set()):
        digest.update(hashlib.sha256(said).digest())
    digest.update(repr(sorted(extras)).encode())
    return Requirements(kept, digest.hexdigest(), frozenset(extras), notes)


def _extras_of_ours(line: str) -> set[str]:
    """What a line that names scoringhost asks for of it; the package is the one that is running, and no index's.

    pip would look for `scoringhost[grpc]` in an index, although it is told where scoringhost is.
    """
    requirement = requirement_in(line)
    assert requirement is not None
    if not requirement.specifier.contains(__version__, prereleases=True):
        raise EnvironmentFailed(f"{line.strip()} is asked for, but scoringhost {__version__} is running: let it go")
    return requirement.extras


def _absolute(line: str, folder: Path) -> str:
    """The line with its path, if it has one, made absolute."""
    text = line.strip()
    found = _OPTION.match(text) or _PATH.match(text)
    path = _path_in(text, folder)
    if found is None or path is None or _FILE_URL.search(text):
        return line
    return text[: found.start("value")] + str(path) + text[found.end("value") :]


def _path_in(line: str, folder: Path) -> Path | None:
    """The file or folder of this machine that a line names, if it does."""
    text = line.strip()
    option = _OPTION.match(text)
    if option is not None:
        if ":" in option["value"]:  # a URL, or git+https://
            return None
        return Path(os.path.normpath(folder / option["value"]))
    url = _FILE_URL.search(text)
    if url is not None:
        return Path(unquote(urlparse(url[0]).path))
    first = _PATH.match(text)
    if first is None:
        return None
    path = Path(os.path.normpath(folder / first["value"]))
    looks_like_one = first["value"].startswith(".") or os.sep in first["value"] or path.name.endswith(_ARCHIVES)
    return path if looks_like_one and path.exists() else None


def _contents(lines: Sequence[str], folder: Path, seen: set[Path]) -> Iterator[bytes]:
    """All that decides what the lines install: themselves without comments, and the content of what they name.

    What an index has, or a folder of --find-links, is no part of it: new versions there make no new environment.
    """
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        option = _OPTION.match(text)
        kind = option["option"] if option is not None else ""
        path = _path_in(text, folder)
        if kind in _MORE_LINES and path is not None:
            yield kind.encode()
            if path not in seen:
                seen.add(path)
                yield from _contents(_read(path).splitlines(), path.parent, seen)
        elif path is not None and path.is_file():
            yield path.name.encode()
            yield _bytes(path)
        else:
            # A project that is installed to be edited is the one at that place, whatever others hold.
            yield text.encode()
            if path is not None and kind not in ("-f", "--find-links"):
                yield from _project(path)


def _project(folder: Path) -> Iterator[bytes]:
    """The files of a folder that is installed as it is."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if _is_source(one))
        for name in sorted(files):
            path = Path(place, name)
            if path.is_file():
                yield path.relative_to(folder).as_posix().encode()
                yield _bytes(path)


def _is_source(name: str) -> bool:
    return not name.startswith(".") and name not in _LEFT_OUT_FOLDERS and not name.endswith(".egg-info")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise EnvironmentFailed(f"{path} cannot be read: {problem}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise EnvironmentFailed(f"{path} cannot be read: {problem.strerror}") from None
