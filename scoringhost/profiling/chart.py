"""The profile as an SVG picture: latency against throughput, one point for each number of clients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from scoringhost.profiling.report import Step

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 84, 40, 76, 64
P50_COLOUR, P99_COLOUR, CHOSEN_COLOUR = "#1d6fb8", "#c2410c", "#15803d"
INK, FAINT = "#1f2937", "#d8dde3"
LABEL_WIDTH, LABEL_HEIGHT = 18, 13
HEADROOM = 1.05
LEGEND_TOP = 52


def nice_ticks(largest: float, about: int = 6) -> list[float]:
    """From 0 in even steps of 1, 2 or 5 times a power of ten to the first that is not below `largest`."""
    largest = largest if largest > 0 else 1.0
    rough = largest / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    digits = max(0, -math.floor(math.log10(step)))
    return [round(step * at, digits) for at in range(math.ceil(largest / step - 1e-9) + 1)]


@dataclass(frozen=True)
class Axis:
    """Values from 0 to the last tick on a line of pixels."""

    ticks: Sequence[float]
    start_px: float
    end_px: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start_px + (self.end_px - self.start_px) * value / self.ticks[-1]


def draw(steps: Iterable[Step], title: str, chosen_clients: int | None = None) -> str:
    """Draw the steps that had successful answers; answers an SVG document."""
    points = [(step, step.latency_ms) for step in steps if step.latency_ms]
    x = Axis(nice_ticks(max((step.per_s for step, _ in points), default=1.0)), LEFT, WIDTH - RIGHT)
    y = Axis(nice_ticks(HEADROOM * max((latency.p99 for _, latency in points), default=1.0)), HEIGHT - BOTTOM, TOP)
    svg = _canvas(title)
    _draw_axes(svg, x, y)
    _draw_chosen(svg, x, next((step for step, _ in points if step.clients == chosen_clients), None))
    p50 = [(x.at(step.per_s), y.at(latency.p50)) for step, latency in points]
    p99 = [(x.at(step.per_s), y.at(latency.p99)) for step, latency in points]
    rising = _rising([step.per_s for step, _ in points])
    _draw_series(svg, p50, P50_COLOUR, rising)
    _draw_series(svg, p99, P99_COLOUR, rising, square=True)
    _draw_labels(svg, p99, [str(step.clients) for step, _ in points])
    _draw_legend(svg)
    ElementTree.indent(svg)
    return ElementTree.tostring(svg, encoding="unicode") + "\n"


def _canvas(title: str) -> ElementTree.Element:
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {WIDTH} {HEIGHT}",
        "width": str(WIDTH),
        "height": str(HEIGHT),
        "font-family": "'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif",
        "font-size": "12",
        "role": "img",
    }
    svg = ElementTree.Element("svg", attributes)
    _add(svg, "title").text = title
    _add(svg, "rect", width=WIDTH, height=HEIGHT, fill="#ffffff")
    shown = title if len(title) <= 72 else f"{title[:34]} ... {title[-34:]}"
    _text(svg, LEFT, 32, shown, font_size=16, font_weight="bold")
    return svg


def _draw_axes(svg: ElementTree.Element, x: Axis, y: Axis) -> None:
    for tick in y.ticks:
        _line(svg, (LEFT, y.at(tick)), (WIDTH - RIGHT, y.at(tick)), FAINT)
        _text(svg, LEFT - 8, y.at(tick) + 4, f"{tick:,g}", text_anchor="end")
    for tick in x.ticks:
        _line(svg, (x.at(tick), HEIGHT - BOTTOM), (x.at(tick), HEIGHT - BOTTOM + 5), INK)
        _text(svg, x.at(tick), HEIGHT - BOTTOM + 20, f"{tick:,g}", text_anchor="middle")
    _line(svg, (LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM), INK)
    _line(svg, (LEFT, HEIGHT - BOTTOM), (LEFT, TOP), INK)
    _text(svg, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18, "throughput (requests/s)", text_anchor="middle")
    middle = (TOP + HEIGHT - BOTTOM) / 2
    _text(svg, 30, middle, "latency (ms)", text_anchor="middle", transform=f"rotate(-90 30 {middle:g})")


def _draw_chosen(svg: ElementTree.Element, x: Axis, step: Step | None) -> None:
    """A dashed line through the step that is recommended, and its name beside the legend."""
    if step is None:
        return
    at = x.at(step.per_s)
    _line(svg, (at, TOP), (at, HEIGHT - BOTTOM), CHOSEN_COLOUR, stroke_dasharray="5 4")
    said = f"recommended: {step.clients} client{'s' if step.clients > 1 else ''}"
    _text(svg, WIDTH - RIGHT, LEGEND_TOP + 4, f"- - {said}", text_anchor="end", fill=CHOSEN_COLOUR)


def _rising(rates: Sequence[float]) -> list[int]:
    """Which steps brought more throughput than all before. A line through the others would go to and fro."""
    found: list[int] = []
    for at, rate in enumerate(rates):
        if not found or rate > rates[found[-1]]:
            found.append(at)
    return found


def _draw_series(
    svg: ElementTree.Element,
    points: Sequence[tuple[float, float]],
    colour: str,
    joined: Sequence[int],
    square: bool = False,
) -> None:
    path = " ".join(f"{points[at][0]:.1f},{points[at][1]:.1f}" for at in joined)
    _add(svg, "polyline", points=path, fill="none", stroke=colour, stroke_width=2, stroke_linejoin="round")
    for point in points:
        _draw_mark(svg, point, colour, square)


def _draw_mark(svg: ElementTree.Element, point: tuple[float, float], colour: str, square: bool) -> None:
    left, top = point
    if square:
        _add(svg, "rect", x=f"{left - 3.5:.1f}", y=f"{top - 3.5:.1f}", width=7, height=7, fill=colour)
    else:
        _add(svg, "circle", cx=f"{left:.1f}", cy=f"{top:.1f}", r=4, fill=colour)


def _draw_labels(svg: ElementTree.Element, points: Sequence[tuple[float, float]], labels: Sequence[str]) -> None:
    """The numbers of clients left of the points; a number that would cover another is left out."""
    halo = {"font_weight": "bold", "stroke": "#ffffff", "stroke_width": 3, "paint_order": "stroke"}
    taken: list[tuple[float, float]] = []
    for (left, top), label in zip(points, labels, strict=True):
        if all(abs(left - other) > LABEL_WIDTH or abs(top - above) > LABEL_HEIGHT for other, above in taken):
            taken.append((left, top))
            _text(svg, left - 8, top - 6, label, text_anchor="end", fill=P99_COLOUR, **halo)


def _draw_legend(svg: ElementTree.Element) -> None:
    at = LEGEND_TOP
    for left, name, colour, square in (
        (LEFT, "p50", P50_COLOUR, False),
        (LEFT + 70, "p99; the numbers are clients at once", P99_COLOUR, True),
    ):
        _line(svg, (left, at), (left + 24, at), colour, stroke_width=2)
        _draw_mark(svg, (left + 12, at), colour, square)
        _text(svg, left + 30, at + 4, name)


# -- elements -------------------------------------------------------------------------------------


def _add(parent: ElementTree.Element, tag: str, /, **attributes: object) -> ElementTree.Element:
    """Append an element and answer it; underscores in names of attributes stand for hyphens."""
    named = {name.replace("_", "-"): str(value) for name, value in attributes.items()}
    return ElementTree.SubElement(parent, tag, named)


def _text(parent: ElementTree.Element, left: float, top: float, text: str, **attributes: object) -> None:
    placed = {"x": f"{left:.1f}", "y": f"{top:.1f}", "fill": INK} | attributes
    _add(parent, "text", **placed).text = text


def _line(
    parent: ElementTree.Element,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    **attributes: object,
) -> None:
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    _add(parent, "line", **{name: f"{value:.1f}" for name, value in ends.items()}, stroke=colour, **attributes)
