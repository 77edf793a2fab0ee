"""Bodies as values of JSON, and back: a record is one line of JSON, whatever a body holds."""

from __future__ import annotations

import base64
import binascii
import codecs
import re

import orjson

from scoringhost.schema.declared import JsonValue

JSON, TEXT, BASE64 = "json", "text", "base64"
"""The forms that a body is kept in."""

_BEYOND_64_BIT = re.compile(rb"[0-9]{19}")
"""Whole numbers which orjson rounds; a body that may have one is kept as text, to the digit."""


def is_json(content_type: str) -> bool:
    """Whether a Content-Type is of one document of JSON, which lines of it are not."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def form_of(body: bytes, media_type: str, *, is_cut: bool = False) -> tuple[str, JsonValue]:
    """A body's form and its value in a record.

    media_type: its Content-Type. is_cut: whether the end of the body is missing, perhaps within a letter.
    """
    if not is_cut and is_json(media_type) and not _BEYOND_64_BIT.search(body):
        try:
            return JSON, orjson.loads(body)
        except ValueError:
            pass
    try:
        return TEXT, codecs.getincrementaldecoder("utf-8")().decode(body, final=not is_cut)
    except UnicodeDecodeError:
        return BASE64, base64.b64encode(body).decode("ascii")


def body_of(form: str, value: JsonValue) -> bytes:
    """The body that a record tells of; JSON may be spelt otherwise than it was, and means the same.

    Raises:
        ValueError: if the record is not as `form_of` makes it.
    """
    if form == JSON:
        return orjson.dumps(value)
    if not isinstance(value, str):
        raise ValueError(f"a body in the form {form!r} must be a text")
    if form == TEXT:
        return value.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as problem:
        raise ValueError(f"a body is no base64: {problem}") from None
