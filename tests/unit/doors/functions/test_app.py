"""The Functions door by itself: what it declares, loading, and that nothing is raised to the worker."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from scoringhost import assemble
from scoringhost.doors.functions.app import FunctionProcess, make_function_app, respond_with
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.settings import Settings


def incoming(method: str = "POST", target: str = "/score", body: bytes = b"", **headers: str) -> func.HttpRequest:
    pairs = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest(method, f"https://app.example.com{target}", headers=pairs, body=body)


# -- invocations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError("ours"), SystemExit(3), KeyboardInterrupt()])
def test_nothing_is_raised_to_the_worker(error: BaseException) -> None:
    async def answer(request: HttpRequest) -> HttpResponse:
        raise error

    response = asyncio.run(respond_with(answer, Settings(), incoming(), "id", keyed=False))
    assert response.status_code == 500
    assert b"internal error" in response.get_body()


# -- a process ------------------------------------------------------------------------------------

Start = Callable[..., FunctionProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(source, **settings): a process that loads a script of that text."""
    started: list[FunctionProcess] = []

    def start(source: str, **settings: Any) -> FunctionProcess:
        script = tmp_path / "score.py"
        script.write_text(source, encoding="utf-8")
        values = Settings(script=str(script), app_root=str(tmp_path), **settings)
        process = FunctionProcess(
            values, lambda: assemble.build(values), lambda error: assemble.stand_in(values, error)
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.close()


GOOD = "import threading\n\n\ndef init():\n    global WHERE\n    WHERE = threading.current_thread()\n\n\n"
GOOD += "def run(raw_data):\n    return threading.current_thread() is WHERE\n"


def ask(process: FunctionProcess, path: str = "/score") -> HttpResponse:
    return asyncio.run(process.handle(HttpRequest("POST" if path == "/score" else "GET", path, body=b"x")))


def test_init_and_run_are_on_one_thread_that_is_not_the_event_loops(start: Start) -> None:
    process = start(GOOD)
    assert ask(process).body == b"true"
    assert threading.current_thread().name not in ("scoring-0",)


def test_not_more_requests_wait_for_init_than_may_wait(start: Start, tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    os.mkfifo(go_on)
    process = start(
        f"def init():\n    open({str(go_on)!r}).close()\n\n\ndef run(data):\n    return data\n", max_waiting=1
    )

    async def both() -> list[int]:
        first = asyncio.create_task(process.handle(HttpRequest("POST", "/score", body=b"x")))
        await asyncio.sleep(0)  # it waits now
        second = await process.handle(HttpRequest("POST", "/score", body=b"x"))
        await asyncio.to_thread(lambda: go_on.open("w").close())
        return [(await first).status, second.status]

    assert asyncio.run(both()) == [200, 503]


def test_waiting_is_over_at_once_when_the_script_is_loaded(start: Start) -> None:
    process = start(GOOD)

    async def twice() -> list[bool]:
        return [await process.loaded(), await process.loaded(0)]

    assert asyncio.run(twice()) == [True, True]
    assert process.site is not None


def test_a_script_that_is_interrupted_at_import_is_answered_with_its_fault(start: Start) -> None:
    process = start("raise KeyboardInterrupt\n")
    assert ask(process).status == 500
    assert process.site is None


def test_a_defect_of_ours_while_loading_is_an_internal_error() -> None:
    def build() -> Any:
        raise RuntimeError("a defect")

    settings = Settings()
    process = FunctionProcess(settings, build, lambda error: assemble.stand_in(settings, error))
    response = ask(process)
    process.close()
    assert (response.status, b"internal error" in bytes(response.body)) == (500, True)  # type: ignore[arg-type]


# -- the functions --------------------------------------------------------------------------------


def functions(process: FunctionProcess, level: str) -> dict[str, Any]:
    return {str(one.get_function_name()): one for one in make_function_app(process, level).get_functions()}


def test_without_a_key_one_function_takes_every_path_and_verb(start: Start) -> None:
    found = functions(start(GOOD), "anonymous")
    assert sorted(found) == ["scoring", "warmup"]
    trigger = found["scoring"].get_trigger()
    assert (trigger.route, trigger.methods, trigger.auth_level) == ("{*path}", None, func.AuthLevel.ANONYMOUS)


@pytest.mark.parametrize("level", ["function", "admin"])
def test_with_a_key_health_stays_open(start: Start, level: str) -> None:
    found = functions(start(GOOD), level)
    assert found["scoring"].get_trigger().auth_level == func.AuthLevel[level.upper()]
    health = found["health"].get_trigger()
    assert (health.route, health.auth_level) == ("/", func.AuthLevel.ANONYMOUS)


def test_a_timer_is_there_if_a_setting_asks(start: Start) -> None:
    assert (
        functions(start(GOOD, keep_warm_minutes=7), "anonymous")["keep_warm"].get_trigger().schedule == "0 */7 * * * *"
    )
