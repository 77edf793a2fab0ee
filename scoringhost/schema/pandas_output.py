"""The codec of a declared output that is a data frame, from its JSON schema and its sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from scoringhost.schema.declared import JsonValue
from scoringhost.schema.frame_layouts import READERS
from scoringhost.schema.pandas_codec import PandasCodec

Json = Mapping[str, Any]

_TIMES = {"date-time": "M8[ns]", "timedelta": "m8[ns]"}


def codec_of(schema: Json, orient: str, example: JsonValue) -> PandasCodec | None:
    """The codec of the frame whose schema it is; None without a sample, which alone tells the columns' types."""
    if not isinstance(example, (list, dict)) or not example:
        return None
    grid = READERS[orient](example)
    fields = (schema.get("items") or {}).get("properties") or {}
    columns = {}
    for label, cells in zip(grid.labels, grid.columns, strict=True):
        form = fields.get(str(label), {}).get("format")
        columns[label] = _column(cells, _TIMES.get(form))
        if columns[label].dtype.kind not in "biufMm":
            columns[label] = columns[label].astype(object)
    return PandasCodec(pd.DataFrame(columns), orient=orient)


def _column(cells: list[JsonValue], dtype: str | None) -> Any:
    """A column of the sample. Of moments with a zone the text has its offset, which stands for the zone then."""
    try:
        return pd.Series(cells, dtype=dtype)
    except ValueError:
        return pd.Series(pd.to_datetime(cells, format="ISO8601"))
