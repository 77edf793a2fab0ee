"""The name of a model, by where its script is."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoringhost.dialects.oip.naming import name_of


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("/a/diabetes/score.py", "diabetes"),
        ("/a/wine.py", "wine"),
        ("/a/my model/main.py", "my-model"),
        ("/score.py", "model"),
        ("/a/{x}/score.py", "x"),
    ],
)
def test_a_usual_name_of_a_file_gives_way_to_its_folder(script: str, name: str) -> None:
    assert name_of(Path(script)) == name
