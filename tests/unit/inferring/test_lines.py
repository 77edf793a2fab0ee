"""The lines of an input."""

import pytest

from scoringhost.inferring.lines import Item, Unusable, read


def test_each_line_is_a_request_and_blank_ones_are_none():
    found = list(read([b'{"inputs": []}\n', b"\n", b'{"inputs": [1], "id": "a"}']))
    assert found == [Item(0, {"inputs": []}), Item(1, {"inputs": [1], "id": "a"})]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "a JSON object, not list"),
        (b"{}", "under 'inputs'"),
        (b'{"inputs": {}}', "under 'inputs'"),
        (b'{"inputs": [], "id": 3}', "is text, not int"),
    ],
    ids=["cut off", "no text", "a list", "empty", "inputs are no list", "a number for an id"],
)
def test_a_line_that_is_no_request_says_why_and_costs_no_other(line, why):
    first, second = read([line, b'{"inputs": []}'])
    assert isinstance(first, Unusable)
    assert why in first.why
    assert second == Item(1, {"inputs": []})
