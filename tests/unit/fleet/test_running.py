"""A fleet as a whole, with stand-ins for what it starts."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from scoringhost.fleet.channel import CallFailed, Method
from scoringhost.fleet.routing import State
from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.running import RunningFleet
from scoringhost.fleet.supervisor import Supervisor
from scoringhost.settings import Settings
from tests.unit.fleet.stand_ins import FrontsStandIn, SetsStandIn


class Nowhere:
    def write(self, text: str) -> None:
        pass


class Sets(SetsStandIn):
    async def close(self) -> None:
        pass


class Fronts(FrontsStandIn):
    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def kill(self) -> None:
        pass


class Parts:
    """Starts nothing."""

    def sets(self, run: RunFolder, supervisor: Callable[[], Supervisor]) -> Sets:
        return Sets()

    def fronts(
        self, run: RunFolder, supervisor: Callable[[], Supervisor], methods: Callable[[], Mapping[str, Method]]
    ) -> Fronts:
        return Fronts()


@pytest.fixture
def run() -> Iterator[RunFolder]:
    with tempfile.TemporaryDirectory(prefix="run", dir="/tmp") as place:
        run = RunFolder(Path(place))
        run.take(Path("/services"))
        yield run
        run.leave()


def test_a_folder_that_cannot_be_read_any_more_ends_no_service(
    run: RunFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "services"
    (folder / "wine").mkdir(parents=True)
    (folder / "wine" / "score.py").write_text("def run(raw_data):\n    return 1\n")

    async def act() -> None:
        fleet = RunningFleet(Settings(), folder, run, Parts(), Nowhere(), cores=2, url="")
        await fleet.read_folder_again()
        folder.rename(tmp_path / "elsewhere")
        await fleet.read_folder_again()
        assert fleet.supervisor.lives["wine", ""].state is State.READY
        with pytest.raises(CallFailed, match="the folder of services cannot be read"):
            await fleet.control.reload("wine")
        (tmp_path / "elsewhere").rename(folder)
        await fleet.control.reload("wine")
        await fleet.supervisor.end()

    asyncio.run(act())
    assert "cannot be read, and what runs goes on: No such file or directory" in caplog.text
