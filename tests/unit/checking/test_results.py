"""Results that nobody meant, and annotations that say nothing, seen in the text of a script."""

from __future__ import annotations

import pytest

from scoringhost.checking.results import ignored_annotations, unmeant_results


# BUG: check was silent on both.
@pytest.mark.parametrize(
    "returned", ["{'error': 'no'}, 400", "str(data), 422", "'no', 400, {'X-A': 'b'}", "result, 500"]
)
def test_a_status_in_a_tuple_is_found(read, returned: str) -> None:
    [finding] = unmeant_results(read(f"def run(data):\n    if not data:\n        return {returned}\n    return 1\n"))
    assert (finding.code, finding.line, finding.severity.value) == ("status-in-a-tuple", 3, "warning")


@pytest.mark.parametrize(
    "returned",
    ["(0.5, 400)", "label, 3", "[1], 200.0", "label, True", "a, b", "{'code': 400}", "a, 400, b, c", "1, 400"],
)
def test_a_tuple_without_a_status_is_a_result(read, returned: str) -> None:
    assert list(unmeant_results(read(f"def run(data): return {returned}"))) == []


@pytest.mark.parametrize(
    "body",
    [
        "result = data",
        "print(data)",
        "return",
        "if data:\n        return\n    result = 1",
        "for x in data: pass",
    ],
)
def test_a_run_that_returns_nothing_is_found(read, body: str) -> None:
    [finding] = unmeant_results(read(f"def run(data):\n    {body}\n"))
    assert (finding.code, finding.line, finding.severity.value) == ("returns-nothing", 1, "warning")


@pytest.mark.parametrize(
    "body",
    [
        "if data:\n        return 1",
        "if data:\n        return 1\n    elif not data:\n        pass\n    else:\n        return 2",
        "for x in data:\n        return x",
        "try:\n        return 1\n    except ValueError:\n        print('no')",
        "match data:\n        case 1:\n            return 1",
        "while True:\n        if data:\n            return 1\n        break",
    ],
)
def test_an_end_without_a_result_is_hinted_at(read, body: str) -> None:
    [finding] = unmeant_results(read(f"def run(data):\n    {body}\n"))
    assert (finding.code, finding.severity.value) == ("returns-nothing", "hint")


@pytest.mark.parametrize(
    "body",
    [
        "return 1",
        "yield data",
        "raise ValueError(data)",
        "if data:\n        return 1\n    else:\n        raise ValueError",
        "if data:\n        return 1\n    flask.abort(422)",
        "with open(data) as file:\n        return file.read()",
        "try:\n        return 1\n    except ValueError:\n        raise\n    finally:\n        print()",
        "try:\n        x = 1\n    except ValueError:\n        return 0\n    else:\n        return x",
        "try:\n        x = 1\n    finally:\n        return 2",
        "while True:\n        if data:\n            return 1",
        "match data:\n        case 1:\n            return 1\n        case _:\n            return 2",
        "if data:\n        return None\n    return 1",
    ],
)
def test_a_run_that_always_returns_or_raises_is_in_order(read, body: str) -> None:
    assert list(unmeant_results(read(f"def run(data):\n    {body}\n"))) == []


def test_none_that_is_annotated_is_meant(read) -> None:
    assert list(unmeant_results(read("def run(data) -> None: print(data)"))) == []


def test_functions_within_run_are_not_run(read) -> None:
    assert list(unmeant_results(read("def run(data):\n    def inner(): return {}, 400\n    return inner()"))) == []


@pytest.mark.parametrize("annotation", ["list[int]", "dict", "pd.DataFrame", "'Passenger'", "np.ndarray | None"])
def test_an_annotation_that_says_nothing_is_hinted_at(read, annotation: str) -> None:
    [finding] = ignored_annotations(read(f"def run(data: {annotation}): return data"))
    assert (finding.code, finding.severity.value) == ("annotations-ignored", "hint")
    assert "@scoringhost.typed" in finding.remedy


@pytest.mark.parametrize(
    "source",
    [
        "def run(data): return data",
        "def run(data: str) -> list[int]: return data",
        "from typing import Any\ndef run(data: Any): return data",
        "import scoringhost\n@scoringhost.typed\ndef run(data: int): return data",
        "def run(mini_batch: list[str]): return mini_batch",
        "def run(data, request_headers: dict): return data",
    ],
)
def test_annotations_that_are_kept_to_or_true_are_in_order(read, source: str) -> None:
    assert list(ignored_annotations(read(source))) == []


def test_check_tells_of_both(checked) -> None:
    report = checked("def run(data: dict):\n    if data:\n        return {}, 400\n    return {}\n")
    assert {one.code for one in report.findings} >= {"status-in-a-tuple", "annotations-ignored"}
