"""In what form the one parameter of run() takes rows: found out by trying the first of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from scoringhost.errors import ResultNotEncodable
from scoringhost.schema import json_text
from scoringhost.schema.declared import DeclaredType, Misfit, TakesRows
from scoringhost.tabular.text_rows import parsed, value

TRIED_ROWS = 20
"""Rows of which one has to fit, to find out in what form run() takes them."""

Record = dict[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """How the one parameter of run() takes rows: as objects or as lists, and which columns stay text.

    parses: the values are the texts of a CSV file, in which numbers are to be found. may_lack: columns of text in
    which an empty one is a missing one, as pandas writes it.
    """

    parameter: str
    as_objects: bool
    texts: frozenset[str] = frozenset()
    parses: bool = True
    may_lack: frozenset[str] = frozenset()

    def row(self, record: Any) -> Any:
        """One row, given as an object by its columns or as a list, in that form."""
        values = parsed(record, self.texts, self.may_lack) if self.parses else record
        return list(values.values()) if isinstance(values, dict) and not self.as_objects else values

    def body(self, records: Sequence[Any]) -> bytes:
        """The body of a request for these rows."""
        return json_text.dumps({self.parameter: [self.row(record) for record in records]})


def fitting_form(records: Sequence[Any], name: str, declared: DeclaredType, *, parses: bool = True) -> Form | None:
    """The form in which one of the first rows fits a parameter; None if none does, and rows mean something else.

    If none fits a parameter that takes rows, they are sent in the form that it means, so that its own words say why
    they do not; unless a column has the parameter's name, and each row is a body.

    records: objects by their columns, or lists if they are not to be parsed.
    """
    as_objects = declared.rows_are_objects if isinstance(declared, TakesRows) else None
    texts = declared.text_columns if isinstance(declared, TakesRows) else frozenset()
    forms = [Form(name, True, texts, parses, may_lack=texts)]
    if parses:
        forms.insert(0, Form(name, True, texts | _text_columns(records), may_lack=texts))
    if not as_objects:  # a table with other names would fit by the number of its columns
        forms.append(Form(name, False, parses=parses))
    for record in records[:TRIED_ROWS]:
        for form in forms:
            fitted = _fitted(declared, record, form)
            if fitted is not None:
                return fitted
    if as_objects is None or any(name in record for record in records[:1]):
        return None
    return forms[0] if as_objects else forms[-1]


def _text_columns(records: Sequence[Record]) -> frozenset[str]:
    """The columns in which some value is text, so that numbers in it may be meant as text, too."""
    return frozenset(name for name in records[0] if any(isinstance(value(record[name]), str) for record in records))


def _fitted(declared: DeclaredType, record: Any, form: Form) -> Form | None:
    """The form, with as many columns left as text as it takes; None if the row does not fit at all."""
    while True:
        try:
            # as the request will have it: dates of Parquet, for instance, are texts there
            declared.to_python(json_text.loads(json_text.dumps([form.row(record)])))
        except ResultNotEncodable:
            return None
        except Misfit as misfit:
            column = re.sub(r"^\[0\]\.?", "", misfit.path)
            if not (form.parses and form.as_objects) or column not in record or column in form.texts:
                return None
            form = replace(form, texts=form.texts | {column})
        else:
            return form
