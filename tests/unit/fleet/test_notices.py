"""Notices: each is handed to whoever listens for its replica set."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from scoringhost.doors.server.fleet_place import FleetPlace, Notice, Word
from scoringhost.fleet.notices import Notices


def test_each_set_hears_its_own_until_it_is_forgotten() -> None:
    async def play(folder: Path) -> None:
        notices = Notices(folder / "n")
        heard: list[str] = []
        last = asyncio.Event()

        def take_last(notice: Notice) -> None:
            last.set()

        for key in ("1", "2"):
            notices.listen(key, lambda notice: heard.append(f"{notice.key} {notice.text}"))
        notices.listen("last", take_last)
        places = {key: FleetPlace(key, folder, folder / "n", 0) for key in ("1", "2", "3", "last")}
        for key in ("1", "2", "3"):
            places[key].tell(Word.STATUS, "here")
        places["last"].tell(Word.STATUS)
        await asyncio.wait_for(last.wait(), 30)
        assert heard == ["1 here", "2 here"]
        notices.forget("1")
        last.clear()
        for key in ("1", "2", "last"):
            places[key].tell(Word.STATUS, "again")
        await asyncio.wait_for(last.wait(), 30)
        assert heard == ["1 here", "2 here", "2 again"]
        notices.close()
        assert not (folder / "n").exists()

    with tempfile.TemporaryDirectory(prefix="n") as folder:
        asyncio.run(play(Path(folder)))
