"""A folder that any version of scoringhost has made is brought to this one, and one of a later version is refused."""

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from scoringhost.hub.errors import HomeUnusable
from scoringhost.hub.home import DATABASE, Home
from scoringhost.hub.registry import Registry
from scoringhost.hub.schema import STEPS
from scoringhost.hub.services import Services
from scoringhost.hub.soundness import check

CONTENT = b"model"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
MADE_AT = "2026-11-01T12:00:00.000000+00:00"
MODEL: dict[str, Any] = {
    "name": "ridge", "version": 3, "created_at": MADE_AT, "created_by": "ann", "description": "first",
    "framework": "sklearn", "framework_version": "1.5", "root": "model.txt", "is_folder": 0, "content_hash": DIGEST,
    "size": len(CONTENT), "origin": "/there", "run_id": "", "properties": '{"p": "1"}',
    "details": json.dumps({"sample_input": None, "sample_output": None, "resources": {}, "more": {}}),
}  # fmt: skip
TAGS = {"stage": "test", "quote": '"'}
STEPS_THAT_WERE_RELEASED = ("8f36", "be03", "56fe", "06d2", "620f")


def lay_down(folder: Path, version: int) -> None:
    """A folder as the scoringhost of that schema has left it, with a model and its tags."""
    place = folder / "files" / DIGEST[:2]
    place.mkdir(parents=True)
    (place / DIGEST).write_bytes(CONTENT)
    database = sqlite3.connect(folder / DATABASE)
    database.execute("PRAGMA journal_mode = WAL")
    for step in STEPS[:version]:
        database.executescript(step)
    database.execute("INSERT INTO names VALUES ('ridge', 7)")
    row = MODEL if version < 5 else {**MODEL, "tags": json.dumps(TAGS)}
    marks = ", ".join(f":{column}" for column in row)
    database.execute(f"INSERT INTO models ({', '.join(row)}) VALUES ({marks})", row)
    if version < 5:
        database.executemany("INSERT INTO tags VALUES ('ridge', 3, ?, ?)", TAGS.items())
    database.execute("INSERT INTO files VALUES ('ridge', 3, 'model.txt', ?, ?, 0)", (DIGEST, len(CONTENT)))
    database.execute(f"PRAGMA user_version = {version}")
    database.commit()
    database.close()


@pytest.mark.parametrize("version", range(1, len(STEPS) + 1))
def test_a_folder_of_any_schema_is_brought_to_this_one(version: int, tmp_path: Path) -> None:
    lay_down(tmp_path / "hub", version)
    with Home(tmp_path / "hub") as home:
        registry = Registry(home)
        model = registry.get("ridge")
        assert (model.id, model.created_at, model.created_by) == ("ridge:3", MADE_AT, "ann")
        assert (model.tags, model.properties) == (TAGS, {"p": "1"})
        assert registry.tag("ridge", 3, {"stage": "production"}).tags["stage"] == "production"
        assert registry.register("ridge", tmp_path / "hub" / "files" / DIGEST[:2] / DIGEST).version == 8
        assert Services(home).all() == []
        assert check(home).problems == ()
        assert home.database.execute("PRAGMA user_version").fetchone()[0] == len(STEPS)


def test_a_folder_of_a_later_schema_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    lay_down(tmp_path / "hub", len(STEPS))
    database = sqlite3.connect(tmp_path / "hub" / DATABASE)
    database.executescript(f"CREATE TABLE later (x); PRAGMA user_version = {len(STEPS) + 1}")
    database.close()
    before = (tmp_path / "hub" / DATABASE).read_bytes()
    with pytest.raises(HomeUnusable, match=f"by a later version of scoringhost.*version {len(STEPS) + 1}.*update"):
        Home(tmp_path / "hub")
    assert (tmp_path / "hub" / DATABASE).read_bytes() == before


def test_a_step_that_was_released_never_changes() -> None:
    found = tuple(hashlib.sha256(step.encode()).hexdigest()[:4] for step in STEPS)
    assert found == STEPS_THAT_WERE_RELEASED
