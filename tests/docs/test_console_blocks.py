"""Every block of the README and of the documentation that holds commands or Python is run, or says why it is not.

A block with a `title` is a file of that name; `title="the log"` is what the server has logged. Console blocks are
typed in order, in one folder for a page, and must print what is shown. Above a block that cannot be run there stands
`<!-- not run: the reason -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sybil import Document, Example, Region
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

if TYPE_CHECKING:
    from tests.docs.conftest import Terminal

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "pages").glob("*.md"))]
LOG = "the log"

fences = RawFencedCodeBlockLexer(re.compile(r'(?P<language>\w+)(?: title="(?P<title>[^"]+)")?[^\n]*\n'))


def blocks(document: Document) -> Iterator[Region]:
    """The blocks of a page that are evaluated; the reason for leaving one out is its `not_run`."""
    for region in fences(document):
        found = re.search(r"<!-- not run: (.+) -->\n\s*\Z", document.text[: region.start])
        region.lexemes["not_run"] = found[1] if found else None
        yield Region(region.start, region.end, region.lexemes, evaluate)


def evaluate(example: Example) -> str | None:
    """Write the block as a file, or run its commands; returns what is wrong, for Sybil to report with its place."""
    terminal: Terminal = example.namespace["terminal"]
    title, source = example.parsed["title"], str(example.parsed["source"])
    if example.parsed["not_run"]:
        return None
    if title == LOG:
        return terminal.log_difference(source) or None
    if title:
        path = terminal.folder / title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    if example.parsed["language"] == "console":
        wrong = [
            f"$ {command}\n{said}" for command, shown in commands(source) if (said := terminal.run(command, shown))
        ]
        return "\n".join(wrong) or None
    return None


def commands(source: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with what it prints; a line that ends in a backslash goes on."""
    assert source.startswith("$ "), f"a console block begins with a prompt: {source}"
    return re.findall(r"^\$ ((?:.*\\\n)*.*)\n?((?:(?!\$ ).*\n?)*)", source, re.MULTILINE)


def parsed(page: Path) -> list[Example]:
    return list(Document.parse(str(page), blocks).examples())


FIRST_PAGES = {"index"}
"""Those whose commands plain `pytest` runs; the others' are left to `-m drill`."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page if page.stem in FIRST_PAGES else pytest.param(page, marks=pytest.mark.drill) for page in PAGES],
    ids=lambda page: page.stem,
)
def test_every_command_of_a_page_prints_what_the_page_shows(page: Path, terminal: Terminal) -> None:
    document = Document.parse(str(page), blocks)
    document.namespace["terminal"] = terminal
    for example in document.examples():
        example.evaluate()
    unused = [title for title in python_files(page) if not is_used(title, terminal.typed, document.text)]
    assert unused == [], "no command runs these"


def is_used(title: str, typed: str, text: str) -> bool:
    """Whether a command names a file or its folder, or another file of the page imports it."""
    path = Path(title)
    return path.name in typed or path.parts[0] in typed or f"import {path.stem}" in text


def python_files(page: Path) -> list[str]:
    run = [one.parsed for one in parsed(page) if one.parsed["language"] == "python" and not one.parsed["not_run"]]
    return [block["title"] for block in run]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_python_block_is_a_file_that_a_command_runs_or_says_why_it_is_not_run(page: Path) -> None:
    assert None not in python_files(page)


def test_no_block_that_is_not_run_goes_without_a_reason_of_some_length() -> None:
    reasons = [one.parsed["not_run"] for page in PAGES for one in parsed(page)]
    assert [reason for reason in reasons if reason is not None and len(reason) < 10] == []


def test_every_note_that_a_block_is_not_run_stands_above_a_block() -> None:
    notes = sum(page.read_text(encoding="utf-8").count("<!-- not run:") for page in PAGES)
    assert notes == sum(1 for page in PAGES for one in parsed(page) if one.parsed["not_run"])
