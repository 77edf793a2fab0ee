"""Figures, the rules of the recommendation, JSON and the table."""

from __future__ import annotations

import json

import pytest

from scoringhost.profiling import report
from scoringhost.profiling.report import Latency, Recommendation, Step


def step(clients: int, per_s: float, p99: float, **more: object) -> Step:
    figures: dict[str, object] = {"cpu_cores": 0.5, "memory_mib": 100.0} | more
    return Step(clients, 300, figures.pop("failed", 0), per_s, Latency(p99 / 2, p99, p99, p99), **figures)  # type: ignore[arg-type]


# -- percentiles ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (95, 95), (99, 99), (100, 100)])
def test_a_percentile_is_the_nearest_rank(percent: float, expected: int) -> None:
    assert report.percentile(range(1, 101), percent) == expected


@pytest.mark.parametrize("percent", [0, 50, 99, 100])
def test_every_percentile_of_one_value_is_that_value(percent: float) -> None:
    assert report.percentile([7.0], percent) == 7.0


def test_latencies_in_any_order_of_seconds_become_milliseconds() -> None:
    assert Latency.of([0.003, 0.001, 0.002]) == Latency(p50=2.0, p95=3.0, p99=3.0, max=3.0)


def test_no_answers_have_no_latency() -> None:
    assert Latency.of([]) is None


# -- rounding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, 0.1), (0.01, 0.1), (0.1, 0.1), (0.11, 0.2), (1.2, 1.2), (0.3 * 4, 1.2), (1.21, 1.3)]
)
def test_requests_are_rounded_up_to_a_tenth_and_are_at_least_one(value: float, expected: float) -> None:
    assert report.rounded_up(value) == expected


# -- the recommendation ---------------------------------------------------------------------------


def test_the_best_throughput_is_chosen_while_p99_is_at_most_twice_that_of_one_client() -> None:
    steps = [step(1, 100, 10), step(2, 180, 12), step(4, 250, 20), step(8, 400, 20.1)]
    assert report.chosen_step(steps) is steps[2]


def test_a_slower_step_with_more_clients_is_not_chosen() -> None:
    steps = [step(1, 100, 10), step(2, 180, 12), step(4, 150, 13)]
    assert report.chosen_step(steps) is steps[1]


def test_one_client_is_chosen_when_every_other_step_is_too_slow() -> None:
    steps = [step(1, 100, 10), step(2, 101, 30)]
    assert report.chosen_step(steps) is steps[0]


def test_without_a_step_of_one_client_the_fewest_clients_are_the_measure() -> None:
    steps = [step(8, 400, 39), step(4, 250, 20)]
    assert report.chosen_step(steps) is steps[0]


def test_a_step_with_failed_requests_is_never_chosen() -> None:
    steps = [step(1, 100, 10), step(2, 180, 12, failed=1)]
    assert report.chosen_step(steps) is steps[0]


def test_cpu_is_that_of_the_chosen_step_and_a_fifth_more() -> None:
    advice = report.recommend([step(1, 100, 10, cpu_cores=0.4), step(2, 150, 11, cpu_cores=0.8)])
    assert advice is not None
    assert (advice.clients, advice.cpu) == (2, 1.0)


def test_memory_is_the_largest_of_all_steps_and_a_quarter_more() -> None:
    advice = report.recommend([step(1, 100, 10, memory_mib=500.0), step(2, 90, 50, memory_mib=1024.0)])
    assert advice == Recommendation(clients=1, cpu=0.6, memory_gib=1.3)


def test_without_figures_of_the_processes_only_the_clients_are_recommended() -> None:
    advice = report.recommend([step(1, 100, 10, cpu_cores=None, memory_mib=None)])
    assert advice == Recommendation(clients=1, cpu=None, memory_gib=None)


def test_nothing_is_recommended_when_every_step_failed() -> None:
    assert report.recommend([step(1, 100, 10, failed=3), Step(2, 5, 5, 0.0, None)]) is None


# -- JSON and the table ---------------------------------------------------------------------------


def test_the_json_document_has_exactly_the_keys_that_the_module_explains() -> None:
    document = report.document([step(1, 100, 10, statuses={200: 300})], "serve it", "http://127.0.0.1:1/score")
    explained = str(report.__doc__)
    for key in (*document, *document["steps"][0]):
        assert f" {key}" in explained
    assert {key: document[key] for key in document if key != "steps"} == {
        "recommendedConcurrency": 1,
        "requestedCpu": 0.6,
        "requestedMemoryInGb": 0.2,
        "command": "serve it",
        "url": "http://127.0.0.1:1/score",
    }
    assert document["steps"][0]["statuses"] == {"200": 300}


def test_a_profile_without_answers_is_json_too() -> None:
    document = json.loads(json.dumps(report.document([Step(1, 3, 3, 0.0, None)], None, "http://h/score")))
    assert document["steps"][0]["latencyMs"] is None
    assert document["requestedCpu"] is None


def test_the_table_is_aligned_and_shows_what_is_missing_as_a_dash() -> None:
    lines = report.table([step(1, 99.96, 10), Step(16, 3, 3, 0.0, None)]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[0].split()[:4] == ["clients", "requests", "failed", "req/s"]
    assert lines[1].split() == ["1", "300", "0", "100.0", "5.00", "10.00", "10.00", "10.00", "0.50", "100.0", "-"]
    assert lines[2].split() == ["16", "3", "3", "0.0"] + ["-"] * 7


def test_remarks_name_the_recommendation_and_the_first_failure() -> None:
    said = report.remarks([step(1, 100, 10), step(2, 100, 10, failed=2, first_failure="503: too many calls")])
    assert said == [
        "recommended: 1 client(s) at once, requestedCpu 0.6, requestedMemoryInGb 0.2",
        "2 requests failed; the first: 503: too many calls",
    ]


def test_remarks_warn_of_a_busy_load_driver_and_of_failed_health_probes() -> None:
    said = report.remarks([step(4, 100, 10, driver_cores=0.97, health_failed=2)])
    assert "2 health probes failed" in said
    assert any("load driver was busy" in line for line in said)


# BUG: on a busy machine too little was recommended, without a word.
def test_a_busy_machine_is_remarked_on() -> None:
    quiet = report.remarks([step(1, 100, 9, others_cores=0.1)])
    busy = report.remarks([step(1, 100, 9, others_cores=0.1), step(2, 120, 9, others_cores=1.24)])
    assert not any("other programs" in remark for remark in quiet)
    assert any("other programs used up to 1.2 cores meanwhile" in remark for remark in busy)
    assert not any("other programs" in remark for remark in report.remarks([step(1, 100, 9)]))
