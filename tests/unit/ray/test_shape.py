"""What Ray Serve is told of a service, without Ray."""

from __future__ import annotations

import pytest

from scoringhost.errors import SettingsError
from scoringhost.ray.made import settings_for_replicas
from scoringhost.ray.shape import ROOM_TO_REFUSE, Shape, cautions, serve_options, slots, timeout_caution
from scoringhost.settings import Settings


def test_a_replica_is_sent_more_than_it_takes_so_that_it_can_refuse_the_rest_itself() -> None:
    options = serve_options(Settings(threads=2, max_waiting=300), Shape())
    assert options["max_ongoing_requests"] == 100 + 300 + ROOM_TO_REFUSE  # an async run() has room for a hundred
    options = serve_options(Settings(max_concurrent_requests=7), Shape())
    assert options["max_ongoing_requests"] == 7 + ROOM_TO_REFUSE
    assert "max_queued_requests" not in options  # Ray's own refusal has no Retry-After


def test_a_range_of_replicas_follows_the_slots_that_are_busy() -> None:
    options = serve_options(Settings(threads=4), Shape.of((1, 8), target_utilisation=50.0))
    assert options["autoscaling_config"] == {"min_replicas": 1, "max_replicas": 8, "target_ongoing_requests": 2.0}
    assert "num_replicas" not in options
    assert serve_options(Settings(), Shape.of(3))["num_replicas"] == 3


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        (Settings(), 1),
        (Settings(threads=3), 3),
        (Settings(threads=2, max_batch_size=8), 16),
        (Settings(threads=2, max_concurrent_requests=5), 5),
    ],
)
def test_slots_are_the_calls_that_a_replica_works_at_at_once(settings: Settings, count: int) -> None:
    assert slots(settings) == count


def test_a_replica_is_given_longer_to_end_than_its_requests_have() -> None:
    assert serve_options(Settings(drain_timeout_s=60), Shape())["graceful_shutdown_timeout_s"] > 60


def test_a_second_gpu_is_not_waited_for_when_a_version_is_replaced() -> None:
    assert serve_options(Settings(), Shape(num_gpus=1))["max_surge_percent"] == 0
    assert serve_options(Settings(), Shape(num_cpus=0.5))["max_surge_percent"] > 0
    assert serve_options(Settings(), Shape(num_cpus=0.5))["ray_actor_options"] == {"num_cpus": 0.5}


@pytest.mark.parametrize(
    ("replicas", "others", "named"),
    [
        (0, {}, "replicas"),
        ((3, 2), {}, "replicas"),
        ((-1, 2), {}, "replicas"),
        (1, {"num_cpus": -1.0}, "num_cpus"),
        (1, {"num_gpus": -0.5}, "num_gpus"),
        (1, {"target_utilisation": 0.0}, "target_utilisation"),
        (1, {"target_utilisation": 101.0}, "target_utilisation"),
    ],
)
def test_a_number_that_cannot_be_used_is_named(
    replicas: int | tuple[int, int], others: dict[str, float], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        Shape.of(replicas, **others)


def test_it_may_scale_to_no_replica_at_all() -> None:
    assert serve_options(Settings(), Shape.of((0, 2)))["autoscaling_config"]["min_replicas"] == 0


def test_settings_of_the_server_are_said_to_have_no_meaning() -> None:
    said = cautions(settings_for_replicas({"port": "7000", "threads": "2", "workers": 3}))
    assert [text.split()[0] for text in said] == ["port", "workers"]
    assert cautions(settings_for_replicas({"threads": 2, "scoring_timeout_ms": 5000})) == []


def test_what_each_replica_counts_for_itself_is_said() -> None:
    said = " ".join(cautions(settings_for_replicas({"metrics": True, "rate_limit": "10/s"})))
    assert "metrics" in said
    assert "rate_limit" in said


def test_paths_of_the_replicas_need_not_be_on_the_machine_that_deploys() -> None:
    settings_for_replicas({"model_dir": "/of/another/machine", "app_root": "/nowhere"})


def test_a_setting_that_there_is_not_is_refused_before_anything_is_deployed() -> None:
    with pytest.raises(TypeError, match="thread"):
        settings_for_replicas({"thread": 1})
    with pytest.raises(SettingsError, match="threads"):
        settings_for_replicas({"threads": "many"})


@pytest.mark.parametrize(
    ("settings", "request_timeout_s", "is_said"),
    [
        (Settings(scoring_timeout_ms=5000), None, False),
        (Settings(scoring_timeout_ms=5000), -1.0, False),  # Ray takes it for none
        (Settings(scoring_timeout_ms=5000), 10.0, False),
        (Settings(scoring_timeout_ms=5000), 5.0, True),
        (Settings(scoring_timeout_ms=0), 3600.0, True),
    ],
)
def test_a_proxy_that_gives_up_before_run_has_had_its_time_is_told(
    settings: Settings, request_timeout_s: float | None, is_said: bool
) -> None:
    said = timeout_caution(settings, request_timeout_s)
    assert (said is not None) is is_said
    assert said is None or "scoring_timeout_ms" in said
