"""A disk without room in the midst of each kind of work: that is said, and nothing is half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scoringhost.hub.errors import DiskFull, HomeUnusable
from scoringhost.hub.home import Home
from scoringhost.hub.registry import Registry
from scoringhost.hub.soundness import back_up, check
from tests.small_disk import SmallDisk
from tests.unit.hub.control.conftest import Act, HubWorld

MIB = 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "disk")
    yield made
    made.unmount()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * 6 * MIB)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.bin"
    path.write_bytes(b"y" * 300_000)
    return path


def require_nothing_left(home: Home) -> None:
    assert list(home.arriving.iterdir()) == []
    found = check(home)
    assert (found.problems, found.unnamed) == ((), 0)


def test_a_model_that_does_not_fit_leaves_nothing(disk: SmallDisk, large: Path, small: Path) -> None:
    with Home(disk.path / "hub") as home:
        with pytest.raises(DiskFull, match="no room left"):
            Registry(home).register("wine", large)
        require_nothing_left(home)
        assert Registry(home).register("wine", small).version == 1
        require_nothing_left(home)


def test_a_model_that_cannot_be_written_down_leaves_nothing(disk: SmallDisk, small: Path) -> None:
    home = Home(disk.path / "hub")
    Registry(home).register("wine", small)
    small.write_bytes(b"z" * 300_000)
    disk.fill(free=304_000)
    with pytest.raises(DiskFull, match="no room left"), home:
        Registry(home).register("wine", small, tags={"long": "x" * 100_000})
    disk.free()
    with Home(disk.path / "hub") as home:
        require_nothing_left(home)
        assert [one.id for one in Registry(home).find()] == ["wine:1"]
        assert Registry(home).register("wine", small).version == 2


def test_a_download_that_does_not_fit_leaves_nothing(disk: SmallDisk, large: Path, tmp_path: Path) -> None:
    with Home(tmp_path / "hub") as home:
        Registry(home).register("wine", large)
        with pytest.raises(DiskFull, match=str(disk.path / "out")):
            Registry(home).download("wine", 1, disk.path / "out")
    assert list((disk.path / "out").iterdir()) == []


def test_a_backup_that_does_not_fit_leaves_nothing(disk: SmallDisk, large: Path, tmp_path: Path) -> None:
    with Home(tmp_path / "hub") as home:
        Registry(home).register("wine", large)
        with pytest.raises(DiskFull, match=str(disk.path / "copy")):
            back_up(home, disk.path / "copy")
        assert list(disk.path.iterdir()) == []
        disk.fill()
        with pytest.raises(DiskFull):
            back_up(home, disk.path / "deep" / "copy")
        assert list((disk.path / "deep").iterdir()) == []


@pytest.fixture
def in_small_hub(disk: SmallDisk) -> Callable[[Act], None]:
    def in_small_hub(act: Act) -> None:
        async def life() -> None:
            (disk.path / "world").mkdir()
            world = HubWorld(disk.path / "world")
            await asyncio.gather(*await world.hub.start())
            try:
                await act(world)
            finally:
                await world.hub.end()
                await world.supervisor.end()

        asyncio.run(life())

    return in_small_hub


def test_a_hub_says_that_the_disk_is_full_and_goes_on(
    in_small_hub: Callable[[Act], None], disk: SmallDisk, large: Path
) -> None:
    async def act(world: HubWorld) -> None:
        assert (await world.deploy()).status == 201
        disk.fill()
        for method, target, body in (
            ("POST", "/models/m", {"path": str(large)}),
            ("POST", "/services/beer/versions?wait=30", {"path": str(large.parent / "app")}),
            ("PATCH", "/services/wine/versions/1?wait=30", {"settings": {"threads": 2}}),
            ("POST", "/services/wine/versions?wait=30", {"path": str(large)}),
        ):
            (large.parent / "app").mkdir(exist_ok=True)
            (large.parent / "app" / "score.py").write_text("def run(data):\n    return data\n" * 3000)
            answer = await world.call(method, target, body)
            assert (answer.status, answer.error["code"]) == (507, "disk_full"), (method, target, answer.body)
        assert [one["name"] for one in (await world.call("GET", "/services")).body["services"]] == ["wine"]
        assert (await world.call("GET", "/services/wine")).body["state"] == "ready"
        disk.free()
        assert (
            await world.call("PATCH", "/services/wine/versions/1?wait=30", {"settings": {"threads": 2}})
        ).status == 200
        assert (await world.deploy("beer")).status == 201
        await world.until(lambda: not world.hub._tasks)
        with Home(world.home) as home:
            require_nothing_left(home)

    in_small_hub(act)


@pytest.mark.parametrize("name", ["beer", "wine"])
def test_a_deployment_whose_end_cannot_be_written_down_is_taken_back_when_there_is_room(
    name: str, in_small_hub: Callable[[Act], None], disk: SmallDisk
) -> None:
    async def act(world: HubWorld) -> None:
        await world.deploy()
        before = world.last
        world.sets.at_once = False
        body = {"version": "1", "path": world.app_folder()}
        answer = asyncio.create_task(world.call("POST", f"/services/{name}/versions?wait=30", body))
        await world.until(lambda: world.last is not before and world.last.is_started)
        disk.fill()
        world.sets.at_once = True
        world.last.becomes_ready()
        assert (await answer).error["code"] == "disk_full"
        disk.free()
        await world.until(lambda: not world.hub._tasks)
        shown = (await world.call("GET", "/services")).body["services"]
        assert [one["name"] for one in shown] == ["wine"]
        versions = [(one["version"], one["state"], one["deployment"]["id"]) for one in shown[0]["versions"]]
        assert versions == [("1", "ready", 1)]
        assert world.supervisor.lives["wine", "1"].spec.folder == before.spec.folder
        assert (await world.deploy(name, version="1")).status == 201
        await world.until(lambda: not world.hub._tasks)
        with Home(world.home) as home:
            require_nothing_left(home)

    in_small_hub(act)


def test_a_home_that_nobody_may_write_to_is_said(disk: SmallDisk, small: Path) -> None:
    with Home(disk.path / "hub") as home:
        Registry(home).register("wine", small)
        home.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    disk.let_nobody_write()
    with pytest.raises(HomeUnusable, match="[Rr]ead-?only|unable to open"):
        Home(disk.path / "hub")
    with pytest.raises(HomeUnusable, match="[Rr]ead-only"):
        Home(disk.path / "another")
