from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoringhost.errors import SettingsError
from scoringhost.fleet.service_file import ServiceFile, read_service_file
from scoringhost.fleet.specs import Traffic

Write = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a service.json, and answer its folder."""

    def write(content: Any) -> Path:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "service.json").write_text(text)
        return tmp_path

    return write


def test_no_file_says_nothing(tmp_path: Path) -> None:
    assert read_service_file(tmp_path) == ServiceFile()


def test_all_keys_are_read(write: Write) -> None:
    folder = write({
        "name": "wine",
        "version": 2,
        "script": "src/score.py",
        "settings": {"threads": 3},
        "environ": {"COLOUR": "red", "HOME": None},
        "environment": "requirements.txt",
        "replicas": {"minimum": 0, "maximum": 4, "calls_each": 2.5, "idle_s": 60},
        "default": "1",
        "traffic": {"1": 90, "2": 10},
        "sticky_header": "X-User",
        "shadow": {"2": 5},
        "control": 1,
    })  # fmt: skip
    assert read_service_file(folder) == ServiceFile(
        name="wine",
        version="2",
        script=folder / "src/score.py",
        settings={"threads": 3},
        environ={"COLOUR": "red", "HOME": None},
        environment=str(folder / "requirements.txt"),
        replicas={"minimum": 0, "maximum": 4, "calls_each": 2.5, "idle_s": 60},
        traffic=Traffic({"1": 90.0, "2": 10.0}, "1", "X-User", {"2": 5.0}, "1"),
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "it is no JSON"),
        ([1], "it must hold a JSON object"),
        ({"replica": {}}, "replica in .*there is no such key; is 'replicas' meant"),
        ({"colour": 1}, "there is no such key; there are name, version"),
        ({"name": 3}, "name in .*it must be a text .it is 3"),
        ({"replicas": {"minimum": -1}}, "replicas.minimum in .*it must be a whole number, 0 to 1000"),
        ({"replicas": {"maximum": 0}}, "replicas.maximum in .*it must be a whole number, 1 to 1000"),
        ({"replicas": {"minimum": 3, "maximum": 2}}, "it is less than the minimum, 3"),
        ({"replicas": {"max": 2}}, "replicas.max in .*is 'maximum' meant"),
        ({"settings": {"thread": 2}}, "settings.thread in .*is 'threads' meant"),
        ({"settings": {"port": 80}}, "settings.port in .*for the whole fleet to say"),
        ({"settings": {"script": "x.py"}}, "script is a key of its own"),
        ({"environ": {"A": 1}}, "environ in .*it must be an object of texts"),
        ({"environ": {"A=B": "x"}}, "environ in .*it must be an object of texts"),
        ({"environ": {"A": "x\0y"}}, "environ in .*it must be an object of texts"),
        ({"environ": {"": "x"}}, "environ in .*it must be an object of texts"),
        ({"replicas": {"minimum": 1001}}, "replicas.minimum in .*it must be a whole number, 0 to 1000"),
        ({"replicas": {"maximum": 1001}}, "replicas.maximum in .*it must be a whole number, 1 to 1000"),
        ({"traffic": {"1": 90, "2": 11}}, "traffic in .*more than 100 altogether"),
        ({"traffic": {"1": "90"}}, "traffic in .*it must be an object of percentages"),
        ({"shadow": {"1": 101}}, "shadow in .*it must be an object of percentages"),
        ({"version": True}, "version in .*it must be a text or a whole number"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(write: Write, content: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_service_file(write(content))


def test_traffic_is_not_for_one_version_to_say(write: Write) -> None:
    with pytest.raises(SettingsError, match="default in .*for the service's own folder"):
        read_service_file(write({"default": "1"}), is_of_version=True)


def test_a_versions_file_is_over_that_of_its_service() -> None:
    own = ServiceFile(settings={"threads": 2}, environ={"A": "own"}, replicas={"minimum": 2})
    below = ServiceFile(
        name="wine",
        settings={"threads": 1, "nan": "literal"},
        environ={"A": "x", "B": "y"},
        replicas={"maximum": 3},
        traffic=Traffic(default="1"),
    )
    assert own.over(below) == ServiceFile(
        name="wine",
        settings={"threads": 2, "nan": "literal"},
        environ={"A": "own", "B": "y"},
        replicas={"minimum": 2, "maximum": 3},
        traffic=Traffic(default="1"),
    )
