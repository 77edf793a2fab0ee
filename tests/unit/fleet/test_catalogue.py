from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoringhost.fleet.catalogue import CatalogueReading, read_catalogue
from scoringhost.fleet.specs import NO_VERSION, Pool, Traffic
from scoringhost.settings import Settings
from scoringhost.settings.fleet_folder import is_fleet

Tree = Callable[..., CatalogueReading]


@pytest.fixture
def read(tmp_path: Path) -> Tree:
    """Write files (a text, or a value of JSON) below a folder, and read that."""

    def read(files: dict[str, Any], **settings: Any) -> CatalogueReading:
        write_tree(tmp_path, files)
        return read_catalogue(tmp_path, Settings(**settings))

    return read


def write_tree(root: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))


def versions(reading: CatalogueReading) -> dict[str, set[str]]:
    return {name: set(service.versions) for name, service in reading.catalogue.items()}


def test_a_folder_with_a_script_is_a_service_and_numbered_folders_in_it_are_versions(read: Tree) -> None:
    reading = read({"wine/score.py": "", "wine/2/score.py": "", "wine/v3/m.onnx": "", "rentals/score.py": ""})
    assert versions(reading) == {"wine": {NO_VERSION, "2", "v3"}, "rentals": {NO_VERSION}}
    assert reading.unusable == ()
    assert reading.catalogue["wine"].versions["v3"].script.name == "m.onnx"
    assert reading.catalogue["wine"].versions["2"].settings["app_root"].endswith("wine/2")  # type: ignore[attr-defined]


def test_folders_of_tools_are_no_services(read: Tree) -> None:
    files = {
        f"{folder}/score.py": "" for folder in ("node_modules", "__pycache__", ".git", "site-packages", "env", "wine")
    }
    assert versions(read(files | {"env/pyvenv.cfg": ""})) == {"wine": {NO_VERSION}}


def test_a_folder_of_versions_only_is_one_service_with_its_name(tmp_path: Path) -> None:
    write_tree(tmp_path, {"wine/1/score.py": "", "wine/2/score.py": "", "wine/service.json": {"default": "1"}})
    reading = read_catalogue(tmp_path / "wine", Settings())
    assert versions(reading) == {"wine": {"1", "2"}}
    assert reading.catalogue["wine"].default_version == "1"


def test_the_default_version_is_the_largest_by_number(read: Tree) -> None:
    reading = read({f"wine/{version}/score.py": "" for version in ("2", "10", "9")})
    assert reading.catalogue["wine"].default_version == "10"


def test_models_with_settings_of_mlservers_are_found_below_one_folder(read: Tree) -> None:
    reading = read({
        "models/a/model-settings.json": {"name": "first", "parameters": {"version": "v7", "uri": "./m"}},
        "models/b/model-settings.json": {"max_batch_size": 8, "max_batch_time": 0.02},
        "models/c/1/model-settings.json": {"implementation": "own.Model"},
    })  # fmt: skip
    assert versions(reading) == {"first": {"v7"}, "b": {NO_VERSION}, "c": {"1"}}
    settings = reading.catalogue["b"].versions[NO_VERSION].settings
    assert (settings["max_batch_size"], settings["max_batch_wait_ms"]) == (8, 20)


def test_mlservers_environments_are_the_services_and_warned_of_by_nobody(read: Tree) -> None:
    reading = read({"a/model-settings.json": {"parameters": {"environment_tarball": "./env.tar.gz"}}})
    assert reading.catalogue["a"].versions[NO_VERSION].environment is not None
    assert reading.catalogue["a"].versions[NO_VERSION].environment.endswith("a/env.tar.gz")  # type: ignore[union-attr]
    assert reading.warnings == ()


def test_service_json_says_what_a_service_is(read: Tree) -> None:
    reading = read({
        "folder/service.json": {
            "name": "wine",
            "version": "5",
            "script": "src/main.py",
            "settings": {"threads": 2, "scoring_timeout_ms": 100},
            "environ": {"A": "1"},
            "replicas": {"minimum": 1, "maximum": 3},
        },
        "folder/src/main.py": "",
    })  # fmt: skip
    spec = reading.catalogue["wine"].versions["5"]
    assert spec.script.name == "main.py"
    assert spec.folder.name == "folder"
    assert (spec.settings["threads"], spec.settings["scoring_timeout_ms"]) == (2, 100)
    assert spec.environ == {"A": "1"}
    assert spec.pool == Pool(1, 3, 2.0)


def test_a_services_own_configuration_file_counts_but_for_what_is_the_fleets(read: Tree) -> None:
    reading = read({"wine/score.py": "", "wine/config.json": {"threads": 4, "port": 81}})
    settings = reading.catalogue["wine"].versions[NO_VERSION].settings
    assert settings["threads"] == 4
    assert "port" not in settings
    assert any("port" in line and "whole fleet" in line for line in reading.warnings)


