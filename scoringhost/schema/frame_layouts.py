"""The JSON layouts of a table, which pandas calls orients, read into columns; knows nothing of pandas."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from scoringhost.schema.declared import JsonValue, Misfit, phrase, shortened


@dataclass(frozen=True)
class Grid:
    """A table as columns of cells. A cell that a row leaves out is None.

    `index` holds the row labels, None for 0, 1, ...; `index_is_names` tells that they are keys of a JSON object, which
    are all texts; `index_keys` are the fields of a table schema that they come from, as a tuple for each row if there
    are several; `kinds` holds what a table schema says of a field.
    `is_positional` tells that the labels are not names but positions.
    """

    labels: list[Hashable]
    columns: list[list[JsonValue]]
    rows: int
    index: list[JsonValue] | None = None
    index_is_names: bool = False
    index_keys: list[str] | None = None
    is_positional: bool = False
    kinds: Mapping[Hashable, str] = field(default_factory=dict)


def read_loosely(value: JsonValue) -> Grid:
    """Read a list of objects, a list of lists, an object of objects or an object of lists.

    The orients records, values and columns differ in what they write; all of them read all four.

    Raises:
        Misfit: if it is none of these, or rows or columns have unequal lengths.
    """
    items = list(value.values()) if isinstance(value, dict) else value
    if all(isinstance(item, dict) for item in items):
        return _from_columns(value) if isinstance(value, dict) else _from_records(items)
    if all(isinstance(item, list) for item in items):
        return _from_lists(value) if isinstance(value, dict) else _from_rows(items)
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in items):
        return Grid([0], [list(value)], len(value), is_positional=True)
    raise Misfit("rows or columns of one kind", phrase(value))


def read_index(value: JsonValue) -> Grid:
    """Read an object of rows by label; each row is an object, or a list of cells.

    Raises:
        Misfit: if it is not that, or lists have unequal lengths.
    """
    if not isinstance(value, dict) or not value:
        raise Misfit("an object of rows by label", phrase(value))
    grid = read_loosely(list(value.values()))
    return Grid(
        grid.labels, grid.columns, grid.rows, index=list(value), index_is_names=True, is_positional=grid.is_positional
    )


def read_split(value: JsonValue) -> Grid:
    """Read an object of `columns`, `data` (a list of rows) and optionally `index`.

    Raises:
        Misfit: if a key is missing or unknown, or lengths differ.
    """
    if not isinstance(value, dict) or not {"columns", "data"} <= value.keys() <= {"columns", "data", "index"}:
        got = f"keys {shortened(', '.join(map(str, value)))}" if isinstance(value, dict) else phrase(value)
        raise Misfit("an object with columns, data and optionally index", got)
    names, data, index = value["columns"], value["data"], value.get("index")
    if not isinstance(names, list) or not isinstance(data, list) or not isinstance(index, (list, type(None))):
        raise Misfit("lists as columns, data and index", "something else")
    if len(names) == 1 and not any(isinstance(row, list) for row in data):
        data = [[cell] for cell in data]
    _check_rows(data, len(names), ".data")
    if index is not None and len(index) != len(data):
        raise Misfit(f"{len(data)} labels, one for each row", str(len(index)), ".index")
    labels = [_label(name) for name in names]
    return Grid(labels, _transposed(data, len(labels)), len(data), index=index)


def read_table(value: JsonValue) -> Grid:
    """Read a table schema object: `schema.fields`, maybe `schema.primaryKey`, and `data`, a list of objects.

    Raises:
        Misfit: if a part is missing or of another form, or a row has a key that is no field.
    """
    fields, keys, data = _table_parts(value)
    kinds: dict[Hashable, str] = {entry["name"]: str(entry.get("type")) for entry in fields}
    for position, row in enumerate(data):
        if not row.keys() <= kinds.keys():
            unknown = ", ".join(sorted(row.keys() - kinds.keys()))
            raise Misfit("only the schema's fields", shortened(unknown), f".data[{position}]")
    labels = [name for name in kinds if name not in keys]
    columns = [[row.get(name) for row in data] for name in labels]
    if not keys:
        return Grid(labels, columns, len(data), kinds=kinds)
    index = [row.get(keys[0]) if len(keys) == 1 else tuple(row.get(key) for key in keys) for row in data]
    return Grid(labels, columns, len(data), index=index, index_keys=keys, kinds=kinds)


def _table_parts(value: JsonValue) -> tuple[list[JsonValue], list[str], list[JsonValue]]:
    expected = "an object with schema.fields and data, a list of objects"
    if not isinstance(value, dict) or not isinstance(value.get("schema"), dict):
        raise Misfit(expected, phrase(value))
    fields, data = value["schema"].get("fields"), value.get("data")
    if not _all_objects(fields) or not all(isinstance(entry.get("name"), str) for entry in fields):
        raise Misfit(expected, phrase(fields), ".schema.fields")
    if not isinstance(data, list) or not _all_objects(data):
        raise Misfit(expected, phrase(data), ".data")
    keys = value["schema"].get("primaryKey", [])
    keys = [keys] if isinstance(keys, str) else keys
    if not isinstance(keys, list) or not all(any(key == entry["name"] for entry in fields) for key in keys):
        raise Misfit("names of fields", phrase(keys), ".schema.primaryKey")
    return list(fields), keys, list(data)


def _all_objects(value: JsonValue) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _from_records(rows: Sequence[dict[str, JsonValue]]) -> Grid:
    if not rows:
        return Grid([], [], 0)
    names = rows[0].keys()
    if all(row.keys() == names for row in rows):
        return Grid(list(names), [[row[name] for row in rows] for name in names], len(rows))
    union = list(dict.fromkeys(name for row in rows for name in row))
    return Grid(list(union), [[row.get(name) for row in rows] for name in union], len(rows))


def _from_rows(rows: Sequence[list[JsonValue]]) -> Grid:
    width = len(rows[0])
    _check_rows(rows, width, "")
    return Grid(list(range(width)), _transposed(rows, width), len(rows), is_positional=True)


def _from_columns(columns: Mapping[str, dict[str, JsonValue]]) -> Grid:
    index = list(dict.fromkeys(label for cells in columns.values() for label in cells))
    cells = [[column.get(label) for label in index] for column in columns.values()]
    return Grid(list(columns), cells, len(index), index=list(index), index_is_names=True)


def _from_lists(columns: Mapping[str, list[JsonValue]]) -> Grid:
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) != 1:
        raise Misfit("columns of one length", f"lengths {shortened(', '.join(map(str, sorted(lengths))))}")
    return Grid(list(columns), [list(cells) for cells in columns.values()], lengths.pop())


def _check_rows(rows: Sequence[JsonValue], width: int, path: str) -> None:
    for position, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            raise Misfit(f"a row of {width} cells", phrase(row), f"{path}[{position}]")


def _transposed(rows: Sequence[list[JsonValue]], width: int) -> list[list[JsonValue]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _label(name: JsonValue) -> Hashable:
    if isinstance(name, list):
        return tuple(_label(part) for part in name)
    if isinstance(name, dict):
        raise Misfit("a text or number as column name", phrase(name), ".columns")
    return name  # type: ignore[no-any-return]


READERS: dict[str, Callable[[JsonValue], Grid]] = {
    "records": read_loosely,
    "values": read_loosely,
    "columns": read_loosely,
    "index": read_index,
    "split": read_split,
    "table": read_table,
}
