"""Blocking calls and double encoding, seen in the text of a script."""

from __future__ import annotations

import pytest

from scoringhost.checking.code import blocking_calls, encoded_twice


@pytest.mark.parametrize(
    ("imports", "call", "name"),
    [
        ("import time", "time.sleep(1)", "time.sleep"),
        ("from time import sleep", "sleep(1)", "time.sleep"),
        ("import time as t", "t.sleep(1)", "time.sleep"),
        ("import requests", "requests.post('http://x')", "requests.post"),
        ("import urllib.request", "urllib.request.urlopen('http://x')", "urllib.request.urlopen"),
        ("from urllib import request", "request.urlopen('http://x')", "urllib.request.urlopen"),
        ("import subprocess", "x = subprocess.run(['ls'])", "subprocess.run"),
    ],
)
def test_a_blocking_call_is_found_with_its_line(read, imports: str, call: str, name: str) -> None:
    [finding] = blocking_calls(read(f"{imports}\nasync def run(data):\n    if data:\n        {call}\n"))
    assert (finding.line, finding.code) == (4, "blocking-call")
    assert finding.message.startswith(f"{name}() in an `async def run`")


def test_a_blocking_call_in_a_function_that_run_calls_is_found(read) -> None:
    source = "import time\ndef deep(): time.sleep(1)\ndef helper(): deep(); helper()\nasync def run(data): helper()\n"
    assert [finding.line for finding in blocking_calls(read(source))] == [2]


@pytest.mark.parametrize(
    "source",
    [
        "import time\ndef run(data): time.sleep(1)\n",
        "import time\nasync def run(data): pass\ndef init(): time.sleep(1)\n",
        "import asyncio, time\nasync def run(data): await asyncio.to_thread(time.sleep, 1)\n",
        "import asyncio, time\nasync def run(data): await asyncio.to_thread(lambda: time.sleep(1))\n",
        "import asyncio\nasync def run(data): await asyncio.sleep(1)\n",
        "import time\nasync def run(data):\n    def work(): time.sleep(1)\n    return work\n",
        "x = 1\n",
    ],
)
def test_what_does_not_block_the_loop_is_left_alone(read, source: str) -> None:
    assert list(blocking_calls(read(source))) == []


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("return json.dumps(data)", [3]),
        ("text = json.dumps(data)\n    return text", [4]),
        ("if data:\n        return json.dumps(data)\n    return [1]", [4]),
        ("text = json.dumps(data)\n    print(text)\n    return data", []),
        ("return data", []),
        ("return", []),
    ],
)
def test_json_text_as_a_result_is_found_where_it_is_returned(read, body: str, lines: list[int]) -> None:
    source = read(f"import json\ndef run(data):\n    {body}\n")
    assert [finding.line for finding in encoded_twice(source)] == lines


def test_a_script_without_run_is_not_this_checks_business(read) -> None:
    assert list(encoded_twice(read("import json\n"))) == []
