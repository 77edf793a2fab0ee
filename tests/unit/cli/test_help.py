"""Help: one line for each verb, examples, options in groups with their defaults; and what is misspelt."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner, Result

from scoringhost.cli import VERBS, main
from scoringhost.settings.groups import GROUPS


def run(*words: str) -> Result:
    return CliRunner().invoke(main, [*words], prog_name="scoringhost")


def test_every_verb_has_a_summary_of_one_line() -> None:
    listed = run("--help").output.partition("Commands:")[2].splitlines()
    rows = [line for line in listed if line.strip()]
    assert [row.split()[0] for row in rows] == list(VERBS)
    assert [row for row in rows if not row.endswith(".") or "..." in row] == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_ends_with_0_and_has_examples(verb: str) -> None:
    done = run(verb, "--help")
    assert done.exit_code == 0
    examples = done.output.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert len(examples) >= 2
    assert all(f"scoringhost {verb} " in line for line in examples)


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_name_options_that_there_are(verb: str) -> None:
    text = run(verb, "--help").output
    examples = text.partition("Examples:\n")[2].partition("\n\n")[0]
    for flag in re.findall(r"(?<= )--[a-z-]+", examples):
        assert re.search(rf"^ +.*{flag}\b", text.partition("Options:")[2], re.MULTILINE), flag


def test_the_settings_are_in_groups_with_their_defaults() -> None:
    text = run("serve", "--help").output
    titles = [title for title in GROUPS if title != "Azure Functions"]  # those have no flags
    assert [title for title in titles if f"\n{title}:\n" not in text] == []
    assert "Port to listen on. [default: 5001]" in text
    assert re.search(r"--docs / --no-docs .*\[default:\s+on\]", text, re.DOTALL)
    assert text.index("\nAddresses:\n") < text.index("--port N") < text.index("\nProcesses and threads:\n")


def test_a_misspelt_verb_gets_a_suggestion() -> None:
    done = run("srve", "score.py")
    assert done.exit_code == 2
    assert "No such command 'srve'. Did you mean 'serve'?" in done.output
    assert "Did you mean" not in run("frobnicate").output


def test_a_number_that_is_none_is_called_that() -> None:
    done = run("serve", "--port", "abc")
    assert done.exit_code == 1
    assert "Invalid value for '--port': 'abc' is not a valid whole number." in done.output
