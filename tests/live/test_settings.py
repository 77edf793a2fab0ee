"""Settings from flags, environment and files, seen in what the server does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

Start = Callable[..., "Served"]

LIFE = Path(__file__).parent / "scripts" / "life.py"


def info(served: Served) -> tuple[str, str]:
    """Name and version of the service in its API document."""
    about = served.ask("GET", "/swagger.json").json()["info"]
    return about["title"], about["version"]


def test_a_flag_beats_the_environment_and_that_beats_the_file(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    content = {"SERVICE_NAME": "from file", "SERVICE_VERSION": "from file", "SCORING_TIMEOUT_MS": 300}
    file.write_text(json.dumps(content), encoding="utf-8")
    flags = ["--config-file", str(file), "--service-name", "from flag"]
    environ = {"SERVICE_NAME": "from environment", "SERVICE_VERSION": "from environment"}
    served = start(LIFE, "--verbose", *flags, **environ).wait_ready()
    assert info(served) == ("from flag", "from environment")
    assert served.say("nap 5").status == 504
    for row in (
        r"service_name +from flag +\(flag --service-name\)",
        r"service_version +from environment +\(environment SERVICE_VERSION\)",
        rf"scoring_timeout_ms +300 +\(file {file}\)",
        r"nan +null +\(default\)",
        r"^CPU: ",
    ):
        assert served.log.matches(row), row


def test_the_banner_shows_what_is_no_default_and_the_urls_and_nothing_else(start: Start) -> None:
    served = start(LIFE).wait_ready()
    banner = served.log.text.partition("\n2")[0].splitlines()
    base = f"http://127.0.0.1:{served.port}"
    assert banner[0].startswith("scoringhost ")
    assert [line.split()[0] for line in banner[1:-1]] == ["script", "host", "port"]
    assert banner[-1] == (
        f"Score: POST {base}/score   Health: GET {base}/   API: GET {base}/swagger.json   Docs: GET {base}/docs"
    )


def test_quiet_shows_warnings_and_errors_only(start: Start) -> None:
    served = start(LIFE, "--quiet", SCORINGHOST_NO_SUCH="1").wait_answering()
    served.say("echo something")
    assert served.stop() == 0
    assert [line.split(" - ")[1].split(":")[0] for line in served.log.lines] == [
        "unknown environment variables are ignored"
    ]


def test_our_own_variable_beats_azure_mls(start: Start) -> None:
    served = start(LIFE, SERVICE_NAME="theirs", SCORINGHOST_SERVICE_NAME="ours", SCORINGHOST_NO_SUCH="1").wait_ready()
    assert info(served)[0] == "ours"
    assert served.log.wait_for("unknown environment variables are ignored: SCORINGHOST_NO_SUCH")


def test_a_config_json_in_the_working_directory_is_taken(start: Start, tmp_path: Path) -> None:
    content = {"service_name": "found", "AML_CORS_ORIGINS": "https://a.example.com", "no_such_key": 1}
    (tmp_path / "config.json").write_text(json.dumps(content), encoding="utf-8")
    served = start(LIFE, cwd=tmp_path).wait_ready()
    assert info(served)[0] == "found"
    reply = served.ask(headers=[("Origin", "https://a.example.com")])
    assert reply.header("Access-Control-Allow-Origin") == "https://a.example.com"
    assert served.log.wait_for("unknown keys are ignored: no_such_key")


def test_a_config_json_that_nobody_named_is_ignored_with_a_warning_if_it_is_broken(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"train": ', encoding="utf-8")
    served = start(LIFE, cwd=tmp_path).wait_ready()
    assert served.log.wait_for("config.json is ignored")


def test_azmlinfsrvs_own_flags_are_understood(start: Start, tmp_path: Path, port_of_nobody: Callable[[], int]) -> None:
    file = tmp_path / "own.json"
    file.write_text('{"SERVICE_NAME": "from file"}', encoding="utf-8")
    port, health_port = port_of_nobody(), port_of_nobody()
    pairs = {
        "--entry_script": LIFE,
        "--model_dir": tmp_path,
        "--port": port,
        "--worker_count": 2,
        "--health_port": health_port,
        "--appinsights_instrumentation_key": "secret-key",
        "--access_control_allow_origins": "https://a.example.com",
        "--config_file": file,
    }
    served = start(*[str(part) for pair in pairs.items() for part in pair]).wait_ready(2)
    served.port = port
    assert served.say("environment AZUREML_MODEL_DIR").json() == str(tmp_path)
    assert served.ask().header("Access-Control-Allow-Origin") == "https://a.example.com"
    assert info(served)[0] == "from file"
    served.port = health_port
    assert served.ask().body == b"Healthy"
    assert "secret-key" not in served.log.text


def test_the_script_finds_what_azure_ml_promises_in_its_environment(start: Start, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    script = tmp_path / "score.py"
    script.write_text(LIFE.read_text(encoding="utf-8"), encoding="utf-8")
    served = start(script, WORKER_COUNT="2").wait_ready(2)
    expected = {
        "AZUREML_MODEL_DIR": str(tmp_path / "model"),
        "AZUREML_ENTRY_SCRIPT": str(script),
        "WORKER_COUNT": "2",
        "SERVER_PORT": str(served.port),
    }
    assert {name: served.say(f"environment {name}").json() for name in expected} == expected


def test_modules_beside_the_script_and_in_the_source_directory_can_be_imported(start: Start, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "app" / "beside.py").write_text("HERE = 'beside'\n", encoding="utf-8")
    (tmp_path / "lib" / "below.py").write_text("HERE = 'below'\n", encoding="utf-8")
    script = tmp_path / "app" / "score.py"
    text = "import below\nimport beside\n\n\ndef init():\n    pass\n\n\ndef run(raw_data):\n"
    script.write_text(text + "    return [beside.HERE, below.HERE]\n", encoding="utf-8")
    served = start(script, AML_APP_ROOT=str(tmp_path), AZUREML_SOURCE_DIRECTORY="lib").wait_ready()
    assert served.say("x").json() == ["beside", "below"]


# -- logging --------------------------------------------------------------------------------------


def test_a_logging_json_replaces_all_of_the_logging(start: Start, tmp_path: Path) -> None:
    handler = {"class": "logging.StreamHandler", "formatter": "own", "stream": "ext://sys.stdout"}
    content = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"own": {"format": "OWN %(name)s %(message)s"}},
        "handlers": {"own": handler},
        "loggers": {"azmlinfsrv": {"level": "INFO", "handlers": ["own"], "propagate": False}},
    }
    (tmp_path / "logging.json").write_text(json.dumps(content), encoding="utf-8")
    served = start(LIFE, cwd=tmp_path).wait_ready()
    served.say("echo something")
    served.log.wait_for("^OWN azmlinfsrv POST /score 200")
    served.log.wait_for("^OWN azmlinfsrv.print scoring something$")


def test_a_broken_logging_json_is_ignored_with_a_warning(start: Start, tmp_path: Path) -> None:
    (tmp_path / "logging.json").write_text('{"version": 7}', encoding="utf-8")
    served = start(LIFE, cwd=tmp_path).wait_ready()
    assert served.log.wait_for("logging.json is ignored")


@pytest.mark.parametrize(("level", "count"), [("ERROR", 0), ("info", 1)])
def test_the_log_level_holds(start: Start, level: str, count: int) -> None:
    served = start(LIFE, AZUREML_LOG_LEVEL=level)
    served.wait_answering()  # it may say nothing at all
    served.say("echo something")
    assert served.say("no such act").status == 500
    served.log.wait_for("run.. failed")
    assert len(served.log.matches("scoring something")) == count
