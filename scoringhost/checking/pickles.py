"""Models that another version of scikit-learn has pickled; the files are searched, never unpickled."""

from __future__ import annotations

import bz2
import gzip
import importlib.metadata
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from scoringhost.checking.findings import Finding, Severity

SUFFIXES = frozenset({".pkl", ".pickle", ".joblib", ".sav"})
MOST_BYTES = 1 << 30
"""Of one file, unpacked."""
CHUNK_BYTES = 1 << 20
OVERLAP_BYTES = 64

# The key of the state, perhaps an opcode that memoizes it, and the opcode of a text with its length.
_VERSION = re.compile(rb"_sklearn_version(?:\x94|q.|r....)?(?:\x8c(?P<short>.)|X(?P<long>.)\x00\x00\x00)", re.DOTALL)


def foreign_versions(folders: Iterable[Path]) -> Iterable[Finding]:
    """Pickles among these files, and in these folders, that another version of scikit-learn has written."""
    installed = installed_version()
    for path in _pickles(folders):
        written = sklearn_version(path)
        if written is None or written == installed:
            continue
        if installed is None:
            message = f"{path.name} was written by scikit-learn {written}, which is not installed"
            yield Finding(Severity.ERROR, "pickle-version", message, f"pip install scikit-learn=={written}", path)
            continue
        differs = _release(written) != _release(installed)
        yield Finding(
            Severity.WARNING if differs else Severity.HINT,
            "pickle-version",
            f"{path.name} was written by scikit-learn {written}, and {installed} is installed; "
            "it may not load, or predict something else",
            f"pip install scikit-learn=={written}, or train and save the model again.",
            path,
        )


def installed_version() -> str | None:
    """The installed version of scikit-learn."""
    try:
        return importlib.metadata.version("scikit-learn")
    except importlib.metadata.PackageNotFoundError:
        return None


def sklearn_version(path: Path) -> str | None:
    """The version of scikit-learn that a pickle names, packed or not; None if it names none."""
    rest = b""
    try:
        for chunk in _unpacked(path):
            content = rest + chunk
            found = _VERSION.search(content)
            if found is not None:
                end = found.end() + (found["short"] or found["long"])[0]
                if end <= len(content):
                    return content[found.end() : end].decode("ascii", "replace")
            rest = content[-OVERLAP_BYTES:]
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return None  # it cannot be read; init() will say so
    return None


def _release(version: str) -> list[str]:
    return version.split(".")[:2]


def _pickles(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in dict.fromkeys(folders):
        if folder.is_file() and folder.suffix in SUFFIXES:  # a model that is served itself
            yield folder
        elif folder.is_dir():
            yield from sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def _unpacked(path: Path) -> Iterator[bytes]:
    """The content in pieces; of a file that joblib has compressed, what was compressed."""
    with path.open("rb") as probe:
        start = probe.read(6)
    opener = next((opener for magic, opener in _OPENERS if start.startswith(magic)), None)
    if opener is None and start[:1] == b"\x78" and len(start) > 1 and int.from_bytes(start[:2], "big") % 31 == 0:
        yield from _inflated(path)
        return
    with opener(path) if opener else path.open("rb") as stream:
        for _ in range(0, MOST_BYTES, CHUNK_BYTES):
            chunk = stream.read(CHUNK_BYTES)
            if not chunk:
                return
            yield chunk


_OPENERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))


def _inflated(path: Path) -> Iterator[bytes]:
    """The content of a file in zlib's format, which is what joblib's compress=3 writes."""
    unpack = zlib.decompressobj()
    with path.open("rb") as stream:
        for _ in range(0, MOST_BYTES, CHUNK_BYTES):
            chunk = stream.read(CHUNK_BYTES)
            if not chunk:
                return
            yield unpack.decompress(chunk)
