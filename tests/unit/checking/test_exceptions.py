"""Exceptions that are answered with a 200 or passed over."""

from __future__ import annotations

import textwrap

import pytest

from scoringhost.checking.exceptions import answered_exceptions, swallowed_exceptions


def in_run(read, handler: str, head: str = "except Exception as e:"):
    body = textwrap.indent(f"try:\n    return work(data)\n{head}\n{textwrap.indent(handler, '    ')}", "    ")
    return read(f"import flask, logging\nfrom azureml.x import AMLResponse\ndef run(data):\n{body}\n    return 1\n")


@pytest.mark.parametrize(
    ("handler", "lines"),
    [
        ("return str(e)", [7]),
        ("error = str(e)\nreturn error", [8]),
        ("logging.exception('x')\nreturn {'error': 1}", [8]),
        ("return json.dumps({'error': str(e)})", [7]),
        ("return str(e), 500", [7]),
        ("raise", []),
        ("if data:\n    raise\nreturn 1", []),
        ("flask.abort(422)", []),
        ("return AMLResponse(str(e), 500)", []),
        ("return flask.Response(str(e), status=500)", []),
        ("return flask.make_response(str(e), 500)", []),
        ("return", []),
        ("pass", []),
    ],
)
def test_an_exception_that_is_answered_with_a_200_is_found(read, handler: str, lines: list[int]) -> None:
    assert [finding.line for finding in answered_exceptions(in_run(read, handler))] == lines


@pytest.mark.parametrize(
    ("head", "count"),
    [
        ("except Exception as e:", 1),
        ("except BaseException as e:", 1),
        ("except (ValueError, Exception) as e:", 1),
        ("except ValueError as e:", 0),
        ("except (ValueError, KeyError) as e:", 0),
    ],
)
def test_only_what_catches_everything_counts(read, head: str, count: int) -> None:
    assert len(list(answered_exceptions(in_run(read, "return str(e)", head)))) == count
    assert len(list(swallowed_exceptions(in_run(read, "pass", head)))) == count


def test_a_bare_except_catches_everything(read) -> None:
    assert len(list(answered_exceptions(in_run(read, "return 'failed'", "except:")))) == 1


@pytest.mark.parametrize(
    ("handler", "count"),
    [
        ("pass", 1),
        ("print(e)", 1),
        ("logging.getLogger().exception('x')\nprint(e)", 1),
        ("...", 1),
        ("result = None", 0),
        ("retry(data)", 0),
        ("print(e)\nraise", 0),
        ("print(e)\nreturn str(e)", 0),
    ],
)
def test_an_exception_that_is_passed_over_is_found(read, handler: str, count: int) -> None:
    found = list(swallowed_exceptions(in_run(read, handler)))
    assert [finding.line for finding in found] == [6] * count


def test_an_init_that_passes_one_over_is_healthy_without_its_model(read) -> None:
    source = (
        "def init():\n    try:\n        load()\n    except Exception as e:\n        print(e)\ndef run(data): pass\n"
    )
    [finding] = swallowed_exceptions(read(source))
    assert (finding.line, "Healthy without" in finding.message) == (4, True)


def test_what_is_in_another_function_or_outside_is_left_alone(read) -> None:
    source = (
        "try:\n    x = 1\nexcept Exception:\n    pass\ndef other():\n    try: y()\n    except Exception: return 1\n"
    )
    assert [*answered_exceptions(read(source)), *swallowed_exceptions(read(source))] == []
