"""Flask's context of a call: made when it is used, and by whoever uses it."""

from __future__ import annotations

import contextvars
from typing import Any

import flask
import pytest

from scoringhost.dialects import flask_context
from scoringhost.dialects.flask_context import FlaskContext
from scoringhost.http.messages import Headers, HttpRequest


@pytest.fixture
def context() -> FlaskContext:
    return FlaskContext(HttpRequest("POST", "/score", b"a=1", Headers({"x-mine": "header"}), b"body"))


def test_nothing_is_made_for_a_call_that_does_not_look(context: FlaskContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(request: HttpRequest) -> dict[str, Any]:
        raise AssertionError("it looks at nothing")

    monkeypatch.setattr(flask_context, "environ_of", made)
    with context():
        assert flask.has_request_context()
        flask.g.kept = flask.current_app.name


def test_all_that_a_call_does_finds_the_same_request(context: FlaskContext) -> None:
    with context():
        first = flask.request._get_current_object()  # type: ignore[attr-defined]
        flask.g.kept = 1
    assert not flask.has_request_context()
    with context():
        assert flask.request._get_current_object() is first  # type: ignore[attr-defined]
        assert flask.request.args.to_dict() == {"a": "1"}
        assert flask.g.kept == 1


def test_a_context_that_was_there_is_there_again(context: FlaskContext) -> None:
    around = flask.Flask("around")
    with around.test_request_context("/other"):
        with context():
            assert (flask.current_app.name, flask.request.path) == ("scoringhost", "/score")
        assert (flask.current_app.name, flask.request.path) == ("around", "/other")


def test_it_may_be_entered_inside_itself_and_left_in_between(context: FlaskContext) -> None:
    def generator():
        with context():
            yield flask.request.method
            yield flask.request.headers["X-Mine"]

    steps, seen = generator(), []
    for _ in range(2):
        with context():
            seen.append(next(steps))
    with context():
        assert next(steps, None) is None
        assert flask.request.method == "POST"
    assert seen == ["POST", "header"]
    assert not flask.has_request_context()


def test_a_thread_of_the_scripts_own_can_be_given_the_request(context: FlaskContext) -> None:
    with context():
        look = flask.copy_current_request_context(lambda: flask.request.headers["X-Mine"])
    assert contextvars.Context().run(look) == "header"


def test_the_session_is_empty_and_says_why_it_cannot_be_written_to(context: FlaskContext) -> None:
    with context():
        assert dict(flask.session) == {}
        with pytest.raises(RuntimeError, match="secret key"):
            flask.session["a"] = 1


def test_templates_and_urls_work(context: FlaskContext) -> None:
    with context():
        assert flask.render_template_string("{{ request.method }} {{ g.get('x', 'none') }}") == "POST none"
        assert flask.url_for("score", path="x").startswith("/")
        assert flask.jsonify(a=1).get_json() == {"a": 1}
