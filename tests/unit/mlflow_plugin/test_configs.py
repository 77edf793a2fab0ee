"""What MLflow's config becomes."""

from __future__ import annotations

from typing import Any

import pytest

from scoringhost.hub.errors import ValueRefused
from scoringhost.mlflow_plugin.configs import deployment_fields, traffic_fields


def test_no_config_is_no_fields() -> None:
    assert (deployment_fields(None), deployment_fields({}), traffic_fields(None, []), traffic_fields({}, [])) == (
        {}, {}, {}, {},
    )  # fmt: skip


def test_settings_may_have_dashes_and_an_environment_stands_beside_them() -> None:
    config = {"max-batch-size": "8", "threads": 2, "environment": "requirements.txt"}
    assert deployment_fields(config) == {
        "environment": "requirements.txt",
        "settings": {"max_batch_size": "8", "threads": 2},
    }


@pytest.mark.parametrize(
    "config",
    [
        {"traffic": {"blue": 90, "green": 10}},
        {"traffic": '{"blue": 90, "green": 10}'},
        {"blue": "90", "green": "10%"},
        {"traffic": {"blue": 90}, "green": 10.0},
    ],
)
def test_traffic_is_said_in_three_ways(config: dict[str, Any]) -> None:
    assert traffic_fields(config, ["blue", "green"]) == {"shares": {"blue": 90.0, "green": 10.0}}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"bleu": 90}, "did you mean 'blue'?"),
        ({"trafic": 1}, "did you mean 'traffic'?"),
        ({"blue": "much"}, "blue: a number from 0 to 100"),
        ({"blue": 101}, "blue: a number from 0 to 100"),
        ({"blue": "nan"}, "blue: a number from 0 to 100"),
        ({"traffic": "blue"}, "traffic: percentages"),
        ({"traffic": [90]}, "traffic: percentages"),
    ],
)
def test_what_cannot_be_is_refused_by_name(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        traffic_fields(config, ["blue", "green"])
    assert said in str(refused.value)
