"""Dates as callers write them: what is taken, what is refused, and that every kind of sample takes the same."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

from scoringhost.schema.declared import DeclaredType, Misfit
from scoringhost.schema.inference import declare
from scoringhost.schema.moments import HOW, Written, read

NAIVE, ZONED = pd.Timestamp("2024-01-31T10:00:00"), pd.Timestamp("2024-01-31T10:00:00+01:00")

SAMPLES: dict[str, tuple[DeclaredType, Any]] = {
    "frame": (declare(PandasParameterType(pd.DataFrame({"x": [NAIVE]}))), lambda text: [{"x": text}]),
    "zoned frame": (declare(PandasParameterType(pd.DataFrame({"x": [ZONED]}))), lambda text: [{"x": text}]),
    "array": (declare(NumpyParameterType(np.array([NAIVE], "M8[us]"))), lambda text: [text]),
    "datetime": (declare(StandardPythonParameterType(NAIVE.to_pydatetime())), lambda text: text),
    "zoned datetime": (declare(StandardPythonParameterType(ZONED.to_pydatetime())), lambda text: text),
    "list": (
        declare(StandardPythonParameterType([StandardPythonParameterType(dt.datetime(2024, 1, 1))])),
        lambda t: [t],
    ),
}


def moment_of(sample: str, text: Any) -> pd.Timestamp:
    """What a sample of this kind makes of a date, in UTC where it has a zone, without any where not."""
    declared, body = SAMPLES[sample]
    found: Any = declared.to_python(body(text))
    if isinstance(found, pd.DataFrame):
        found = found.x[0]
    elif isinstance(found, (np.ndarray, list)):
        found = found[0]
    moment = pd.Timestamp(found)
    return moment if moment.tz is None else moment.tz_convert("UTC")


TEN = "2022-01-31T10:00:00"


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize(
    "text",
    [
        "2022-01-31T10:00:00Z",
        "2022-01-31t10:00:00z",
        "2022-01-31T10:00:00.000Z",
        "2022-01-31T10:00:00.000000000+00:00",
        "2022-01-31 10:00:00.000000 +0000",
        "2022-01-31T12:30:00+02:30",
        "2022-01-31T05:00-0500",
        "2022-01-31 10:00:00,000 UTC",
        "2022/1/31 10:00 Z",
        "20220131T100000Z",
        "Mon, 31 Jan 2022 10:00:00 GMT",
        "January 31, 2022 11:00 +0100",
        1643623200000,
        1643623200000.0,
    ],
)
def test_a_date_with_a_zone_is_the_same_moment_everywhere(sample: str, text: Any) -> None:
    moment = moment_of(sample, text)
    assert moment.replace(tzinfo=None) == pd.Timestamp(TEN)


@pytest.mark.parametrize("text", ["2022-01-31T10:00:00", "2022-01-31 10", "2022.1.31 10:00", "31 Jan 2022 10am"])
def test_a_date_without_a_zone_is_in_the_samples(text: str) -> None:
    for sample in ("frame", "array", "datetime", "list"):
        assert moment_of(sample, text) == pd.Timestamp(TEN)
    for sample in ("zoned frame", "zoned datetime"):
        assert moment_of(sample, text) == pd.Timestamp(TEN + "+01:00")


def test_a_text_for_a_datetime_keeps_its_zone_as_in_azmlinfsrv_and_a_number_has_that_of_the_sample() -> None:
    assert moment_of("datetime", "2022-01-31T10:00:00Z").tz is not None
    assert moment_of("datetime", 1643623200000).tz is None
    assert moment_of("zoned datetime", 1643623200000).tz is not None


REFUSED = [
    *("01.02.2022", "1/2/2022", "31.01.2022", "01-02-2022 10:00", "01.02.22", "22-01-31", "29 Feb 24"),
    *("today", "now", "10:20", "202201", "2022-13-01", "2022-02-30", "2022-01-31T25:00", "2022-01-31 soon"),
    *("31 Jan 2022 10:00 EST", "2022-01-31T10:00:00.0000000001"),
    *(1643623200, 1643623200000000, 0, 1643623200000.5, 2022, True, [], {}),
]


# BUG: 01.02.2022 was the 2nd of January.
@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("text", REFUSED)
def test_what_may_be_another_day_is_refused_with_the_remedy(sample: str, text: Any) -> None:
    declared, body = SAMPLES[sample]
    with pytest.raises(Misfit) as refused:
        declared.to_python(body(text))
    assert HOW in str(refused.value) or isinstance(text, list)


@pytest.mark.parametrize("value", [None, float("nan"), "", "NaT", "nan"])
def test_missing_dates_are_missing(value: Any) -> None:
    assert read(value) is None
    assert pd.isna(moment_of("frame", value))
    assert pd.isna(moment_of("zoned frame", value))
    assert pd.isna(moment_of("array", value))


@pytest.mark.parametrize("text", ["2024-03-31T02:30:00", "2024-10-27T02:30:00"])
def test_a_time_that_no_clock_or_two_clocks_show_is_refused_for_a_sample_with_a_zone(text: str) -> None:
    berlin = pd.DataFrame({"x": [NAIVE.tz_localize("Europe/Berlin")]})
    with pytest.raises(Misfit):
        declare(PandasParameterType(berlin)).to_python([{"x": text}])


def test_nanoseconds_are_kept_where_there_is_room_and_refused_where_not() -> None:
    text = "2022-01-31T10:00:00.123456789Z"
    assert read(text) == Written("2022-01-31T10:00:00.123456789", 0)
    fine = pd.DataFrame({"x": pd.Series([NAIVE]).astype("M8[ns]")})
    frame: Any = declare(PandasParameterType(fine)).to_python([{"x": text}])
    assert frame.x[0].nanosecond == 789
    with pytest.raises(Misfit):
        declare(NumpyParameterType(np.array([NAIVE], "M8[us]"))).to_python([text])
    with pytest.raises(Misfit):  # 64 bits of nanoseconds end in 2262
        declare(NumpyParameterType(np.array([NAIVE], "M8[ns]"))).to_python(["9999-01-31T10:00:00.123456789Z"])


@pytest.mark.parametrize("parameter", [PandasParameterType, NumpyParameterType, StandardPythonParameterType])
@pytest.mark.parametrize("moment", [NAIVE, ZONED])
def test_the_example_of_the_api_document_is_taken(parameter: Any, moment: pd.Timestamp) -> None:
    if parameter is PandasParameterType:
        sample: Any = pd.DataFrame({"x": [moment]})
    elif parameter is NumpyParameterType:
        sample = np.array([moment.to_datetime64()])
    else:
        sample = moment.to_pydatetime()
    declared = parameter(sample)
    found: Any = declare(declared).to_python(declared.input_to_swagger()["example"])
    if parameter is PandasParameterType:
        pd.testing.assert_frame_equal(found, sample)
    elif parameter is NumpyParameterType:
        np.testing.assert_array_equal(found, sample)
    else:
        assert found.replace(tzinfo=None) == sample.replace(tzinfo=None)
