"""Large results: told from small ones, and encoded in pieces to the same text."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from scoringhost.schema import json_text, large_json
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.large_json import encode_in_pieces, is_large

MILLION = 1_000_000


@pytest.mark.parametrize(
    "value",
    [
        [0.5] * MILLION,
        [[0.5] * 1000] * 1000,
        [1.0, [0.5] * MILLION],
        [[[0.5] * MILLION]],
        {"predictions": [0.5] * MILLION, "n": 1},
        [{"label": "cat", "score": 0.5}] * MILLION,
        dict.fromkeys(map(str, range(MILLION)), 1),
        np.zeros((1000, 1000)),
        [np.zeros((1000, 1000))],
        pd.DataFrame({"a": np.zeros(MILLION)}),
        pd.Series(np.zeros(MILLION)),
        "x" * 32 * MILLION,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_large_result_is_large_wherever_its_weight_is(value: Any) -> None:
    assert is_large(value)


@pytest.mark.parametrize(
    "value",
    [None, 1, 1.5, "x", [], [1.0], [[1.0]], {}, {"a": [1, 2]}, [0.5] * 1000, np.zeros((100, 100)), object(), [{}] * 20],
    ids=lambda value: f"{type(value).__name__} {len(value) if hasattr(value, '__len__') else ''}",
)
def test_an_ordinary_result_is_not(value: Any) -> None:
    assert not is_large(value)


def test_what_contains_itself_is_not() -> None:
    circle: list[Any] = []
    circle += [circle, {"again": circle}]
    assert not is_large(circle)


CASES = [
    [],
    [1, 2.5, None, True, "ü", "\n"] * 10,
    ([1, 2], [3.5]) * 20,
    {"a": [0.1] * 50, 'k"ey': {"b": np.arange(40, dtype=np.int8), "c": {}}, "": []},
    {key: [1, {"x": None}] for key in map(str, range(50))},
    np.arange(60, dtype=np.float32).reshape(3, 4, 5) / 7,
    np.array([float("nan"), 1, float("inf")] * 20),
    [np.ones((7, 3)), [np.float64(0.5), np.int16(3)] * 9],
    [[[[1, 2], [3]] * 5] * 5] * 5,
]


@pytest.mark.parametrize("piece", [1, 2, 7, 50])
@pytest.mark.parametrize("value", CASES, ids=range(len(CASES)))
def test_pieces_make_the_same_text(monkeypatch: pytest.MonkeyPatch, value: Any, piece: int) -> None:
    monkeypatch.setattr(large_json, "PIECE", piece)
    whole = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    assert encode_in_pieces(value) == whole


@pytest.mark.parametrize("value", [{1: [0] * 9}, [[0, 2**70]] * 9, [np.ones((8, 8))[:, ::2]] * 3, ["\ud800"] * 9])
def test_what_is_refused_whole_is_refused_in_pieces(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    monkeypatch.setattr(large_json, "PIECE", 2)
    with pytest.raises(TypeError):
        orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    with pytest.raises(TypeError):
        encode_in_pieces(value)


@pytest.mark.parametrize("nan", NanPolicy)
@pytest.mark.parametrize(
    "value",
    [*CASES, pd.DataFrame({"a": range(30), "d": pd.Timestamp(0)}), {1: [0] * 9}, [[0, 2**70]] * 9, {"n": [None] * 9}],
    ids=range(len(CASES) + 4),
)
def test_a_result_is_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch, nan: NanPolicy, value: Any) -> None:
    monkeypatch.setattr(large_json, "PIECE", 5)
    assert json_text.dumps(value, nan=nan, in_pieces=True) == json_text.dumps(value, nan=nan)


@pytest.mark.drill
def test_a_piece_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    # No other thread runs while one is encoded.
    sizes: list[int] = []
    real = large_json._encode

    def measured(value: Any) -> bytes:
        encoded = real(value)
        sizes.append(len(encoded))
        return encoded

    monkeypatch.setattr(large_json, "_encode", measured)
    many = dict.fromkeys(map(str, range(MILLION)), 0.1)
    encode_in_pieces(
        {"a": [[0.1] * 1000] * 1000, "b": np.ones((1000, 1000)), "c": [{"label": "x"}] * MILLION, "d": many}
    )
    assert max(sizes) < 400_000
    assert len(sizes) < 1000
