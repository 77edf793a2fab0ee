"""bind: from a Call to the arguments of run()."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoringhost.errors import InvalidParameter, MissingParameter, UndecodableBody
from scoringhost.kernel.binding import bind
from scoringhost.kernel.call import Call, RawRequest
from scoringhost.schema.declared import JsonValue, Misfit
from scoringhost.script.signature import Declarations, DeclaredInput, RunSignature, rawhttp, undeclared


class Doubled:
    """A type that takes whole numbers and doubles them."""

    def to_python(self, value: JsonValue) -> object:
        if not isinstance(value, int):
            raise Misfit("a whole number", type(value).__name__, "[2]")
        return 2 * value


DOUBLED: Any = Doubled()  # all that binding asks of a declared type


def text(run: Callable[..., Any]) -> RunSignature:
    return RunSignature.read(run, undeclared(run))


def named(run: Callable[..., Any], **inputs: DeclaredInput) -> RunSignature:
    return RunSignature.read(run, Declarations(run, inputs, True))


def one(data): ...
def two(a, b=5): ...
def with_headers(data, request_headers): ...


TWO = named(two, a=DeclaredInput(DOUBLED), b=DeclaredInput(DOUBLED, optional=True))


@given(st.text())
def test_a_text_body_is_handed_over_as_it_is(body: str) -> None:
    assert bind(text(one), Call(body.encode("utf-8", "ignore"))) == {
        "data": body.encode("utf-8", "ignore").decode("utf-8")
    }


def test_an_empty_text_body_is_an_empty_text() -> None:
    assert bind(text(one), Call(b"")) == {"data": ""}


def test_a_text_body_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(UndecodableBody, match="UTF-8"):
        bind(text(one), Call(b"\xff"))


def test_a_query_reaches_a_text_run_as_json() -> None:
    assert bind(text(one), Call({"a": 1, "b": ["x"]})) == {"data": '{"a": 1, "b": ["x"]}'}


def test_headers_are_asked_for_if_run_takes_them() -> None:
    call = Call(b"x", headers=lambda: {"Host": "h"})
    assert bind(text(with_headers), call) == {"data": "x", "request_headers": {"Host": "h"}}


def test_headers_are_not_asked_for_otherwise() -> None:
    def headers() -> dict[str, str]:
        raise AssertionError("nobody wants them")

    assert bind(text(one), Call(b"x", headers=headers)) == {"data": "x"}


def test_named_parameters_are_converted() -> None:
    assert bind(TWO, Call(b'{"a": 1, "b": 2}')) == {"a": 2, "b": 4}


def test_named_parameters_may_come_as_values() -> None:
    assert bind(TWO, Call({"a": 1})) == {"a": 2, "b": 10}


def test_a_default_is_converted_as_if_it_had_come() -> None:
    assert bind(TWO, Call(b'{"a": 1}'))["b"] == 10


def test_a_default_that_does_not_fit_is_left_as_it_is() -> None:
    def run(a="none given"): ...

    assert bind(named(run, a=DeclaredInput(DOUBLED)), Call(b"{}")) == {"a": "none given"}


def test_a_default_of_none_stays_none() -> None:
    def run(a=None): ...

    assert bind(named(run, a=DeclaredInput(DOUBLED)), Call(b"{}")) == {"a": None}


def test_null_for_an_optional_parameter_is_none() -> None:
    assert bind(TWO, Call(b'{"a": 1, "b": null}'))["b"] is None


def test_null_for_any_other_parameter_has_to_fit() -> None:
    with pytest.raises(InvalidParameter, match="NoneType"):
        bind(TWO, Call(b'{"a": null}'))


def test_a_parameter_that_is_not_declared_gets_the_json_value() -> None:
    assert bind(named(two, a=DeclaredInput(DOUBLED)), Call(b'{"a": 1, "b": {"c": []}}'))["b"] == {"c": []}


def test_what_run_does_not_take_is_left_out() -> None:
    assert bind(TWO, Call(b'{"a": 1, "zebra": 9}')) == {"a": 2, "b": 10}


def test_a_missing_parameter_is_named_with_those_that_there_are() -> None:
    with pytest.raises(MissingParameter, match="'a' parameter; run\\(\\) takes a, b"):
        bind(TWO, Call(b"{}"))


def test_a_misfit_is_located() -> None:
    with pytest.raises(InvalidParameter, match=r"parameter 'a\[2\]': expected a whole number, got str"):
        bind(TWO, Call(b'{"a": "x"}'))


def test_an_empty_body_is_refused_where_parameters_are_named() -> None:
    with pytest.raises(UndecodableBody, match="POST body is empty"):
        bind(TWO, Call(b""))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[1]", "an array"),
        (b'"x"', "a string"),
        (b"true", "a boolean"),
        (b"1", "a number"),
        (b"1.5", "a number"),
        (b"null", "null"),
    ],
)
def test_a_body_that_is_no_object_is_refused_by_its_kind(body: bytes, kind: str) -> None:
    with pytest.raises(UndecodableBody, match=f"should be a JSON object, not {kind}"):
        bind(TWO, Call(body))


def test_a_body_that_is_not_json_is_refused() -> None:
    with pytest.raises(UndecodableBody):
        bind(TWO, Call(b"{'a': 1}"))


def test_a_raw_run_is_handed_the_request_made_for_it() -> None:
    request = object()
    assert bind(text(rawhttp(lambda request: None)), Call(RawRequest(lambda: request))) == {"request": request}


def test_a_raw_run_cannot_be_called_with_values() -> None:
    with pytest.raises(TypeError, match="only be called with an HTTP request"):
        bind(text(rawhttp(lambda request: None)), Call({"a": 1}))


def test_a_request_cannot_be_bound_to_named_parameters() -> None:
    with pytest.raises(TypeError, match="only a run"):
        bind(TWO, Call(RawRequest(object)))
