"""scoringhost.metrics: what an entry script counts for itself."""

from __future__ import annotations

import sys

import prometheus_client
import pytest

from scoringhost import metrics


def test_a_metric_that_is_made_again_is_the_same_one() -> None:
    first = metrics.counter("test_cats", "Cats.", ["kind"])
    assert metrics.counter("test_cats", "Cats.", ["kind"]) is first
    first.labels("tabby").inc(2)
    assert prometheus_client.REGISTRY.get_sample_value("test_cats_total", {"kind": "tabby"}) == 2


def test_every_kind_there_is() -> None:
    metrics.gauge("test_mood", "Mood.").set(3)
    with metrics.histogram("test_seconds", "Time.", buckets=[1.0]).time():
        pass
    metrics.summary("test_sizes", "Sizes.").observe(4)
    value = prometheus_client.REGISTRY.get_sample_value
    assert (value("test_mood"), value("test_seconds_bucket", {"le": "1.0"}), value("test_sizes_sum")) == (3, 1, 4)


def test_another_kind_of_the_same_name_is_refused() -> None:
    metrics.counter("test_dogs_total", "Dogs.")
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.gauge("test_dogs_total", "Dogs.")


def test_without_prometheus_client_the_same_script_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    nothing = metrics.counter("test_birds", "Birds.", ["kind"]).labels("owl")
    nothing.inc()
    nothing.observe(1)
    with nothing.time():
        nothing.set(2)

    @nothing.time()
    def run() -> str:
        return "ran"

    assert run() == "ran"
