"""One replica of Ray Serve: where it differs from a worker of `scoringhost serve`, and where it must not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scoringhost.process.cpu_budget import THREAD_VARIABLES

if TYPE_CHECKING:
    from tests.ray.conftest import Service


def test_below_its_prefix_it_answers_with_one_request_id_on_the_thread_that_ran_init(service: Service) -> None:
    service.deploy()
    assert service.ask().body == b"Healthy"
    reply = service.say("x", headers=[("x-request-id", "mine")])
    assert (reply.status, reply.all("x-request-id")) == (200, ["mine"])
    assert len(service.say().all("x-request-id")) == 1
    assert service.noted() == ["init scoring-0"]
    assert service.ask(target="/swagger.json").status == 200


def test_one_too_many_is_a_503_of_ours_with_a_retry_after(service: Service, ray_clusters: Any, tmp_path: Path) -> None:
    service.deploy(max_waiting=1)
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(8) as pool:
        held = [pool.submit(service.say, f"signal {gate}", within_s=120) for _ in range(8)]
        try:
            ray_clusters.until(lambda: sum(one.done() for one in held) == 6, "six refusals")
            refused = [one.result() for one in held if one.done()]
        finally:
            gate.touch()
        statuses = sorted(one.result().status for one in held)
    assert statuses == [200] * 2 + [503] * 6
    assert {reply.header("content-type") for reply in refused} == {"application/json"}
    assert all(int(str(reply.header("retry-after"))) > 0 for reply in refused)


def test_a_deadline_is_a_504_and_a_run_that_goes_on_has_its_replica_replaced(
    service: Service, ray_clusters: Any
) -> None:
    service.deploy(scoring_timeout_ms=300)
    before = service.say().json()["pid"]
    reply = service.say("sleep 600")  # which nothing interrupts on a thread that is not the main one
    assert (reply.status, reply.header("content-type")) == (504, "application/json")

    def other() -> bool:
        answer = service.say(within_s=60)
        return bool(answer.status == 200 and answer.json()["pid"] != before)

    ray_clusters.until(other, "another replica")


def test_what_was_taken_in_is_finished_and_shutdown_is_run_when_it_is_deleted(
    service: Service, ray_clusters: Any, tmp_path: Path
) -> None:
    service.deploy()
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(service.say, f"signal {gate}")
        ray_clusters.until(lambda: "running scoring-0" in service.noted(), "run()")
        service.cluster.serve.delete(service.name, _blocking=False)
        assert "shutdown scoring-0" not in service.noted()
        gate.touch()
        assert held.result().status == 200
    ray_clusters.until(lambda: service.noted()[-1] == "shutdown scoring-0", "shutdown()")


def test_an_init_that_fails_is_run_once_and_its_reason_told_while_the_version_before_serves_on(
    service: Service, tmp_path: Path
) -> None:
    from scoringhost.ray import running
    from scoringhost.ray.made import settings_for_replicas
    from scoringhost.ray.package import Choices

    service.deploy()
    before = service.say().json()["pid"]
    script = tmp_path / "broken.py"
    script.write_text(
        "def init():\n    open(__file__ + '.ran', 'a').write('x')\n    raise ValueError('no model here')\n"
    )
    with script.open("a") as file:
        file.write("def run(data):\n    return data\n")
    choices = Choices(name=service.name, route_prefix=f"/{service.name}")
    with pytest.raises(running.Refused, match="no model here"):
        running.deploy(str(script), settings_for_replicas({}), choices, print, 120)
    assert Path(f"{script}.ran").read_text() == "x"
    assert service.say().json()["pid"] == before


@pytest.mark.parametrize(("num_cpus", "share"), [(2.0, "2"), (0.3, "1")])
def test_libraries_may_use_as_many_threads_as_cores_are_reserved(service: Service, num_cpus: float, share: str) -> None:
    service.deploy(num_cpus=num_cpus)
    assert [service.say(f"env {name}").json() for name in THREAD_VARIABLES] == [share] * len(THREAD_VARIABLES)


def test_a_client_that_leaves_costs_the_others_nothing(service: Service) -> None:
    service.deploy()
    with pytest.raises(OSError):
        service.say("sleep 1", within_s=0.2)
    assert service.say(within_s=60).status == 200


def test_request_timeout_s_of_the_cluster_is_compared_with_the_time_that_run_has(service: Service) -> None:
    from scoringhost.ray import running

    assert running._request_timeout_s() is None  # as Ray starts it


def test_several_services_in_one_cluster_do_not_see_each_other(service: Service, tmp_path: Path) -> None:
    service.deploy()
    (tmp_path / "other.py").write_text("def init():\n    pass\ndef run(data):\n    return 'other'\n")
    from scoringhost.ray import deployment

    service.cluster.run("other", deployment(str(tmp_path / "other.py"), num_cpus=0.1), "/other")
    assert service.say().json()["pid"]
    assert service._ask(service.cluster.port, "POST", "/other/score", body=b"x").json() == "other"
