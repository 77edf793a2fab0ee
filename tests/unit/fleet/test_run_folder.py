from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoringhost.errors import SettingsError
from scoringhost.fleet.run_folder import (
    RunFolder,
    base_of,
    clear_abandoned,
    default_place,
    folder_of_fleet,
    is_running,
    running_fleets,
)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for sockets."""
    with tempfile.TemporaryDirectory(prefix="run", dir="/tmp") as place:
        yield Path(place)


def listen(run: RunFolder) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fspath(run.control))
    listener.listen()
    return listener


def test_the_folder_is_the_users_alone_and_says_whose_it_is(short: Path) -> None:
    run = RunFolder(short / "base" / "one")
    run.take(Path("/services"))
    assert run.path.stat().st_mode & 0o777 == 0o700
    assert run.of_set("7").stat().st_mode & 0o777 == 0o700
    assert folder_of_fleet(run.path) == "/services"
    run.forget_set("7")
    assert not (run.sets / "7").exists()
    run.leave()


def test_a_folder_that_others_can_enter_is_refused(short: Path) -> None:
    (short / "open").mkdir()
    (short / "open").chmod(0o755)
    with pytest.raises(SettingsError, match="others can enter it"):
        RunFolder(short / "open").take(Path("/services"))


def test_a_folder_in_a_place_that_others_can_change_is_refused(short: Path) -> None:
    (short / "shared").mkdir()
    (short / "shared").chmod(0o777)
    with pytest.raises(SettingsError, match="others can change what is in it"):
        RunFolder(short / "shared" / "one").take(Path("/services"))


def test_a_link_to_another_folder_is_refused(short: Path) -> None:
    (short / "there").mkdir(mode=0o700)
    (short / "link").symlink_to(short / "there")
    with pytest.raises(SettingsError, match="it is no folder"):
        RunFolder(short / "link").take(Path("/services"))


def test_a_path_that_is_too_long_for_sockets_is_refused_before_anything_is_made(short: Path) -> None:
    with pytest.raises(SettingsError, match="too long for Unix sockets"):
        RunFolder(short / ("x" * 90)).take(Path("/services"))
    assert list(short.iterdir()) == []


def test_a_second_fleet_is_refused_and_names_the_first(short: Path) -> None:
    run = RunFolder(short / "one")
    run.take(Path("/services"))
    with pytest.raises(SettingsError, match=f"a fleet runs there already .process {os.getpid()}"):
        RunFolder(short / "one").take(Path("/services"))
    run.leave()
    again = RunFolder(short / "one")
    again.take(Path("/services"))
    again.leave()


def test_what_a_killed_fleet_has_left_is_removed_but_for_its_logs(short: Path) -> None:
    run = RunFolder(short)
    run.take(Path("/services"))
    run.of_set("3").joinpath("w-1.sock").touch()
    (run.logs / "a.log").write_text("a line\n")
    listen(run).close()
    assert run._lock is not None
    os.close(run._lock)  # as the system does when a process is killed
    again = RunFolder(short)
    again.take(Path("/services"))
    assert list(again.sets.iterdir()) == []
    assert not again.control.exists()
    assert (again.logs / "a.log").exists()
    again.leave()


def test_a_fleet_runs_if_somebody_listens_at_its_control_socket(short: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(short)}
    place = default_place(short / "services", environ, os.getuid())
    assert place.parent == base_of(environ, os.getuid()) == short / "scoringhost"
    run = RunFolder(place)
    run.take(short / "services")
    assert not is_running(place)
    assert running_fleets(environ, os.getuid()) == []
    with listen(run):
        assert running_fleets(environ, os.getuid()) == [(place, str(short / "services"))]
    assert not is_running(place)
    run.leave()


def test_each_folder_of_services_has_a_run_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    places = [default_place(one, {}, 1000) for one in (tmp_path, tmp_path / "link", tmp_path / "other")]
    assert places[0] == places[1] != places[2]
    assert places[0].parent == Path("/tmp/scoringhost-1000")


def killed(run: RunFolder, owner: Path) -> None:
    """What a fleet leaves that was killed: its sockets, and a number that may be another process's by now."""
    run.take(owner)
    listen(run).close()
    run.of_set("1")
    assert run._lock is not None
    os.close(run._lock)


def test_what_killed_fleets_have_left_is_cleared_and_what_living_ones_have_is_not(short: Path) -> None:
    base, services = short / "base", short / "services"
    services.mkdir()
    living, hub, fleet, gone = (RunFolder(base / name) for name in ("living", "hub", "fleet", "gone"))
    living.take(services)
    kept = listen(living)
    for one, owner in ((hub, services), (fleet, services), (gone, short / "removed")):
        killed(one, owner)
    for one in (fleet, gone):
        (one.logs / "a:1.log").write_text("line\n")
    (base / "somebody's").mkdir()
    (base / "somebody's" / "file").touch()
    (base / "link").symlink_to(services)
    clear_abandoned(base)
    assert sorted(path.name for path in base.iterdir()) == ["fleet", "link", "living", "somebody's"]
    assert sorted(path.name for path in fleet.path.iterdir()) == ["folder", "lock", "log"]
    assert is_running(living.path)
    assert living.sets.is_dir()
    assert (base / "somebody's" / "file").exists()
    kept.close()
    living.leave()


def test_nothing_is_cleared_where_there_is_nothing(short: Path) -> None:
    clear_abandoned(short / "none")


def test_a_fleet_that_starts_while_others_clear_keeps_its_folder(short: Path) -> None:
    base = short / "base"
    base.mkdir(mode=0o700)
    is_over = threading.Event()

    def clear() -> None:
        while not is_over.is_set():
            clear_abandoned(base)

    clearing = [threading.Thread(target=clear) for _ in range(2)]
    for one in clearing:
        one.start()
    try:
        for _ in range(100):
            run = RunFolder(base / "one")
            run.take(Path("/services"))
            assert run.sets.is_dir()
            run.leave()
    finally:
        is_over.set()
        for one in clearing:
            one.join()
