"""Blocking calls and double encoding, seen in the text of a script."""

from __future__ import annotations

import pytest

from scoringhost.checking.blocking import blocking_calls
from scoringhost.checking.code import encoded_twice, texts_read_as_files


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


# BUG: only calls by their full name were found.
@pytest.mark.parametrize(
    ("source", "line", "name"),
    [
        ("session = requests.Session()\nasync def run(d): session.get(d)", 3, "requests.Session.get"),
        ("session = None\ndef init():\n    global session\n    session = requests.Session()\nasync def run(d):\n"
         "    session.post(d)", 7, "requests.Session.post"),
        ("session: requests.Session = requests.session()\nasync def run(d): session.get(d)", 3, "requests.Session.get"),
        ("async def run(d):\n    with requests.Session() as s:\n        s.put(d)", 4, "requests.Session.put"),
        ("async def run(d): requests.Session().get(d)", 2, "requests.Session.get"),
        ("import httpx\nclient = httpx.Client()\nasync def run(d): client.get(d)", 4, "httpx.Client.get"),
        ("import subprocess\nasync def run(d): subprocess.Popen(d).wait()", 3, "subprocess.Popen.wait"),
        ("import subprocess\nasync def run(d):\n    p = subprocess.Popen(d)\n    p.communicate()", 5,
         "subprocess.Popen.communicate"),
        ("import time\nasync def helper(): time.sleep(1)\nasync def run(d): await helper()", 3, "time.sleep"),
        ("import time\nasync def run(d):\n    async def helper(): time.sleep(1)\n    await helper()", 4, "time.sleep"),
        ("import time\nasync def run(d):\n    async def outer():\n        inner()\n    def inner(): time.sleep(1)\n"
         "    await outer()", 6, "time.sleep"),
    ],
)  # fmt: skip
def test_a_blocking_call_of_an_object_or_a_helper_is_found(read, source: str, line: int, name: str) -> None:
    [finding] = blocking_calls(read(f"import requests\n{source}\n"))
    assert (finding.line, finding.message.partition("()")[0]) == (line, name)


@pytest.mark.parametrize(
    "source",
    [
        "session = requests.Session()\nasync def run(d): session.close()",
        "session = requests.Session()\nasync def run(session): session.get('x')",
        "session = requests.Session()\nasync def run(d):\n    session = d\n    session.get('x')",
        "session = requests.Session()\nsession = Other()\nasync def run(d): session.get('x')",
        "def init():\n    session = requests.Session()\nasync def run(d): session.get('x')",
        "def init():\n    global session\n    session = httpx.AsyncClient()\nasync def run(d): await session.get('x')",
        "import asyncio\nsession = requests.Session()\nasync def run(d): await asyncio.to_thread(session.get, d)",
        "import asyncio\nasync def run(d):\n    p = await asyncio.create_subprocess_exec(d)\n    await p.wait()",
        "import time\nasync def run(d):\n    async def helper(): time.sleep(1)\n    return helper",
    ],
)
def test_other_objects_and_helpers_are_left_alone(read, source: str) -> None:
    assert list(blocking_calls(read(f"import requests, httpx\n{source}\n"))) == []


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
        # BUG: a name that had once been JSON text was taken for it for ever.
        ("text = json.dumps(data)\n    text = json.loads(text)\n    return text", []),
        ("text = [1]\n    text = json.dumps(text)\n    return text", [5]),
        ("text = json.dumps(data)\n    if data:\n        return text\n    text = [1]\n    return text", [5]),
        ("text: str = json.dumps(data)\n    return text", [4]),
        ("text = json.dumps(data)\n    for text in data: pass\n    return text", []),
        ("text = json.dumps(data)\n    text += ','\n    return text", []),
        ("text, rest = json.dumps(data), 1\n    return text", []),
        # BUG: a hint for each of many returns, where a third of all public scripts are so and their callers rely on it
        ("if data:\n        return json.dumps(data)\n    return json.dumps([1])", [4]),
        ("return data", []),
        ("return", []),
    ],
)
def test_json_text_as_a_result_is_found_where_it_is_returned(read, body: str, lines: list[int]) -> None:
    source = read(f"import json\ndef run(data):\n    {body}\n")
    assert [finding.line for finding in encoded_twice(source)] == lines


def test_a_script_without_run_is_not_this_checks_business(read) -> None:
    assert list(encoded_twice(read("import json\n"))) == []


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("return pd.read_json(data)", [3]),
        ("data = json.loads(data)['rows']\n    return pd.read_json(data, orient='split')", [4]),
        ("return pd.read_json(json.dumps(data))", [3]),
        ("return pd.read_json(io.StringIO(data))", []),
        ("text = io.StringIO(data)\n    return pd.read_json(text)", []),
        ("return pd.read_json('columns.json')", []),
        ("return pd.read_csv(data)", []),
    ],
)
def test_a_text_that_pandas_takes_for_a_files_name_is_found(read, body: str, lines: list[int]) -> None:
    source = read(f"import io, json, pandas as pd\ndef run(data):\n    {body}\n")
    assert [finding.line for finding in texts_read_as_files(source)] == lines
