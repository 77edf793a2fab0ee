"""In what form the one parameter of run() takes rows: found out by trying the first of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scoringhost.schema import json_text
from scoringhost.schema.declared import DeclaredType, Misfit
from scoringhost.tabular.text_rows import parsed, value

TRIED_ROWS = 20
"""Rows of which one has to fit, to find out in what form run() takes them."""

Record = dict[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """How the one parameter of run() takes rows: as objects or as lists, and which columns stay text.

    parses: the values are the texts of a CSV file, in which numbers are to be found.
    """

    parameter: str
    as_objects: bool
    texts: frozenset[str] = frozenset()
    parses: bool = True

    def row(self, record: Any) -> Any:
        """One row, given as an object by its columns or as a list, in that form."""
        values = parsed(record, self.texts) if self.parses else record
        return list(values.values()) if isinstance(values, dict) and not self.as_objects else values

    def body(self, records: Sequence[Any]) -> bytes:
        """The body of a request for these rows."""
        return json_text.dumps({self.parameter: [self.row(record) for record in records]})


def fitting_form(records: Sequence[Any], name: str, declared: DeclaredType, *, parses: bool = True) -> Form | None:
    """The form in which one of the first rows fits a parameter; None if none does.

    records: objects by their columns, or lists if they are not to be parsed.
    """
    forms = [Form(name, True, parses=parses), Form(name, False, parses=parses)]
    if parses:
        forms.insert(0, Form(name, True, _text_columns(records)))
    for record in records[:TRIED_ROWS]:
        for form in forms:
            fitted = _fitted(declared, record, form)
            if fitted is not None:
                return fitted
    return None


def _text_columns(records: Sequence[Record]) -> frozenset[str]:
    """The columns in which some value is text, so that numbers in it may be meant as text, too."""
    return frozenset(name for name in records[0] if any(isinstance(value(record[name]), str) for record in records))


def _fitted(declared: DeclaredType, record: Any, form: Form) -> Form | None:
    """The form, with as many columns left as text as it takes; None if the row does not fit at all."""
    while True:
        try:
            declared.to_python([form.row(record)])
        except Misfit as misfit:
            column = re.sub(r"^\[0\]\.?", "", misfit.path)
            if not (form.parses and form.as_objects) or column not in record or column in form.texts:
                return None
            form = Form(form.parameter, True, form.texts | {column})
        else:
            return form
