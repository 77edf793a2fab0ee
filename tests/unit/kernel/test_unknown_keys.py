"""A key of a body that run() does not take is told of, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scoringhost.errors import UnknownParameter
from scoringhost.kernel.unknown_keys import MOST_NOTICES, UnknownKeys

Serve = Callable[..., Any]

SCRIPT = """
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType as Standard
from inference_schema.schema_decorators import input_schema

@input_schema("rows", Standard([1.0]))
@input_schema("threshold", Standard(0.5), optional=True)
def run(rows, threshold=0.5): return threshold
"""
TOLD = (
    "run() takes no parameter 'treshold', but rows, threshold; is 'threshold' meant? "
    "(ignored; the setting unknown_keys=refuse makes it a 400)"
)


# BUG: 200 with the default, and nobody was told.
def test_a_misspelt_key_is_warned_of_once(serving: Serve) -> None:
    served = serving(SCRIPT)
    for _ in range(2):
        assert served.score(b'{"rows": [1.5], "treshold": 0.9}').output == 0.5
    assert served.seen.messages == [TOLD]


def test_a_misspelt_key_is_refused_if_a_setting_says_so(serving: Serve) -> None:
    served = serving(SCRIPT, refuses_unknown_keys=True)
    with pytest.raises(UnknownParameter, match="'treshold', but rows, threshold; is 'threshold' meant"):
        served.score(b'{"rows": [1.5], "treshold": 0.9}')
    assert served.seen.messages == []
    assert served.score({"rows": [1.5], "threshold": 0.9}).output == 0.9
    assert served.score({"rows": [1.5]}).output == 0.5


def test_the_number_of_warnings_is_bounded() -> None:
    told: list[str] = []
    keys = UnknownKeys(["a"], refuses=False, notice=told.append)
    for number in range(3 * MOST_NOTICES):
        keys.met([f"key {number}", "the same"])
    assert len(told) == MOST_NOTICES


def test_a_long_key_is_shortened() -> None:
    with pytest.raises(UnknownParameter) as refused:
        UnknownKeys(["a"], refuses=True, notice=print).met(["x" * 100_000])
    assert len(str(refused.value)) < 200
