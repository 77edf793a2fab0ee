"""The error tree: typed, with fields, and a sentence for whoever reads it."""

from __future__ import annotations

import inspect

import pytest

from scoringhost import errors
from scoringhost.errors import ScoringHostError


def classes() -> list[type[ScoringHostError]]:
    return [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, ScoringHostError)]


def lineage(line: str) -> tuple[int, str]:
    """Depth and name of one line of the tree in the docstring."""
    drawn, _, rest = line.rpartition("── ")
    return (len(drawn) // 4 + 1 if drawn else 0), rest.split()[0]


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert errors.__doc__ is not None
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        if not line.startswith("    "):
            continue
        depth, name = lineage(line[4:])
        above[depth:] = [name]
        drawn[name] = above[depth - 1] if depth else None
    defined = {one.__name__: one.__base__.__name__ for one in classes() if one.__base__}
    assert {**drawn, "ScoringHostError": "Exception"} == defined


def test_every_class_says_what_it_means() -> None:
    assert [one.__name__ for one in classes() if not (one.__doc__ or "").strip()] == []


CASES = [
    (errors.SettingsError("PORT", "x", "no port"), "PORT: no port (it is 'x')"),
    (errors.SettingsError("script", None, "name one"), "script: name one"),
    (errors.SettingsError("PORT", "x", "'x' is not a valid whole number."), "PORT: 'x' is not a valid whole number"),
    (errors.ScriptNotFound("/s.py"), "No such file or directory: '/s.py'."),
    (errors.ScriptNotFound("/s.py", "Look."), "No such file or directory: '/s.py'. Look."),
    (errors.ScriptImportFailed("/s.py", "Do this.", "trace"), "/s.py could not be imported. Do this."),
    (errors.ScriptUnservable("/s.py", "no run"), "/s.py: no run"),
    (errors.InitFailed("/s.py", KeyError(), ""), "init() of /s.py raised KeyError; correct it and start again."),
    (errors.MissingExtra("x", "no_extra"), "x is not installed; run: pip install x"),
    (errors.UnsupportedContentType("text/xml"), "Expects Content-Type to be application/json, not 'text/xml'"),
    (errors.UnsupportedContentEncoding("br"), "Content-Encoding 'br' is not supported; use gzip or identity"),
    (errors.MissingParameter("a", ["a", "b"]), "A value is not provided for the 'a' parameter; run() takes a, b"),
    (errors.InvalidParameter("a[2]", "int", "null"), "parameter 'a[2]': expected int, got null"),
    (errors.BodyTooLarge(10), "The request body is larger than the limit of 10 bytes"),
    (errors.IncompleteBody(), "The connection ended in the middle of the request body"),
    (errors.UnknownRoute("/x"), "Nothing is served at '/x'; try POST /score or GET /swagger.json"),
    (errors.MethodNotAllowed("PUT", ["GET", "POST"]), "The method PUT is not allowed here; use GET, POST"),
    (errors.MethodNotAllowed("HEAD", []), "The method HEAD is not allowed here"),
    (errors.UnknownService("a"), "There is no service 'a'"),
    (errors.UnknownService("a", "2"), "There is no service 'a' of version '2'"),
    (errors.RunFailed(), "An unexpected error occurred in scoring script. Check the logs for more info."),
    (errors.ResultNotEncodable("a set"), "The result of run() cannot be encoded as JSON: a set"),
    (errors.DeadlineExceeded(1.5), "Scoring timeout after 1500 ms"),
    (errors.InternalError(), "An unexpected internal error occurred. Check the logs for more info."),
]


@pytest.mark.parametrize(("error", "text"), CASES, ids=lambda case: getattr(case, "path", None) or type(case).__name__)
def test_an_error_says_what_is_wrong(error: ScoringHostError, text: str) -> None:
    assert str(error) == text


def test_no_content_type_at_all_is_said_to_be_missing() -> None:
    assert str(errors.UnsupportedContentType(None)).endswith(", not nothing")


def test_the_fields_of_an_error_can_be_read() -> None:
    assert errors.MissingParameter("a", ["a", "b"]).known == ("a", "b")
    assert errors.InvalidParameter("a", "int", "null").expected == "int"
    assert errors.DeadlineExceeded(2.0).limit_s == 2.0
    assert errors.Overloaded("full", 7).retry_after_s == 7
    assert errors.NotReady("loading").retry_after_s == 1
    assert errors.InitFailed("/s.py", KeyError(), "", ["model/"]).listing == ("model/",)


def test_no_error_knows_a_status_code() -> None:
    assert [one.__name__ for one in classes() if {"status", "code", "http", "grpc"} & set(vars(one))] == []


# BUG: `pip install 'scoringhost[debug]'`, though nothing of that name need be on an index.
def test_what_an_extra_needs_is_named_by_its_packages() -> None:
    assert errors.pip_install("debug", "debugpy") == "pip install 'debugpy>=1.8'"
    assert errors.pip_install("no-such-extra", "some-module") == "pip install some-module"
