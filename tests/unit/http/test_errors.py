"""Which status every error has, and the body that says why."""

from __future__ import annotations

import json

import pytest

from scoringhost import errors
from scoringhost.dialects.azureml_words import render
from scoringhost.errors import (
    DeadlineExceeded,
    InternalError,
    MethodNotAllowed,
    MissingParameter,
    NotReady,
    Overloaded,
    RunFailed,
    ScoringHostError,
    ScriptRefused,
    UnknownRoute,
)
from scoringhost.http.errors import ROWS, row_of
from scoringhost.http.messages import HttpResponse

EXPECTED = [
    (MissingParameter("a", ["a"]), 400, "False"),
    (errors.UnsupportedContentType("text/xml"), 415, "False"),
    (errors.BodyTooLarge(10), 413, "False"),
    (errors.LengthRequired("x"), 411, "False"),
    (errors.HeadersTooLarge("x"), 431, "False"),
    (UnknownRoute("/x"), 404, "False"),
    (MethodNotAllowed("PUT", ["GET"]), 405, "False"),
    (RunFailed(), 500, "True"),
    (errors.ResultNotEncodable("x"), 500, "True"),
    (DeadlineExceeded(1.0), 504, "True"),
    (NotReady("x"), 503, "False"),
    (Overloaded("x"), 503, "False"),
    (InternalError(), 500, "False"),
    (errors.ScriptUnservable("score.py", "no run()"), 500, "True"),
]


@pytest.mark.parametrize(("error", "status", "failed"), EXPECTED, ids=lambda one: type(one).__name__)
def test_an_error_has_its_status_and_says_whether_run_has_failed(
    error: ScoringHostError, status: int, failed: str
) -> None:
    response = render(error)
    assert response.status == status
    assert response.first("x-ms-run-function-failed") == failed
    assert response.first("content-type") == "application/json"
    assert json.loads(response.body) == {"message": str(error)}  # type: ignore[arg-type]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.error.__name__)
def test_an_error_of_a_derived_class_has_the_row_of_its_base(row) -> None:
    derived = type("Derived", (row.error,), {"__init__": lambda self: None})
    assert row_of(derived()) is row


def test_an_error_without_a_row_is_an_internal_one() -> None:
    assert row_of(ScoringHostError()).http == 500


def test_in_debug_mode_the_traceback_is_told() -> None:
    assert json.loads(render(RunFailed(), "Traceback: x").body)["traceback"] == "Traceback: x"  # type: ignore[arg-type]


def test_a_call_that_may_be_tried_again_is_told_when() -> None:
    assert render(Overloaded("full", 7)).first("retry-after") == "7"
    assert render(RunFailed()).first("retry-after") is None


def test_a_wrong_method_is_told_the_right_ones() -> None:
    assert render(MethodNotAllowed("PUT", ["GET", "POST"])).first("allow") == "GET, POST"
    assert render(MethodNotAllowed("HEAD", [])).first("allow") is None


def test_an_answer_that_the_script_has_chosen_is_sent_as_it_is() -> None:
    chosen = HttpResponse(418, [("A", "b")], b"teapot")
    assert render(ScriptRefused("teapot", chosen)) is chosen


def test_a_refusal_without_an_answer_is_rendered() -> None:
    assert render(ScriptRefused("no", None)).status == 400


@pytest.mark.parametrize("text", ["", 'quotes " and \\', "line\nbreak", "é€😀", "\ud800", "\x00"])
def test_any_message_can_be_told(text: str) -> None:
    body = json.loads(render(UnknownRoute(text)).body)  # type: ignore[arg-type]
    assert body["message"] == str(UnknownRoute(text))
    assert isinstance(json.loads(render(NotReady(text)).body)["message"], str)  # type: ignore[arg-type]
