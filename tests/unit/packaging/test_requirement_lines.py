"""Lines of a requirements.txt: which package each asks for."""

from __future__ import annotations

import pytest

from scoringhost.packaging.requirement_lines import merged_requirements, package_named


@pytest.mark.parametrize(
    "line",
    [
        "flask",
        "  Flask == 3.0  # the last that we tried",
        "flask[async]>=3,<4",
        'flask>=3; python_version >= "3.11"',
        "flask @ https://example.com/flask-3.0-py3-none-any.whl",
        "flask==3.0 --hash=sha256:0123 --hash=sha256:4567",
        "flask==3.0 \\",
    ],
)
def test_the_package_is_known_however_pip_lets_it_be_written(line: str) -> None:
    assert package_named(line) == "flask"


def test_names_that_pip_takes_for_the_same_are_the_same() -> None:
    assert package_named("Azure_Functions.Runtime") == package_named("azure-functions-runtime")


# BUG: `C:\wheels\x.whl` asked for a package `c`, and `git+https://...` for `git`, which dropped ours of that name.
@pytest.mark.parametrize(
    "line",
    [
        "",
        "# flask",
        "-r more.txt",
        "--extra-index-url https://example.com/flask",
        "./flask-3.0-py3-none-any.whl",
        "C:\\wheels\\flask.whl",
        "git+https://example.com/flask.git#egg=flask",
        "https://example.com/flask.whl",
    ],
)
def test_a_line_that_asks_for_nothing_by_its_name_names_no_package(line: str) -> None:
    assert package_named(line) == ""


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        ("", "azure-functions\nscoringhost\n"),
        ("torch\n", "azure-functions\nscoringhost\ntorch\n"),
        ("scoringhost[jobs]>=1\n", "azure-functions\nscoringhost[jobs]>=1\n"),
        ("-r more.txt\n./own.whl\n", "azure-functions\nscoringhost\n-r more.txt\n./own.whl\n"),
        ("scoringhost @ https://example.com/x.whl", "azure-functions\nscoringhost @ https://example.com/x.whl\n"),
    ],
)
def test_a_package_that_both_name_is_as_the_script_wants_it(own: str, merged: str) -> None:
    assert merged_requirements("azure-functions\nscoringhost\n", own) == merged
