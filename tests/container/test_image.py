"""The project's own image: hardened as clusters do it, healthy, and stopped without losing a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Reply, Served

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "samples" / "diabetes"
SCRIPTS = Path(__file__).parent / "scripts"
MOUNTED = f"{SCRIPTS}:/app"
LIMITS = ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=256m", "--memory-swap=256m"]
ALLOWED_MB = 220
"""Of the image beyond its base: Python packages, of which pandas and NumPy are 160."""

Start = Callable[..., "Served"]
Engine = Callable[..., str]


def diabetes(served: Served) -> Reply:
    body = (SAMPLE / "request.json").read_bytes()
    return served.ask("POST", "/score", headers=[("Content-Type", "application/json")], body=body)


def test_without_a_word_it_serves_the_sample(start_container: Start) -> None:
    served = start_container(flags=[]).wait_ready()
    assert served.ask().body == b"Healthy"
    assert diabetes(served).json() == pytest.approx([207.309358, 70.234504])


@pytest.mark.parametrize("temporary", ["/tmp", "/dev/shm"])
def test_a_mounted_folder_is_served_with_a_read_only_root(start_container: Start, temporary: str) -> None:
    tmpfs = ["--tmpfs=/tmp"] if temporary == "/tmp" else []
    served = start_container(flags=[*LIMITS, "--read-only", *tmpfs], volumes=[MOUNTED]).wait_ready()
    assert served.say("look").json() | {"pid": 0} == {"temporary": temporary, "pid": 0, "beside": ["score.py"]}
    assert served.log.matches("init as scoring, home /tmp")
    assert not served.log.matches(r"Traceback|Read-only|Errno")


def test_uploads_that_need_a_file_find_room_in_memory(start_container: Start) -> None:
    served = start_container(flags=[*LIMITS, "--read-only"], volumes=[MOUNTED]).wait_ready()
    head = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
    body = head + b"z" * 2_000_000 + b"\r\n--x--\r\n"
    reply = served.ask("POST", "/score", headers=[("Content-Type", "multipart/form-data; boundary=x")], body=body)
    assert reply.json() == {"a": 2_000_000}


def test_it_is_nobody_special_and_may_be_anybody(start_container: Start, engine: Engine) -> None:
    served = start_container(flags=LIMITS).wait_ready()
    assert engine("exec", served.name, "id", "-u").strip() == "10001"
    capabilities = engine("exec", served.name, "grep", "CapEff", "/proc/1/status").split()[1]
    assert int(capabilities, 16) == 0
    assert diabetes(start_container(flags=[*LIMITS, "--user=4321:4321"]).wait_ready()).status == 200


def test_nothing_is_written(start_container: Start, engine: Engine) -> None:
    served = start_container(flags=LIMITS).wait_ready()
    assert [diabetes(served).status, served.ask().status, served.ask("GET", "/swagger.json").status] == [200] * 3
    assert engine("diff", served.name) == ""
    assert served.stop() == 0
    assert engine("diff", served.name) == ""


@pytest.mark.parametrize("port", [5001, 7000])
def test_the_health_check_finds_it_healthy(
    start_container: Start, engine: Engine, eventually: Callable[..., None], port: int
) -> None:
    flags = [*LIMITS, "--read-only", "--health-interval=1s"]
    served = start_container(flags=flags, port=port, SCORINGHOST_PORT=str(port)).wait_ready()

    def health() -> dict[str, object]:
        return json.loads(engine("inspect", served.name, "--format", "{{json .State.Health}}"))

    eventually(lambda: health()["Status"] != "starting", "the health check")
    assert health()["Status"] == "healthy", health()


def test_the_health_check_notices_that_nobody_answers(
    start_container: Start, engine: Engine, eventually: Callable[..., None]
) -> None:
    # The check looks at the port it is told; the flag moves the server away from it.
    flags = ["--health-interval=1s", "--health-retries=1", "--health-start-period=1ms"]
    served = start_container("--port", "7000", flags=flags).wait_ready()
    eventually(
        lambda: engine("inspect", served.name, "--format", "{{.State.Health.Status}}").strip() == "unhealthy",
        "the health check",
    )


def test_a_stop_lets_the_request_in_flight_end_and_exits_with_0(
    start_container: Start, engine: Engine, later: Callable[..., Callable[[], Reply]]
) -> None:
    served = start_container(flags=[*LIMITS, "--read-only"], volumes=[MOUNTED]).wait_ready()
    reply = later(lambda: served.say("nap 2"))
    served.log.wait_for("napping 2")
    engine("stop", "--time=20", served.name)
    assert reply().status == 200
    assert served.exit_code() == 0
    assert engine("inspect", served.name, "--format", "{{.State.ExitCode}}").strip() == "0"
    assert served.log.matches("shutdown")


def test_a_call_beyond_the_memory_limit_ends_its_worker_but_not_the_container(start_container: Start) -> None:
    served = start_container(flags=[*LIMITS, "--read-only"], volumes=[MOUNTED]).wait_ready()
    before = served.say("look").json()["pid"]
    with pytest.raises(OSError):
        served.say("fill 600")
    served.wait_ready(2)
    assert served.say("look").json()["pid"] != before


def test_words_after_the_image_are_flags_of_serve(start_container: Start) -> None:
    served = start_container("--workers", "2", flags=LIMITS).wait_ready(2)
    assert diabetes(served).status == 200


def test_a_script_that_is_not_there_is_3_and_a_sentence(start_container: Start) -> None:
    served = start_container("other.py", flags=LIMITS)
    assert served.exit_code() == 3
    assert "/app/other.py" in served.log.text


def test_the_image_is_small_beyond_its_base(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    image = "scoringhost:plain"  # without the optional parts that the other tests ask for
    engine("build", "--network=host", "--tag", image, ROOT)
    (base,) = [line.partition("=")[2] for line in (ROOT / "Dockerfile").read_text().splitlines() if "ARG BASE" in line]
    whole, below = (int(engine("image", "inspect", name, "--format", "{{.Size}}")) for name in (image, base))
    with capsys.disabled():
        print(f"\nimage: {whole / 1e6:.0f} MB, of which {(whole - below) / 1e6:.0f} MB beyond {base}")  # noqa: T201
    assert (whole - below) / 1e6 < ALLOWED_MB
