"""The settings in parts: each in one, and a part holds what the whole does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from scoringhost.settings import (
    SPECS,
    FleetSettings,
    FunctionsSettings,
    HttpSettings,
    HubSettings,
    InferenceSettings,
    KafkaSettings,
    RecordingSettings,
    ServerSettings,
    ServiceSettings,
    Settings,
)
from scoringhost.settings.declaration import Part, specs_of

PARTS: tuple[type[Part], ...] = (
    ServiceSettings,
    ServerSettings,
    HttpSettings,
    InferenceSettings,
    RecordingSettings,
    KafkaSettings,
    FleetSettings,
    HubSettings,
    FunctionsSettings,
)


def test_every_setting_is_in_exactly_one_part() -> None:
    names = [name for part in PARTS for name in specs_of(part)]
    assert names == list(SPECS)
    assert len(names) == len(set(names))


def test_a_part_has_the_values_and_the_origins_of_the_whole(tmp_path: Path) -> None:
    environ = {"SERVER_PORT": "6000", "SERVICE_PATH_PREFIX": "/", "AML_CORS_ORIGINS": "a", "SCORINGHOST_JOBS": "true"}
    whole, _ = Settings.load(environ | {"SCORING_TIMEOUT_MS": "500"}, {}, tmp_path)
    assert whole.server.port == 6000
    assert whole.server.origins == {"port": "environment SERVER_PORT"}
    assert whole.service.limit_s == 0.5
    assert whole.http.document_prefix == "/"
    assert whole.http.cors_as_azmlinfsrv
    assert whole.functions.jobs


@pytest.mark.parametrize("part", ["server", "service", "http", "inference", "recording", "functions"])
def test_a_part_cannot_be_changed_and_knows_nothing_of_the_others(part: str) -> None:
    view = getattr(Settings(port=6000), part)
    assert not isinstance(view, Settings)
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.origins = {}


def test_a_changed_copy_has_views_of_its_own() -> None:
    first = Settings(port=6000)
    assert first.server.port == 6000
    assert dataclasses.replace(first, port=7000).server.port == 7000
