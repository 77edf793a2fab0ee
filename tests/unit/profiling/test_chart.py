"""The picture of a profile: sound XML, with its axes, units, points and labels."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from scoringhost.profiling import chart
from scoringhost.profiling.report import Latency, Step

SVG = "{http://www.w3.org/2000/svg}"
STEPS = [
    Step(clients, 100, 0, per_s, Latency(p99 / 2, p99, p99, p99))
    for clients, per_s, p99 in ((1, 100.0, 10.0), (2, 180.0, 12.0), (4, 190.0, 40.0))
]


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        (6.0, [0, 1, 2, 3, 4, 5, 6]),
        (10.1, [0, 2, 4, 6, 8, 10, 12]),
        (0.25, [0, 0.05, 0.1, 0.15, 0.2, 0.25]),
        (6870.0, [0, 2000, 4000, 6000, 8000]),
        (0.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    ],
)
def test_ticks_are_round_numbers_that_reach_the_largest_value(largest: float, expected: list[float]) -> None:
    assert chart.nice_ticks(largest) == expected


def test_an_axis_puts_its_first_and_last_tick_at_its_ends() -> None:
    axis = chart.Axis([0, 5, 10], 400, 100)
    assert [axis.at(value) for value in (0, 5, 10)] == [400, 250, 100]


def test_the_chart_has_a_title_both_axes_with_units_and_both_series() -> None:
    said = texts(chart.draw(STEPS, "score.py: latency and throughput"))
    assert said[0] == "score.py: latency and throughput"
    assert {"throughput (requests/s)", "latency (ms)", "p50"} <= set(said)
    assert any(text.startswith("p99") for text in said)


def test_every_step_is_a_point_of_both_series_inside_the_frame() -> None:
    root = ElementTree.fromstring(chart.draw(STEPS, "t"))
    lines = [node.attrib["points"].split() for node in root.iter(f"{SVG}polyline")]
    assert [len(points) for points in lines] == [3, 3]
    for point in (point for points in lines for point in points):
        left, top = map(float, point.split(","))
        assert chart.LEFT <= left <= chart.WIDTH - chart.RIGHT
        assert chart.TOP <= top <= chart.HEIGHT - chart.BOTTOM


# BUG: where more clients brought less throughput, the line went to and fro.
def test_the_line_goes_on_only_where_throughput_does() -> None:
    steps = [Step(clients, 9, 0, per_s, Latency(5, 9, 9, 9)) for clients, per_s in ((1, 100.0), (2, 90.0), (4, 110.0))]
    root = ElementTree.fromstring(chart.draw(steps, "t"))
    for line in root.iter(f"{SVG}polyline"):
        lefts = [float(point.split(",")[0]) for point in line.attrib["points"].split()]
        assert lefts == sorted(lefts)
        assert len(lefts) == 2
    assert len(list(root.iter(f"{SVG}circle"))) == 3 + 1  # every point, and the legend's


def test_points_are_labelled_with_their_clients_and_the_recommended_one_is_named() -> None:
    said = texts(chart.draw(STEPS, "t", chosen_clients=2))
    assert "- - recommended: 2 clients" in said
    assert "4" in said


def test_labels_that_would_cover_each_other_are_left_out() -> None:
    same = [Step(clients, 9, 0, 100.0, Latency(1, 1, 1, 1)) for clients in (301, 302)]
    said = texts(chart.draw(same, "t"))
    assert "301" in said
    assert "302" not in said


def test_a_title_with_markup_is_escaped_and_a_long_one_is_cut_in_the_middle() -> None:
    assert texts(chart.draw(STEPS, "a<b> & c"))[0] == "a<b> & c"
    cut = texts(chart.draw(STEPS, f"start{'x' * 200}end"))[0]
    assert len(cut) < 80
    assert cut.startswith("start")
    assert cut.endswith("end")


def test_a_profile_without_answers_is_an_empty_chart() -> None:
    root = ElementTree.fromstring(chart.draw([Step(1, 3, 3, 0.0, None)], "t", chosen_clients=1))
    assert [node.attrib["points"] for node in root.iter(f"{SVG}polyline")] == ["", ""]
