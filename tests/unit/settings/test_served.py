"""What a file is, by how it begins."""

from pathlib import Path

import pytest

from scoringhost.settings.served import file_framework


@pytest.mark.parametrize(
    ("text", "framework"),
    [
        ('{"learner":{"attributes":{}}}', "xgboost"),
        ('{"version":[3,1,1],"learner":{}}', "xgboost"),
        ('{\n  "version": "2.0",\n  "functionTimeout": "00:05:00"\n}', None),
        ('{"version": 3}', None),
        ('{"learner": "Ann"}', None),
        ("[]", None),
    ],
    ids=["a model", "a model with its version first", "host.json of a function app", "a number", "a name", "a list"],
)
def test_json_is_a_model_of_xgboost_only_if_it_begins_like_one(
    tmp_path: Path, text: str, framework: str | None
) -> None:
    file = tmp_path / "some.json"
    file.write_text(text)
    assert file_framework(file) == framework
