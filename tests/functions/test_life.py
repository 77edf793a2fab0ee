"""A function app's life: loading, failing to load, a run() that does not end, the log, keys of the lock."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functions.conftest import RunningApp

Kept = Callable[..., "RunningApp"]
Run = Callable[..., "RunningApp"]

SCRIPTS = Path(__file__).parent / "scripts"
LIFE = SCRIPTS.parent.parent / "live" / "scripts" / "life.py"
ID = ("x-request-id", "mine")


# -- loading --------------------------------------------------------------------------------------


def test_before_init_has_ended_health_is_a_503_and_so_is_a_request_that_waited(run: Run, tmp_path: Path) -> None:
    go = tmp_path / "go"
    app = run(SCRIPTS / "waits.py", GO=go, startup_wait_s=0)
    app.log.wait_for("init has begun")
    health = app.ask("GET", "/")
    assert (health.status, health.header("Retry-After")) == (503, "1")
    early = app.score("x", ID)
    assert (early.status, early.header("x-request-id")) == (503, "mine")
    assert "starting" in early.message
    go.touch()
    app.wait_ready()
    assert app.ask("GET", "/").body == b"Healthy"
    assert app.score("x").json() == "x"


async def several(count: int, ask: Callable[[], object]) -> list[object]:
    return await asyncio.gather(*(asyncio.to_thread(ask) for _ in range(count)))


def test_requests_that_come_before_init_has_ended_wait_for_it(run: Run, tmp_path: Path) -> None:
    go = tmp_path / "go"
    app = run(SCRIPTS / "waits.py", GO=go, startup_wait_s=60)
    app.log.wait_for("init has begun")

    async def early() -> list[object]:
        asking = asyncio.create_task(several(3, lambda: app.score("x").json()))
        while len(app.log.matches("Function name: scoring")) < 3:
            assert await asyncio.to_thread(lambda: app.ask("GET", "/").status) == 503
        go.touch()
        return await asking

    assert asyncio.run(early()) == ["x", "x", "x"]


@pytest.mark.parametrize(
    ("how", "logged"), [("raise", "ValueError: the model is broken"), ("exit", "SystemExit: 3")], ids=["raise", "exit"]
)
def test_a_failing_init_answers_every_request_with_its_reason(run: Run, how: str, logged: str) -> None:
    app = run(SCRIPTS / "fails.py", HOW=how)
    app.log.wait_for("correct it and start again")
    before = app.pids
    for method, target in [("POST", "/score"), ("GET", "/score"), ("GET", "/swagger.json"), ("GET", "/")]:
        reply = app.ask(method, target, headers=[ID])
        assert (reply.status, reply.header("x-request-id")) == (500, "mine")
        assert reply.header("x-ms-run-function-failed") == "True"
        assert list(reply.json()) == ["message"]
        assert re.fullmatch(r"init\(\) of .*fails.py raised \w+; correct it and start again\.", reply.message)
    assert app.ask("GET", "/nowhere").status == 404
    assert app.log.matches(logged)
    assert app.pids == before


def test_in_debug_mode_the_reply_holds_the_traceback_of_init(run: Run) -> None:
    app = run(SCRIPTS / "fails.py", HOW="raise", debug=True)
    trace = app.score("x").json()["traceback"]
    assert trace.endswith("ValueError: the model is broken")
    assert "scoringhost/kernel" not in trace


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def init(:\n", ["could not be imported", "syntax", "line 1"]),
        ("import a_package_that_nobody_has\n", ["could not be imported", "a_package_that_nobody_has"]),
        ("def init():\n    pass\n", ["no run() function"]),
        (None, ["No such file", "score.py"]),
    ],
    ids=["syntax", "import", "no run", "no script"],
)
def test_a_script_that_cannot_be_loaded_is_a_500_that_says_why(
    launch: Callable[..., RunningApp], tmp_path: Path, text: str | None, words: list[str]
) -> None:
    from importlib.util import find_spec

    assert find_spec("a_package_that_nobody_has") is None
    app = launch(own_app(tmp_path, text))
    try:
        reply = app.score("x")
        assert reply.status == 500
        assert [word for word in words if word not in reply.message] == []
        assert reply.header("x-request-id")
    finally:
        app.close()


def own_app(folder: Path, script: str | None) -> Path:
    """A function app folder with a script of its own."""
    from shutil import copy

    app = folder / "app"
    app.mkdir()
    for name in ("function_app.py", "host.json"):
        copy(SCRIPTS.parent.parent.parent / "function_app" / name, app)
    if script is not None:
        (app / "score.py").write_text(script, encoding="utf-8")
    return app


def test_a_setting_that_cannot_be_used_is_a_500_that_names_it(run: Run) -> None:
    reply = run(LIFE, max_body_mb="many").score("x")
    assert reply.status == 500
    assert "SCORINGHOST_MAX_BODY_MB" in reply.message


def test_an_auth_level_that_is_none_locks_the_app(run: Run) -> None:
    app = run(LIFE, "--auth", "--function-key", "secret", auth_level="nobody")
    assert app.score("echo x").status == 401
    reply = app.score("echo x", ("x-functions-key", "secret"))
    assert (reply.status, "SCORINGHOST_AUTH_LEVEL" in reply.message) == (500, True)


# -- deadlines ------------------------------------------------------------------------------------


def test_a_run_over_the_limit_is_a_504_and_the_worker_stays(kept: Kept) -> None:
    app = kept("acts.py", scoring_timeout_ms=300)
    before = app.pids
    reply = app.score("compute", ID)
    assert (reply.status, reply.header("x-request-id")) == (504, "mine")
    assert "300 ms" in reply.message
    assert app.score("number").status == 200
    assert app.pids == before


def test_a_run_that_does_not_end_costs_the_worker_and_the_host_starts_another(run: Run) -> None:
    app = run(LIFE, scoring_timeout_ms=200).wait_ready()
    before = app.pids
    assert app.score("stuck").status == 504
    app.log.wait_for("this worker is given up and replaced")
    app.log.wait_for("is ready for requests", 2)
    assert app.score("echo again").json() == "again"
    assert app.pids != before


def test_a_worker_that_dies_is_replaced(run: Run) -> None:
    app = run(LIFE).wait_ready()
    assert app.score("die").status == 500
    app.log.wait_for("is ready for requests", 2)
    assert app.score("echo again").json() == "again"


# -- concurrency ----------------------------------------------------------------------------------


def test_health_is_answered_while_run_is_busy(run: Run) -> None:
    app = run(LIFE).wait_ready()

    async def both() -> tuple[object, object]:
        busy = asyncio.create_task(asyncio.to_thread(lambda: app.score("nap 1.0").json()))
        await asyncio.to_thread(lambda: app.log.wait_for("napping 1.0"))
        health = await asyncio.to_thread(lambda: app.ask("GET", "/").body)
        assert not busy.done()
        return health, await busy

    assert asyncio.run(both()) == (b"Healthy", "slept 1.0")


def test_requests_at_once_are_scored_one_after_the_other(run: Run) -> None:
    app = run(LIFE).wait_ready()
    assert asyncio.run(several(8, lambda: app.score("nap 0.05").json())) == ["slept 0.05"] * 8
    starts = [found.start() for found in app.log.matches("napping")]
    assert len(starts) == 8


# -- the log --------------------------------------------------------------------------------------


def test_every_line_comes_once_with_the_ids_of_request_and_invocation(kept: Kept) -> None:
    app = kept("acts.py")
    app.score("talk", ("x-request-id", "id-of-the-talk"))
    app.log.wait_for("POST /score 200 .*id-of-the-talk")
    for line in (
        "printed by the script",
        "no newline",
        "logged through the root logger",
        "logged through the module's logger",
        r"POST /score 200 \d+\.\d+ms 8",
    ):
        assert len(app.log.matches(line + r" \[id-of-the-talk, invocation [0-9a-f-]{36}\]$")) == 1, line


def test_a_failure_is_logged_once_with_the_users_traceback(kept: Kept) -> None:
    app = kept("acts.py")
    app.score("fail within", ("x-request-id", "id-of-the-failure"))
    app.log.wait_for("POST /score 500 .*id-of-the-failure")
    assert len(app.log.matches(r"LookupError: no such row \[id-of-the-failure")) == 1


# -- keeping an instance --------------------------------------------------------------------------


def test_a_warm_up_call_ends_when_init_has(run: Run, tmp_path: Path) -> None:
    go = tmp_path / "go"
    app = run(SCRIPTS / "waits.py", GO=go)
    app.log.wait_for("init has begun")

    async def warm() -> int:
        call = asyncio.create_task(asyncio.to_thread(lambda: app.ask("GET", "/admin/warmup").status))
        await asyncio.to_thread(lambda: app.log.wait_for("Function name: warmup"))
        assert not call.done()
        go.touch()
        return await call

    assert asyncio.run(warm()) == 200


def test_a_timer_keeps_an_instance_if_a_setting_asks(run: Run) -> None:
    app = run(LIFE, keep_warm_minutes=4).wait_ready()
    functions = {one["name"]: one["config"]["bindings"] for one in app.ask("GET", "/admin/functions").json()}
    assert sorted(functions) == ["keep_warm", "scoring", "warmup"]
    assert functions["keep_warm"][0]["schedule"] == "0 */4 * * * *"
    body = b'{"input": null}'
    assert app.ask("POST", "/admin/functions/keep_warm", body=body).status == 202
    app.log.wait_for("Functions.keep_warm.*Succeeded")


def test_by_default_nothing_needs_storage(kept: Kept) -> None:
    found = kept("text.py").ask("GET", "/admin/functions").json()
    assert sorted(one["name"] for one in found) == ["scoring", "warmup"]


def test_a_librarys_chatter_is_left_out_of_the_log(kept: Kept) -> None:
    app = kept("acts.py")
    app.score("talk", ("x-request-id", "id-of-the-chat"))
    app.log.wait_for("POST /score 200 .*id-of-the-chat")
    assert app.log.matches("chatter") == []
    assert app.log.matches("azure.functions: Function name: scoring")
