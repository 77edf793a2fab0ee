"""Forms with a file, as a model without code comes (RFC 7578)."""

from __future__ import annotations

import io

from scoringhost.http.messages import HttpRequest
from scoringhost.hub.errors import ValueRefused

FILE = "model"
FIELDS = ("description", "operationId")


def form_of(request: HttpRequest) -> tuple[dict[str, str], bytes | None]:
    """The fields of a form, and the file in it; None if there is none.

    Raises:
        ValueRefused: if the body is no such form.
    """
    kind = request.headers.get("content-type", "")
    if not request.body:
        return {}, None
    from werkzeug.exceptions import HTTPException
    from werkzeug.formparser import FormDataParser
    from werkzeug.http import parse_options_header

    media, options = parse_options_header(kind)
    if media != "multipart/form-data" or "boundary" not in options:
        raise ValueRefused("body", "a form (multipart/form-data)", kind)
    try:
        # In memory, where the body is already: a temporary file would be left to the garbage collector.
        parser = FormDataParser(stream_factory=lambda *_, **__: io.BytesIO(), silent=False)
        _, fields, files = parser.parse(io.BytesIO(request.body), media, len(request.body), options)
    except (ValueError, HTTPException) as problem:
        raise ValueRefused("body", f"a form that can be read ({problem})", kind) from None
    file = files.get(FILE)
    content = file.read() if file is not None else None
    if content is None and FILE in fields:  # some clients send it without the name of a file
        content = fields[FILE].encode("latin-1", "replace")
    return {name: fields[name] for name in FIELDS if name in fields}, content
