"""Frames from JSON, for parameters that are annotated with `pd.DataFrame` and have no sample."""

from __future__ import annotations

import pandas as pd

from scoringhost.schema.declared import JsonValue, Misfit, phrase


def frame_of_records(value: JsonValue) -> object:
    """A frame of objects, one for each row; pandas finds the dtypes.

    Raises:
        Misfit: if it is no list of objects; `path` says which is none.
    """
    if not isinstance(value, list):
        raise Misfit("a list of objects, one for each row", phrase(value))
    for position, row in enumerate(value):
        if not isinstance(row, dict):
            raise Misfit("an object of a row's values", phrase(row), f"[{position}]")
    return pd.DataFrame.from_records(value)
