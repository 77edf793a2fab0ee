"""The environments of a fleet, made beside its event loop."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from scoringhost.fleet.environments import EnvironmentFailed, Environments, Interpreter, cached

LIMIT_S = 300.0

Play = Callable[[Environments], Awaitable[None]]


class Fleet:
    """Environments over an empty cache; `news` is what they have said."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder, self.cache, self.news = folder, folder / "cache", list[str]()
        self._environ = environ

    def play(self, scene: Play) -> None:
        async def run() -> None:
            environments = Environments(self.cache, self._environ, tell=self.news.append)
            try:
                await asyncio.wait_for(scene(environments), LIMIT_S)
            finally:
                await environments.close()

        asyncio.run(run())

    def file(self, name: str, *lines: str) -> str:
        (self.folder / name).write_text("\n".join([*lines, ""]))
        return name


@pytest.fixture
def fleet(tmp_path: Path, environ: dict[str, str]) -> Iterator[Fleet]:
    yield Fleet(tmp_path, environ)
    # Whatever a builder has started is in its process group, and ends with it.
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in _content(path)]
    assert left == []


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def slow_uv(folder: Path) -> Path:
    """A uv in the place of the real one, which says when it runs and then takes for ever."""
    program, started = folder / "programs" / "uv", folder / "started"
    program.unlink()
    os.mkfifo(started)
    program.write_text(f"#!/bin/sh\n# {folder}\necho x > {started}\nexec sleep 1000\n")
    program.chmod(0o755)
    return started


def test_none_is_this_python(fleet: Fleet) -> None:
    async def scene(environments: Environments) -> None:
        found = await environments.interpreter(None, fleet.folder)
        assert found == Interpreter(Path(sys.executable), {})

    fleet.play(scene)


@pytest.mark.slow
def test_those_that_ask_for_the_same_at_once_share_it_and_it_is_in_use_until_the_end(fleet: Fleet) -> None:
    name = fleet.file("requirements.txt", "ours==1.0")

    async def scene(environments: Environments) -> None:
        first, second, own = await asyncio.gather(
            environments.interpreter(name, fleet.folder),
            environments.interpreter(f"../{fleet.folder.name}/{name}", fleet.folder),
            environments.interpreter(sys.executable, fleet.folder),
        )
        assert first == second
        assert first.environ["VIRTUAL_ENV"] == str(first.python.parent.parent)
        assert own.python == Path(sys.executable)
        assert [one.in_use for one in cached(fleet.cache)] == [True]

    fleet.play(scene)
    assert [one.in_use for one in cached(fleet.cache)] == [False]
    assert len([line for line in fleet.news if "was made in" in line]) == 1
    assert all(line.startswith(f"environment {fleet.folder}/requirements.txt: ") for line in fleet.news)


@pytest.mark.slow
def test_a_failure_names_the_environment_and_the_next_try_is_a_new_one(fleet: Fleet) -> None:
    name = fleet.file("requirements.txt", "no-such-package")

    async def scene(environments: Environments) -> None:
        with pytest.raises(EnvironmentFailed, match=r"(?s)^environment .*requirements\.txt: .*no-such-package"):
            await environments.interpreter(name, fleet.folder)
        fleet.file("requirements.txt", "ours")
        assert (await environments.interpreter(name, fleet.folder)).python.is_file()

    fleet.play(scene)


@pytest.mark.parametrize("how", ["close", "cancel"])
def test_a_making_that_nobody_waits_for_any_more_is_given_up_and_leaves_nothing(fleet: Fleet, how: str) -> None:
    name = fleet.file("requirements.txt", "ours")
    started = slow_uv(fleet.folder)

    async def scene(environments: Environments) -> None:
        asking = [asyncio.create_task(environments.interpreter(name, fleet.folder)) for _ in range(2)]
        await asyncio.to_thread(started.read_text)
        if how == "cancel":
            asking[0].cancel()
            await asyncio.wait(asking[:1])
            assert not asking[1].done()
            asking[1].cancel()
        await environments.close()
        await asyncio.wait(asking)
        assert all(task.cancelled() for task in asking)

    fleet.play(scene)
    assert [path.name for path in fleet.cache.iterdir()] == ["locks"]


def test_the_loop_goes_on_while_an_environment_is_made(fleet: Fleet) -> None:
    name = fleet.file("requirements.txt", "ours")
    started = slow_uv(fleet.folder)

    async def scene(environments: Environments) -> None:
        asking = asyncio.create_task(environments.interpreter(name, fleet.folder))
        await asyncio.to_thread(started.read_text)
        # It is made on and on, and others are served meanwhile.
        assert (await environments.interpreter(sys.executable, fleet.folder)).python == Path(sys.executable)
        assert not asking.done()

    fleet.play(scene)


@pytest.mark.drill
def test_two_services_have_two_versions_of_a_package_from_an_index_at_once(tmp_path: Path) -> None:
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path / "six"), "six==1.16"]
    if subprocess.run(download, check=False).returncode != 0:
        pytest.skip("no index of packages can be reached")
    fleet = Fleet(tmp_path, dict(os.environ))
    names = [fleet.file("old.txt", "six==1.16"), fleet.file("new.txt", "six==1.17")]

    async def scene(environments: Environments) -> None:
        found = await asyncio.gather(*(environments.interpreter(name, tmp_path) for name in names))
        program = "import six, numpy, scoringhost.doors.server; print(six.__version__)"
        seen = [subprocess.check_output([one.python, "-I", "-c", program], text=True).strip() for one in found]
        assert seen == ["1.16.0", "1.17.0"]

    fleet.play(scene)
