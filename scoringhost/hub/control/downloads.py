"""What is stored, as it is sent: a file as its bytes, a folder as a tar archive, in pieces that are read as they go."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from scoringhost.http.messages import HttpResponse
from scoringhost.hub.content import PIECE, Content


def sent(content: Content, places: Sequence[Path]) -> HttpResponse:
    """The response with it. places: where the files are, in their order."""
    pieces = _archived(content, places) if content.is_folder else _read(places[0])
    kind = "application/x-tar" if content.is_folder else "application/octet-stream"
    name = f"{content.root}.tar" if content.is_folder else content.root
    headers = [("Content-Type", kind), ("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}")]
    return HttpResponse(200, headers, _beside(pieces))


async def _beside(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece, read on a thread."""
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


def _read(place: Path) -> Iterator[bytes]:
    with place.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _archived(content: Content, places: Sequence[Path]) -> Iterator[bytes]:
    for stored, place in zip(content.files, places, strict=True):
        info = tarfile.TarInfo(stored.path)
        info.size, info.mode = stored.size, 0o755 if stored.is_program else 0o644
        yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        yield from _read(place)
        padding = -stored.size % tarfile.BLOCKSIZE
        if padding:
            yield bytes(padding)
    yield bytes(2 * tarfile.BLOCKSIZE)
