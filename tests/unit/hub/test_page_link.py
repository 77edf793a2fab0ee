"""The file that leads a browser to a link."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from scoringhost.hub.errors import HomeUnusable
from scoringhost.hub.page_link import kept_for_browser


def test_the_newest_link_is_in_a_file_of_one_user_alone(tmp_path: Path) -> None:
    for code in ("one", "two"):
        path = kept_for_browser(f"http://127.0.0.1:5002/ui#code={code}", tmp_path)
    assert "url=http://127.0.0.1:5002/ui#code=two" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable, match="nowhere"):
        kept_for_browser("http://127.0.0.1:5002/ui#code=one", tmp_path / "nowhere")
