"""Keys: which are known by which name, from settings and from files that change."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from scoringhost.access import keys as module
from scoringhost.access.keys import Keys
from scoringhost.errors import SettingsError
from scoringhost.settings import Secret

OLD, NEW = "0123456789abcdef-old", "0123456789abcdef-new"


@pytest.fixture(autouse=True)
def always_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.0)


def test_both_keys_of_the_settings_are_known_by_name() -> None:
    keys = Keys({"primary": Secret(OLD), "secondary": Secret(NEW)})
    assert (keys.name_of(OLD), keys.name_of(NEW)) == ("primary", "secondary")


@pytest.mark.parametrize("key", ["", OLD[:-1], OLD + "x", OLD.upper(), "é\udc80"])
def test_any_other_text_is_no_key(key: str) -> None:
    assert Keys({"primary": Secret(OLD)}).name_of(key) is None


def test_a_file_has_a_key_a_line_with_or_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# of the web shop\nshop {OLD}\n\n{NEW}\n")
    keys = Keys({}, path)
    assert (keys.name_of(OLD), keys.name_of(NEW)) == ("shop", "key 4")


def test_a_key_that_is_replaced_in_the_file_is_known_at_once_and_the_old_one_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"shop {OLD}\n")
    keys = Keys({}, path)
    path.write_text(f"shop {NEW}\n# changed\n")
    assert (keys.name_of(OLD), keys.name_of(NEW)) == (None, "shop")


def test_a_mounted_secret_is_a_folder_whose_link_is_turned(tmp_path: Path) -> None:
    # As kubelet does it: `..data` is a link to a folder with a date, and every file a link through it.
    for version, key in (("..1", OLD), ("..2", NEW)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "primary").write_text(key + "\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "primary").symlink_to("..data/primary")
    keys = Keys({}, tmp_path)
    assert keys.name_of(OLD) == "primary"
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert (keys.name_of(OLD), keys.name_of(NEW)) == (None, "primary")


def test_while_the_file_cannot_be_read_the_keys_read_before_hold(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys"
    path.write_text(f"shop {OLD}\n")
    keys = Keys({}, path)
    path.write_text("")
    assert keys.name_of(OLD) == "shop"
    path.unlink()
    assert keys.name_of(OLD) == "shop"
    assert "cannot be read; those read before still hold" in caplog.text
    assert OLD not in caplog.text


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "holds no key"),
        ("# nothing\n", "holds no key"),
        (f"shop {OLD} 7\n", "line 1: expected a key, or a name and a key, got 3 words"),
        (f"shop {OLD}\nshop {NEW}\n", "two keys are named 'shop'"),
    ],
)
def test_a_file_without_usable_keys_is_refused_at_the_start(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "keys"
    path.write_text(content)
    with pytest.raises(SettingsError, match=why) as refusal:
        Keys({}, path)
    assert OLD not in str(refusal.value)


def test_a_file_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="keys_file: .*No such file"):
        Keys({}, tmp_path / "nowhere")


def test_a_key_that_can_be_guessed_is_warned_of_by_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Keys({"primary": Secret("hunter2")})
    assert "The key named primary has 7 characters" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_good_key_is_remembered_by_the_text_it_came_in_until_the_keys_change(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"shop {OLD}\n")
    keys = Keys({}, path)
    assert keys.remembered(f"Bearer {OLD}") is None
    assert keys.name_of(OLD, f"Bearer {OLD}") == "shop"
    assert keys.remembered(f"Bearer {OLD}") == "shop"
    path.write_text(f"shop {NEW}\n# changed\n")
    assert keys.remembered(f"Bearer {OLD}") is None
    assert keys.name_of(OLD, f"Bearer {OLD}") is None


def test_no_bad_key_is_remembered_and_no_more_than_a_few_texts_with_a_good_one() -> None:
    keys = Keys({"primary": Secret(OLD)})
    assert keys.name_of(NEW, f"Bearer {NEW}") is None
    assert keys.remembered(f"Bearer {NEW}") is None
    texts = [f"Bearer{' ' * blanks}{OLD}" for blanks in range(1, 2 * module.REMEMBERED)]
    assert {keys.name_of(OLD, text) for text in texts} == {"primary"}
    assert sum(keys.remembered(text) is not None for text in texts) == module.REMEMBERED
