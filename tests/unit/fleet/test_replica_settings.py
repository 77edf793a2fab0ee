"""What a replica set is told of the fleet's settings and environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scoringhost.fleet.replica_settings import OF_FRONT, OF_ONE_SERVICE, replica_environ, replica_settings, without_keys
from scoringhost.fleet.specs import ServiceSpec
from scoringhost.settings import SPECS, Settings

SCRIPT = Path("/services/wine/score.py")


def spec(version: str = "2", **more: Any) -> ServiceSpec:
    return ServiceSpec("wine", version, SCRIPT, SCRIPT.parent, **more)


def fleet(**flags: object) -> Settings:
    return Settings.load({}, {name: (name, value) for name, value in flags.items()})[0]


def test_every_name_is_a_setting() -> None:
    assert SPECS.keys() >= OF_FRONT | OF_ONE_SERVICE


def test_a_set_is_told_what_it_serves_and_under_which_name() -> None:
    assert replica_settings(spec(), fleet(), 3) == {
        "script": str(SCRIPT),
        "workers": 3,
        "service_name": "wine",
        "service_version": "2",
        "service_path_prefix": "/services/wine",
        "model_name": "wine",
    }
    assert "service_version" not in replica_settings(spec(""), fleet(), 1)


def test_the_services_own_settings_beat_the_fleets() -> None:
    made = replica_settings(spec(settings={"threads": 4, "nan": None}), fleet(threads=2, max_body_mb=7, nan="null"), 1)
    assert (made["threads"], made["max_body_mb"]) == (4, 7)
    assert "nan" not in made


def test_what_is_the_fronts_business_stays_there_whoever_says_it() -> None:
    made = replica_settings(spec(settings={"rate_limit": "1/s"}), fleet(port=80, rate_limit="9/s", workers=8), 1)
    assert not made.keys() & {"port", "rate_limit"}
    assert made["workers"] == 1


def test_documents_say_that_a_key_is_asked_for_and_the_key_is_not_passed_on() -> None:
    made = replica_settings(spec(), fleet(primary_key="hush"), 1)
    assert made["primary_key"]
    assert "hush" not in str(made)


def test_variables_are_the_supervisors_without_its_keys_under_the_services_own() -> None:
    environ = {"A": "1", "B": "2", "SCORINGHOST_PRIMARY_KEY": "hush"}
    assert replica_environ(spec(environ={"B": None, "C": "3"}), environ) == {"A": "1", "C": "3"}


def test_no_process_that_runs_scripts_is_started_with_the_fronts_keys() -> None:
    environ = {"SCORINGHOST_PRIMARY_KEY": "a", "SCORINGHOST_SECONDARY_KEY": "b", "HOME": "/"}
    assert without_keys(environ) == {"HOME": "/"}