def test_one_bad_service_keeps_no_other_from_running(read: Tree) -> None:
    reading = read({
        "bad/score.py": "",
        "bad/service.json": {"settings": {"threads": "many"}},
        "empty/service.json": {},
        "gone/service.json": {"script": "gone.py"},
        "two/a.onnx": "",
        "two/b.onnx": "",
        "odd name/score.py": "",
        "wine/score.py": "",
    })  # fmt: skip
    assert versions(reading) == {"wine": {NO_VERSION}}
    reasons = {one.name: one.reason for one in reading.unusable}
    assert "settings.threads" in reasons["bad"]
    assert "'many' is not a valid whole number" in reasons["bad"]
    assert "there is nothing to serve" in reasons["empty"]
    assert "gone.py" in reasons["gone"]
    assert "a.onnx, b.onnx" in reasons["two"]
    assert "stands in URLs" in reasons["odd name"]


def test_a_name_in_two_places_is_refused_with_both(read: Tree) -> None:
    reading = read({"a/score.py": "", "b/score.py": "", "b/service.json": {"name": "a"}, "c/score.py": ""})
    assert versions(reading) == {"c": {NO_VERSION}}
    (one,) = reading.unusable
    assert (one.name, one.version) == ("a", NO_VERSION)
    assert "/a and " in one.reason
    assert "/b;" in one.reason


def test_traffic_names_versions_that_there_are(read: Tree) -> None:
    files = {"wine/1/score.py": "", "wine/2/score.py": ""}
    reading = read(files | {"wine/service.json": {"traffic": {"1": 60, "2": 40}, "sticky_header": "X-User"}})
    assert reading.catalogue["wine"].traffic == Traffic({"1": 60.0, "2": 40.0}, sticky_header="X-User")
    reading = read(files | {"wine/service.json": {"traffic": {"1": 60, "3": 40}}})
    assert reading.catalogue == {}
    assert {
        one.reason
        for one in reading.unusable
        if "traffic of 'wine': shares: expected one of '1', '2', got '3'" in one.reason
    }


@pytest.mark.parametrize(
    ("settings", "replicas", "pool"),
    [
        ({}, None, Pool(1, 1)),
        ({"workers": 3}, None, Pool(3, 3)),
        ({"min_replicas": 0, "max_replicas": 4, "idle_s": 9}, None, Pool(0, 4, idle_s=9.0)),
        ({"max_replicas": 4}, {"minimum": 2}, Pool(2, 4)),
        ({"workers": 3}, {"minimum": 0, "maximum": 2, "calls_each": 2}, Pool(0, 2, 2.0)),
    ],
)
def test_replicas_are_the_services_own_or_else_the_fleets(
    read: Tree, settings: dict[str, Any], replicas: dict[str, Any] | None, pool: Pool
) -> None:
    file = {} if replicas is None else {"replicas": replicas}
    reading = read({"wine/score.py": "", "wine/service.json": file}, **settings)
    assert reading.catalogue["wine"].versions[NO_VERSION].pool == pool


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        ({"score.py": "", "a/score.py": ""}, False),
        ({"model.onnx": "", "a/score.py": ""}, False),
        ({"a.onnx": "", "b.onnx": ""}, False),
        ({"MLmodel": "", "a/score.py": ""}, False),
        ({"a/model-settings.json": {}}, False),
        ({"model-settings.json": {}}, False),
        ({"x.txt": ""}, False),
        ({"a/score.py": ""}, True),
        ({"a/model-settings.json": {}, "b/model-settings.json": {}}, True),
        ({"model-settings.json": {}, "b/model-settings.json": {}}, True),
        ({"a/score.py": "", "b/model.onnx": ""}, True),
        ({"1/score.py": "", "2/score.py": ""}, True),
        ({"a/service.json": {"script": "../x.py"}, "x.py": ""}, True),
    ],
)
def test_a_folder_is_a_fleet_if_what_it_holds_is_in_folders(
    tmp_path: Path, files: dict[str, Any], answer: bool
) -> None:
    write_tree(tmp_path, files)
    assert is_fleet(tmp_path) is answer


def test_settings_take_a_fleet_only_where_one_can_be_served(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/score.py": "", "config.json": {"threads": 2}, "settings.json": {"http_port": 8081}})
    flags: dict[str, tuple[str, object]] = {"script": ("SCRIPT", str(tmp_path))}
    settings, _ = Settings.load({}, flags, tmp_path, takes_fleets=True)
    assert settings.fleet
    assert (settings.script, settings.threads, settings.port) == (str(tmp_path), 2, 8081)
    settings, _ = Settings.load({}, flags, tmp_path)
    assert not settings.fleet
    assert settings.script == str(tmp_path / "score.py")


def test_a_fleet_may_be_asked_for_and_be_refused(tmp_path: Path) -> None:
    write_tree(tmp_path, {"score.py": "", "1/score.py": ""})
    flags: dict[str, tuple[str, object]] = {"script": ("SCRIPT", str(tmp_path))}
    settings, _ = Settings.load({}, flags | {"fleet": ("--fleet", True)}, tmp_path, takes_fleets=True)
    assert settings.fleet
    write_tree(tmp_path, {"x/a/score.py": ""})
    flags = {"script": ("SCRIPT", str(tmp_path / "x")), "fleet": ("--no-fleet", False)}
    settings, _ = Settings.load({}, flags, tmp_path, takes_fleets=True)
    assert not settings.fleet
