"""create_function_app(): what a function_app.py gets, whatever is wrong with the settings or the script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[..., str]

# As the worker does it: inside a running event loop, with a handler on the root logger.
PROGRAM = """
import asyncio, logging, os, sys
import azure.functions as func

lines = []


class Sent(logging.Handler):
    def emit(self, record):
        lines.append(self.format(record))


class Context:
    invocation_id = "theirs"


async def main():
    logging.getLogger().addHandler(Sent())
    logging.getLogger().setLevel(logging.INFO)
    import scoringhost
    app = scoringhost.create_function_app({folder!r}, environ={environ!r})
    functions = {{one.get_function_name(): one for one in app.get_functions()}}
    print(sorted(functions), functions["scoring"].get_trigger().auth_level.name, file=sys.__stdout__)
    request = func.HttpRequest("POST", "http://x/score", headers={{"x-request-id": "mine"}}, body=b"hello")
    answer = await functions["scoring"].get_user_function()(request, Context())
    print(answer.status_code, answer.get_body().decode(), file=sys.__stdout__)
    print([line for line in lines if "hello" in line or "POST" in line], file=sys.__stdout__)


asyncio.run(main())
"""

GOOD = "import asyncio\n\n\ndef init():\n    asyncio.run(asyncio.sleep(0))\n\n\n"
GOOD += "def run(raw_data):\n    print('got', raw_data)\n    return raw_data\n"


@pytest.fixture
def outcome(python: Python, tmp_path: Path) -> Callable[..., list[str]]:
    """outcome(script, **environ): the functions, the answer to one request, and the lines about it."""

    def outcome(script: str | None = GOOD, **environ: str) -> list[str]:
        if script is not None:
            (tmp_path / "score.py").write_text(script, encoding="utf-8")
        return python(PROGRAM.format(folder=str(tmp_path), environ=environ)).splitlines()

    return outcome


def test_the_script_of_the_folder_is_served_and_its_lines_go_to_the_workers_handler(
    outcome: Callable[..., list[str]],
) -> None:
    functions, answer, lines = outcome()
    assert functions == "['scoring', 'warmup'] ANONYMOUS"
    assert answer == '200 "hello"'
    assert "'got hello [mine, invocation theirs]'" in lines
    assert "POST /score 200" in lines
    assert lines.count("POST /score") == 1


def test_settings_are_read_from_the_environment_that_is_given(outcome: Callable[..., list[str]]) -> None:
    functions, _, _ = outcome(SCORINGHOST_AUTH_LEVEL="function", SCORINGHOST_KEEP_WARM_MINUTES="5")
    assert functions == "['health', 'keep_warm', 'scoring', 'warmup'] FUNCTION"


def test_jobs_are_there_if_a_setting_asks(outcome: Callable[..., list[str]]) -> None:
    functions, answer, _ = outcome(SCORINGHOST_JOBS="true", SCORINGHOST_AUTH_LEVEL="function")
    assert functions.startswith("['health', 'read_job', 'score_file', 'score_job', 'scoring', 'submit_job', 'warmup']")
    assert answer == '200 "hello"'


@pytest.mark.parametrize(
    ("script", "environ", "level", "words"),
    [
        (None, {}, "ANONYMOUS", "score.py"),
        ("def init(:\n", {}, "ANONYMOUS", "syntax"),
        ("def init(): raise ValueError\ndef run(data): pass\n", {}, "ANONYMOUS", "init()"),
        (GOOD, {"SCORINGHOST_PORT": "many"}, "ANONYMOUS", "SCORINGHOST_PORT"),
        (GOOD, {"SCORINGHOST_PORT": "many", "SCORINGHOST_AUTH_LEVEL": "admin"}, "ADMIN", "SCORINGHOST_PORT"),
        (GOOD, {"SCORINGHOST_AUTH_LEVEL": "nobody"}, "FUNCTION", "SCORINGHOST_AUTH_LEVEL"),
    ],
    ids=["no script", "syntax", "init", "setting", "setting with a key", "auth level"],
)
def test_whatever_is_wrong_the_app_is_there_and_says_it(
    outcome: Callable[..., list[str]], script: str | None, environ: dict[str, str], level: str, words: str
) -> None:
    functions, answer, _ = outcome(script, **environ)
    assert functions.endswith(level)
    assert answer.startswith("500 ")
    assert words in answer
