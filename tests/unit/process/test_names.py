"""What processes are called."""

from __future__ import annotations

import pytest

from scoringhost.process.names import LONGEST, short_name


@pytest.mark.parametrize(
    ("service", "version", "name"),
    [
        ("wine", "", "wine"),
        ("wine", "2", "wine:2"),
        ("customer-churn-prediction", "", "customer-churn-"),
        ("customer-churn-prediction", "12", "customer-chu:12"),
        ("wine", "2026-11-30-nightly", "w:2026-11-30-ni"),
    ],
)
def test_a_long_name_is_cut_and_its_version_kept(service: str, version: str, name: str) -> None:
    assert short_name(service, version) == name
    assert len(name) <= LONGEST
