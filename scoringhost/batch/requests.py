"""An ordinary entry script over rows or files: each mini-batch is a request, or some, as if it were served.

Rows are joined into one request where run() declares one table or array, or a body form is given,
and its result has one element for each row; otherwise each row is a request of its own. That is
found out from the first rows of the file, so that every process comes to the same conclusion.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import mimetypes
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from scoringhost.batch.parts import BodyForm, Outcome, Part
from scoringhost.client.answers import JSON, Response
from scoringhost.client.in_process import Client
from scoringhost.dialects.row_files import form_of
from scoringhost.errors import ResultNotEncodable
from scoringhost.schema import json_text
from scoringhost.script.signature import Takes
from scoringhost.tabular.forms import Form
from scoringhost.tabular.pieces import Rows
from scoringhost.tabular.text_rows import parsed, record
from scoringhost.tabular.url_files import file_of
from scoringhost.telemetry.logs import PRINT_LOGGER

_log = logging.getLogger(PRINT_LOGGER)
TRIED_ROWS = 20
"""Rows that are tried, at most, to find three that can be scored."""
_UNKNOWN = "application/octet-stream"


class Requests:
    """Scores mini-batches by sending requests to a client."""

    def __init__(self, client: Client, *, body_form: BodyForm | None, max_retries: int) -> None:
        self._client, self._body_form, self._max_retries = client, body_form, max_retries
        self._forms: dict[str, Form | None] = {}
        self._joins: dict[str, bool] = {}
        self._advised = False

    def score(self, part: Part) -> Outcome:
        """Score one; a request that fails is sent again in halves, down to the rows that are at fault."""
        if part.rows is Rows.PATHS:
            return self._each(part, None)
        form = self._form(part)
        return self._joined(part, form) if form is not None and self._joins[part.file] else self._each(part, form)

    def _joined(self, part: Part, form: Form) -> Outcome:
        if len(part) == 1:
            return self._each(part, form)
        answer = self._ask(part, form)
        if answer is None:
            together = Outcome()
            for half in part.halves():
                together.add(self._joined(half, form))
            return together
        values = _results(answer, len(part))
        if values is None:
            return self._each(part, form)
        return Outcome([(part.place(at), value) for at, value in enumerate(values)], scored=len(part))

    def _can_join(self, part: Part, form: Form) -> bool:
        """Whether run() returns one result for each row: for three rows that can be scored, and for two of them."""
        head = replace(part, items=part.head[:TRIED_ROWS], first=1)
        alone = (replace(head, items=head.items[at : at + 1]) for at in range(len(head)))
        good = list(itertools.islice((one for one in alone if self._ask(one, form) is not None), 3))
        for count in (3, 2):
            some = replace(head, items=[one.items[0] for one in good[:count]])
            answer = self._ask(some, form) if len(good) == 3 else None
            if answer is None or _results(answer, count) is None:
                return False
        return True

    def _ask(self, part: Part, form: Form) -> Response | None:
        """The answer for all rows together; None if one of them cannot be sent or is refused."""
        try:
            body = form.body(_records(part))
        except (ValueError, ResultNotEncodable):
            return None
        answer = self._client.request("POST", body=body, headers={"Content-Type": JSON})
        return answer if answer.is_success else None

    def _each(self, part: Part, form: Form | None) -> Outcome:
        together = Outcome()
        for at in range(len(part)):
            together.add(self._one(part, at, form))
        return together

    def _one(self, part: Part, at: int, form: Form | None) -> Outcome:
        place = part.place(at)
        one = Part(part.index, part.rows, part.items[at : at + 1], place.row, 0, part.file, part.columns)
        try:
            body, kind = _body(one, form)
        except (OSError, ValueError) as problem:
            return Outcome.failing(one, str(problem))
        except ResultNotEncodable as problem:
            return Outcome.failing(one, f"the row cannot be sent as JSON: {problem.reason}")
        answer = self._send(body, kind)
        if not answer.is_success:
            error = answer.traceback.splitlines()[-1] if answer.traceback else answer.message
            # a line of JSON is a body as it stands: only what is made of text tells that a table was expected
            is_suspect = one.rows in (Rows.TEXTS, Rows.VALUES) or "'str' object" in error
            if form is None and one.rows is not Rows.PATHS and is_suspect:
                self._advise()
            return Outcome.failing(one, error, status=answer.status, traceback=answer.traceback)
        try:
            value = _decoded(answer)
        except ValueError as problem:
            return Outcome.failing(one, f"run() returned what says that it is JSON and is not: {problem}")
        if form is not None:
            values = _apart(value, 1)
            value = value if values is None else values[0]
        return Outcome([(place, value)], scored=1)

    def _advise(self) -> None:
        """Once: what may be wrong if an undecorated run() fails with a row that was sent as an object."""
        if self._client.service.signature.takes is Takes.TEXT and not self._advised:
            self._advised = True
            _log.warning(
                "run() declares no input, so each row is sent as an object of its columns; if it expects rows under "
                'a key, as {"data": [[1, 2], [3, 4]]}, say --body-form data=lists (or data=objects); if it expects a '
                "DataFrame of rows, say --as table"
            )

    def _send(self, body: bytes, kind: str) -> Response:
        for _ in range(self._max_retries):
            answer = self._client.request("POST", body=body, headers={"Content-Type": kind})
            if answer.status < 500:
                return answer
        return self._client.request("POST", body=body, headers={"Content-Type": kind})

    def _form(self, part: Part) -> Form | None:
        if part.file not in self._forms:
            form = self._forms[part.file] = self._find_form(part)
            self._joins[part.file] = form is not None and self._can_join(part, form)
        return self._forms[part.file]

    def _find_form(self, part: Part) -> Form | None:
        parses = part.rows is Rows.TEXTS
        head = list(_readable(part))
        signature = self._client.service.signature
        if self._body_form is not None:
            return Form(self._body_form.key, self._body_form.as_objects, frozenset(), parses=parses)
        if part.rows is Rows.LINES and (signature.takes is Takes.REQUEST or _are_bodies(head, signature.names)):
            return None
        return form_of(head, signature, parses=parses)


def _are_bodies(head: Sequence[Any], names: Sequence[str]) -> bool:
    """Whether lines of JSON are whole bodies: objects whose keys are parameters of run()."""
    return all(isinstance(line, dict) and line and set(line) <= set(names) for line in head)


def _readable(part: Part) -> Iterator[Any]:
    """The first rows of the file, without those that cannot be read."""
    for item in part.head:
        with contextlib.suppress(ValueError):
            yield _record(part, item)


def _records(part: Part) -> list[Any]:
    return [_record(part, item) for item in part.items]


def _record(part: Part, item: Any) -> Any:
    """A row as an object by its columns, or what a line of JSON says.

    Raises:
        ValueError: for a row of too many values, and a line that is no JSON.
    """
    if part.rows is not Rows.LINES:
        return record(part.columns, item)
    try:
        return json.loads(item)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _body(one: Part, form: Form | None) -> tuple[bytes, str]:
    """The body that a single item is, and its media type. Raises OSError and ValueError."""
    item = one.items[0]
    if one.rows is Rows.PATHS:
        with file_of(item).open("rb") as file:
            return file.read(), mimetypes.guess_type(item)[0] or _UNKNOWN
    if form is not None:
        return form.body(_records(one)), JSON
    if one.rows is Rows.LINES:
        return str(item).encode(), JSON
    values = _record(one, item)
    return json_text.dumps(parsed(values) if one.rows is Rows.TEXTS else values), JSON


def _decoded(answer: Response) -> Any:
    """The result; JSON inside a JSON string is taken for what it says, as scripts do that encode twice."""
    value = answer.decoded()
    if isinstance(value, bytes):
        return answer.text
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            inner = json.loads(value)
            return inner if isinstance(inner, (dict, list)) else value
    return value


def _results(answer: Response, count: int) -> list[Any] | None:
    """The results of so many rows; None if they cannot be told apart."""
    try:
        return _apart(_decoded(answer), count)
    except ValueError:
        return None


def _apart(value: Any, count: int) -> list[Any] | None:
    """A result as one for each row: a list of as many, or an object of such lists; None if it is neither."""
    if isinstance(value, list):
        return value if len(value) == count else None
    if isinstance(value, dict) and value and all(isinstance(one, list) and len(one) == count for one in value.values()):
        return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    return None
