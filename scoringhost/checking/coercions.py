"""What becomes of a fraction where the sample holds whole numbers: refused, or rounded without a word."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Source
from scoringhost.errors import ResultNotEncodable
from scoringhost.schema import json_text
from scoringhost.schema.declared import DeclaredType, JsonValue, Misfit
from scoringhost.schema.inference import CustomType
from scoringhost.schema.typed_codec import TypedType
from scoringhost.script.signature import RunSignature

MOST_DEPTH = 6
Place = tuple[str | int, ...]


def fractions(source: Source, signature: RunSignature, sample: JsonValue) -> Iterable[Finding]:
    """One finding for every parameter whose sample holds whole numbers where a caller may send fractions."""
    for parameter in signature.parameters:
        if parameter.declared is None or not isinstance(sample, Mapping) or parameter.name not in sample:
            continue
        if isinstance(parameter.declared.type, (CustomType, TypedType)):
            continue  # what a type of the script's own does with numbers is its own affair, and `int` says it itself
        outcomes = _probe(parameter.declared.type, sample[parameter.name])
        for outcome in ("rounded", "refused"):
            places = [place for place, became in outcomes if became == outcome]
            # That a count or a year takes no fraction is as it should be; an array of features rarely holds counts.
            if places and (outcome == "rounded" or _is_array(sample[parameter.name])):
                yield _finding(source, parameter.name, places, outcome)


def _is_array(sample: JsonValue) -> bool:
    """Whether the sample is rows of numbers without names."""
    return isinstance(sample, list) and not any(isinstance(row, dict) for row in sample)


def _probe(declared: DeclaredType, sample: JsonValue) -> list[tuple[str, str]]:
    """What becomes of a fraction at each place of the sample that holds a whole number."""
    outcomes = []
    for place in _whole_numbers(sample):
        changed = _changed(sample, place)
        try:
            rounded = _text(declared.to_python(changed)) == _text(declared.to_python(copy.deepcopy(sample)))
        except Misfit:
            outcomes.append((_named(place), "refused"))
        except ResultNotEncodable:
            continue  # it cannot be compared
        else:
            outcomes.append((_named(place), "rounded" if rounded else "kept"))
    return outcomes


def _text(value: object) -> bytes:
    return json_text.dumps(value)


def _whole_numbers(value: JsonValue, place: Place = ()) -> Iterator[Place]:
    """Where there are whole numbers: in every member of an object, and in the first item of a list."""
    if isinstance(value, int) and not isinstance(value, bool):
        yield place
    elif len(place) >= MOST_DEPTH:
        return
    elif isinstance(value, list) and value:
        yield from _whole_numbers(value[0], (*place, 0))
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _whole_numbers(member, (*place, name))


def _changed(sample: JsonValue, place: Place) -> JsonValue:
    """A copy of the sample with half more at one place."""
    if not place:
        return sample + 0.5
    changed = copy.deepcopy(sample)
    part: Any = changed
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] += 0.5
    return changed


def _named(place: Place) -> str:
    """A place as people call it: the columns or members on the way, without positions."""
    return ".".join(step for step in place if isinstance(step, str))


def _finding(source: Source, name: str, places: list[str], outcome: str) -> Finding:
    columns = ", ".join(repr(place) for place in dict.fromkeys(places) if place)
    what = f"parameter {name!r}" + (f", {columns}" if columns else "")
    if outcome == "rounded":
        message = f"{what}: the sample holds whole numbers, and a fraction such as 1.5 is rounded without a word"
    else:
        message = f"{what}: the sample holds whole numbers, so a fraction such as 1.5 is refused with a 400"
    severity = Severity.WARNING if outcome == "rounded" else Severity.HINT
    remedy = "Write 1.0 in place of 1 in the sample if fractions are meant to be taken."
    return Finding(severity, f"fraction-{outcome}", message, remedy, source.path, source.run_line)
