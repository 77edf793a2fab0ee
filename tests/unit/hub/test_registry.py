"""Models by name and version."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.hub.errors import (
    ContentDamaged,
    HomeUnusable,
    ModelInUse,
    ModelNotFound,
    NameRefused,
    PlaceTaken,
    PropertyFixed,
    ValueRefused,
)
from scoringhost.hub.home import DATABASE, Home
from scoringhost.hub.models import Details, Model, parse_id
from scoringhost.hub.registry import Registry
from scoringhost.hub.soundness import back_up, check, restore


@pytest.fixture
def home(tmp_path: Path):
    with Home(tmp_path / "hub") as made:
        yield made


@pytest.fixture
def registry(home: Home) -> Registry:
    return Registry(home)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "wine"
    (made / "parts" / "deep").mkdir(parents=True)
    (made / "model.txt").write_text("model")
    (made / "parts" / "deep" / "weights").write_bytes(b"\0" * 3000)
    (made / "run.sh").write_text("#!/bin/sh")
    (made / "run.sh").chmod(0o755)
    return made


def stored(home: Home) -> list[Path]:
    return [path for path in home.files.rglob("*") if path.is_file()]


def test_versions_grow_and_never_come_back(registry: Registry, folder: Path) -> None:
    assert [registry.register("wine", folder).version for _ in range(3)] == [1, 2, 3]
    registry.delete("wine", 3)
    registry.delete("wine", 2)
    assert registry.register("wine", folder).version == 4
    registry.delete("wine", 4)
    registry.delete("wine", 1)
    assert registry.register("wine", folder).id == "wine:5"


def test_a_folder_comes_back_as_it_was(registry: Registry, folder: Path, tmp_path: Path) -> None:
    model = registry.register("wine", folder)
    assert (model.is_folder, model.root, model.size) == (True, "wine", 3014)
    path = registry.download("wine", None, tmp_path / "out")
    assert path == tmp_path / "out" / "wine"
    assert (path / "parts/deep/weights").read_bytes() == b"\0" * 3000
    assert os.access(path / "run.sh", os.X_OK)
    assert not os.access(path / "model.txt", os.X_OK)
    with pytest.raises(PlaceTaken):
        registry.download("wine", 1, tmp_path / "out")
    (path / "model.txt").write_text("changed")
    registry.download("wine", 1, tmp_path / "out", replace=True)
    assert (path / "model.txt").read_text() == "model"


def test_what_is_stored_twice_is_there_once(home: Home, registry: Registry, folder: Path) -> None:
    one, two = registry.register("wine", folder), registry.register("other", folder)
    assert one.content_hash == two.content_hash
    assert len(stored(home)) == 3
    registry.delete("wine", 1)
    assert len(stored(home)) == 3
    registry.delete("other", 1)
    assert stored(home) == []


def test_a_file_keeps_its_name(registry: Registry, folder: Path, tmp_path: Path) -> None:
    model = registry.register("wine", folder / "model.txt")
    assert (model.is_folder, model.root) == (False, "model.txt")
    assert registry.download("wine", 1, tmp_path / "out").read_text() == "model"


def test_only_parts_of_a_folder_can_be_stored(registry: Registry, folder: Path) -> None:
    registry.register("wine", folder, parts=["parts", "model.txt"])
    assert [file.path for file in registry.content("wine").files] == ["model.txt", "parts/deep/weights"]
    for wrong in ("../hub", "nothing", "/etc"):
        with pytest.raises(ValueRefused, match="child_paths"):
            registry.register("wine", folder, parts=[wrong])


def test_links_are_followed_but_not_out_of_the_folder(registry: Registry, folder: Path, tmp_path: Path) -> None:
    (folder / "same.txt").symlink_to("model.txt")
    registry.register("wine", folder)
    assert len(registry.content("wine").files) == 4
    (tmp_path / "secret").write_text("s")
    (folder / "out").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueRefused, match="lead out"):
        registry.register("wine", folder)
    (folder / "out").unlink()
    (folder / "parts" / "up").symlink_to(folder)
    with pytest.raises(ValueRefused, match="link to a folder that holds it"):
        registry.register("wine", folder)


@pytest.mark.parametrize("name", ["", "-a", ".a", "a/b", "a b", "a" * 256, "ä", "a\n"])
def test_what_is_no_name_is_refused(registry: Registry, folder: Path, name: str) -> None:
    with pytest.raises(NameRefused):
        registry.register(name, folder)


def test_values_that_cannot_be_are_refused(registry: Registry, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueRefused, match="framework"):
        registry.register("wine", folder, details=Details(framework_version="1"))
    with pytest.raises(ValueRefused, match="tags"):
        registry.register("wine", folder, tags={"a": []})  # type: ignore[dict-item]
    with pytest.raises(ValueRefused, match="that is there"):
        registry.register("wine", tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueRefused, match="files in it"):
        registry.register("wine", tmp_path / "empty")
    assert registry.find() == []


def test_models_are_found_by_what_is_said_of_them(registry: Registry, folder: Path) -> None:
    registry.register("wine", folder, tags={"stage": "old"}, details=Details(framework="sklearn"))
    registry.register("wine", folder, tags={"stage": "new", "by": "me"}, properties={"area": "1"})
    registry.register("beer", folder, tags={"stage": "new"}, details=Details(run_id="r1"))
    ids = lambda found: [model.id for model in found]  # noqa: E731
    assert ids(registry.find()) == ["beer:1", "wine:2", "wine:1"]
    assert ids(registry.find(latest=True)) == ["beer:1", "wine:2"]
    assert ids(registry.find("wine", latest=True)) == ["wine:2"]
    assert ids(registry.find(tags=["by"])) == ["wine:2"]
    assert ids(registry.find(tags=[["stage", "new"]])) == ["beer:1", "wine:2"]
    assert ids(registry.find(tags=[["stage", "new"], "by"])) == ["wine:2"]
    assert ids(registry.find(properties=[["area", "1"]])) == ["wine:2"]
    assert ids(registry.find(framework="sklearn", latest=True)) == ["wine:1"]
    assert ids(registry.find(run_id="r1")) == ["beer:1"]
    assert ids(registry.find(most=1)) == ["beer:1"]
    assert ids(registry.find("nothing")) == []


def test_a_list_is_read_part_by_part(registry: Registry, folder: Path) -> None:
    for name in ("b", "a", "b", "a", "c"):
        registry.register(name, folder)
    for latest, expected in ((False, ["c:1", "a:2", "b:2", "a:1", "b:1"]), (True, ["c:1", "a:2", "b:2"])):
        seen: list[Model] = []
        while part := registry.find(latest=latest, most=2, after=seen[-1].place if seen else None):
            seen += part
        assert [one.id for one in seen] == expected


def test_the_newest_is_first_whatever_the_clock_said(home: Home, registry: Registry, folder: Path) -> None:
    for name in ("a", "b", "a"):
        registry.register(name, folder)
    with home.writing() as database:  # as if it had been put back by years before the last one
        database.execute("UPDATE models SET created_at = '2001-01-01T00:00:00+00:00' WHERE name = 'a' AND version = 2")
    assert [one.id for one in registry.find()] == ["a:2", "b:1", "a:1"]
    assert registry.get("a").version == 2


def test_a_model_is_what_json_can_hold_and_more(registry: Registry, folder: Path) -> None:
    odd = {"limit": float("inf"), "half": "\ud800", "wide": 2**70}
    made = registry.register("wine", folder, details=Details(sample_input=odd))
    assert made.details.sample_input == odd
    assert made.to_json()["details"]["sample_input"] == odd
    assert registry.find() == [made]
    assert hash(registry.find()[0]) == hash(made)


def test_tags_change_and_properties_do_not(registry: Registry, folder: Path) -> None:
    registry.register("wine", folder, tags={"a": "1"}, properties={"p": "1"})
    assert registry.tag("wine", 1, {"b": "2", "a": "3"}).tags == {"a": "3", "b": "2"}
    assert registry.tag("wine", 1, {}, ["a", "unknown"]).tags == {"b": "2"}
    assert registry.tag("wine", 1, {"only": "x"}, replace=True).tags == {"only": "x"}
    assert registry.add_properties("wine", None, {"q": "2"}).properties == {"p": "1", "q": "2"}
    with pytest.raises(PropertyFixed, match="p"):
        registry.add_properties("wine", 1, {"p": "2", "r": "3"})
    assert registry.get("wine").properties == {"p": "1", "q": "2"}
    assert registry.describe("wine", 1, "of Porto").details.description == "of Porto"


def test_what_is_not_there_is_said_with_what_is(registry: Registry, folder: Path) -> None:
    registry.register("wine", folder)
    with pytest.raises(ModelNotFound, match="is 'wine' meant"):
        registry.get("wime")
    with pytest.raises(ModelNotFound, match=r"no version 7 of the model 'wine'; there is 1"):
        registry.get("wine", 7)


def test_what_is_in_use_is_not_deleted(registry: Registry, folder: Path) -> None:
    registry.register("wine", folder)
    registry.use("wine", 1, "service wine-prod")
    with pytest.raises(ModelInUse, match="service wine-prod"):
        registry.delete("wine", 1)
    registry.let_go("service wine-prod")
    registry.delete("wine", 1)


def test_a_changed_file_is_noticed(home: Home, registry: Registry, folder: Path, tmp_path: Path) -> None:
    registry.register("wine", folder)
    assert check(home).problems == ()
    digest = next(file.digest for file in registry.content("wine").files if file.path == "model.txt")
    place = home.files / digest[:2] / digest
    place.chmod(0o600)
    place.write_text("modem")
    with pytest.raises(ContentDamaged, match=r"model\.txt: its content has changed"):
        registry.download("wine", 1, tmp_path / "out")
    assert not (tmp_path / "out" / "wine").exists()
    assert check(home).problems == ("wine:1: model.txt: its content has changed",)
    registry.register("wine", folder)  # which brings it back
    assert check(home).problems == ()
    place.unlink()
    assert "No such file" in check(home).problems[0]


def cut_short(place: Path) -> None:
    os.truncate(place, place.stat().st_size - 1)


def changed(place: Path) -> None:
    with place.open("r+b") as file:
        file.write(b"M")


@pytest.mark.parametrize(
    ("damage", "why"),
    [(changed, "has changed"), (cut_short, "has changed"), (Path.unlink, "No such file")],
)
def test_each_damage_is_noticed_by_check_and_by_download(
    damage: Callable[[Path], None], why: str, home: Home, registry: Registry, folder: Path, tmp_path: Path
) -> None:
    registry.register("wine", folder)
    digest = next(file.digest for file in registry.content("wine").files if file.path == "model.txt")
    place = home.files / digest[:2] / digest
    damage(place)
    (problem,) = check(home).problems
    assert "wine:1: model.txt" in problem
    assert why in problem
    with pytest.raises(ContentDamaged, match=why):
        registry.download("wine", 1, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_damaged_database_is_said_and_nothing_is_made_of_it(tmp_path: Path, folder: Path) -> None:
    with Home(tmp_path / "hub") as home:
        Registry(home).register("wine", folder)
    path = tmp_path / "hub" / DATABASE
    whole = path.read_bytes()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(HomeUnusable, match="not a database.*backup") as _refused:  # it knows who was called
        Home(tmp_path / "hub")
    assert not [link for link in Path("/proc/self/fd").iterdir() if os.path.realpath(link) == str(path)]
    assert path.read_bytes() == b"no database" * 1000
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(HomeUnusable, match="damaged|malformed"), Home(tmp_path / "hub") as home:
        Registry(home).find()
    try:
        with Home(tmp_path / "hub") as home:
            assert check(home).problems
    except HomeUnusable as problem:
        assert "malformed" in str(problem)
    path.write_bytes(whole)
    with Home(tmp_path / "hub") as home:
        assert check(home).problems == ()


def test_a_copy_is_a_whole_hub(home: Home, registry: Registry, folder: Path, tmp_path: Path) -> None:
    registry.register("wine", folder, tags={"a": "1"})
    back_up(home, tmp_path / "copy")
    registry.delete("wine", 1)
    with pytest.raises(PlaceTaken):
        back_up(home, tmp_path / "copy")
    assert restore(tmp_path / "copy", tmp_path / "again").problems == ()
    with Home(tmp_path / "again") as again:
        assert Registry(again).get("wine", 1).tags == {"a": "1"}
        assert Registry(again).register("wine", folder).version == 2
    with pytest.raises(HomeUnusable, match=r"no hub\.db"):
        restore(folder, tmp_path / "third")


def test_a_home_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    with Home(tmp_path / "hub") as made:
        made.database.execute("PRAGMA user_version = 99")
    with pytest.raises(HomeUnusable, match="later version"):
        Home(tmp_path / "hub")
    with pytest.raises(HomeUnusable):
        Home(tmp_path / "hub" / DATABASE)


def test_nobody_else_reads_a_home(home: Home) -> None:
    assert home.path.stat().st_mode & 0o077 == 0
    assert (home.path / DATABASE).stat().st_mode & 0o077 == 0


def test_ids_are_read_as_people_write_them() -> None:
    assert parse_id("wine") == ("wine", None)
    assert parse_id("wine:3") == ("wine", 3)
    for wrong in ("wine:", "wine:a", ":3", "wine:-1"):
        with pytest.raises(NameRefused):
            parse_id(wrong)


def _register_many(home: Path, folder: Path, times: int) -> None:
    with Home(home) as own:
        for _ in range(times):
            Registry(own).register("wine", folder)


def test_eight_processes_register_at_once(home: Home, registry: Registry, folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    several = [context.Process(target=_register_many, args=(home.path, folder, 5)) for _ in range(8)]
    for one in several:
        one.start()
    for one in several:
        one.join()
    assert [one.exitcode for one in several] == [0] * 8
    assert sorted(model.version for model in registry.find("wine")) == list(range(1, 41))
    assert check(home).problems == ()


def _churn(home: Path, folder: Path, begun: "multiprocessing.connection.Connection") -> None:
    with Home(home) as own:
        registry = Registry(own)
        begun.send("go")
        for number in range(10_000):
            (folder / "model.txt").write_text(f"model {number}")
            model = registry.register("wine", folder)
            registry.tag("wine", model.version, {"n": str(number)})
            if number % 2:
                registry.delete("wine", model.version)


def test_a_process_that_is_killed_leaves_the_hub_whole(home: Home, registry: Registry, folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    for at in range(20):
        ours, theirs = context.Pipe()
        one = context.Process(target=_churn, args=(home.path, folder, theirs))
        one.start()
        ours.recv()
        one.join(0.005 * at)  # it is killed at another place each time, and no place is a wrong one
        assert one.pid is not None
        os.kill(one.pid, signal.SIGKILL)
        one.join()
        assert check(home).problems == ()
    registry.register("last", folder)
    for model in registry.find():
        registry.delete(model.name, model.version)
    assert stored(home) == []
    assert list(home.arriving.iterdir()) == []


def test_advice_on_a_models_use_changes_and_what_it_is_does_not(home: Home, tmp_path: Path):
    (tmp_path / "m").write_text("x")
    registry = Registry(home)
    registry.register("m", tmp_path / "m", details=Details(framework="ScikitLearn", more={"a": 1}))
    registry.advise("m", 1, sample_input=[[1]], resources={"cpu": 2}, more={"b": 2})
    changed = registry.advise("m", None, sample_output=[3]).details
    assert (changed.sample_input, changed.sample_output, changed.resources) == ([[1]], [3], {"cpu": 2})
    assert (changed.more, changed.framework) == ({"a": 1, "b": 2}, "ScikitLearn")
