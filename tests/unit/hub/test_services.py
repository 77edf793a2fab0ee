"""The service catalogue: every change is one transaction, and what is on trial is nobody's yet."""

import multiprocessing
from pathlib import Path

import pytest

from scoringhost.hub.content import Files
from scoringhost.hub.errors import (
    ChangeUnderWay,
    ModelInUse,
    ModelNotFound,
    NameRefused,
    NothingToRollBack,
    PropertyFixed,
    ServiceExists,
    ServiceNotFound,
    ValueRefused,
    VersionExists,
)
from scoringhost.hub.home import Home
from scoringhost.hub.registry import Registry
from scoringhost.hub.service_values import Deployment, Division, Label, Mode, Recipe, Service, Trial, Version, Wanted
from scoringhost.hub.services import KEPT_BEFORE, Services
from scoringhost.hub.soundness import back_up, check


@pytest.fixture
def home(tmp_path: Path):
    with Home(tmp_path / "hub") as made:
        yield made


@pytest.fixture
def services(home: Home) -> Services:
    return Services(home)


def begin(services: Services, name: str = "wine", version: str | None = None, by: str = "ann", **more) -> Deployment:
    return services.begin(name, version, more.pop("recipe", Recipe()), more.pop("content", None), by, **more)


def deploy(services: Services, name: str = "wine", version: str | None = None, **more) -> Deployment:
    made = begin(services, name, version, **more)
    services.accept(made, more.get("label"))
    return made


def version_of(service: Service, version: str) -> Version:
    found = service.version(version)
    assert found is not None
    return found


def deployment_of(version: Version) -> Deployment:
    assert version.deployment is not None
    return version.deployment


def test_versions_get_the_next_number_and_the_newest_answers(services: Services) -> None:
    assert [deploy(services).version for _ in range(3)] == ["1", "2", "3"]
    service = services.get("wine")
    assert [one.version for one in service.versions] == ["1", "2", "3"]
    assert service.division == Division("3")
    assert service.owner == "ann"
    deploy(services, version="7")
    assert deploy(services).version == "8"
    services.delete("wine", "8", "ann")
    assert deploy(services).version == "9", "a number does not come back"
    assert services.get("wine").division.default == "9"


def test_what_is_on_trial_changes_nothing_until_it_is_accepted(services: Services) -> None:
    deploy(services)
    second = begin(services)
    service = services.get("wine")
    assert service.division.default == "1"
    assert version_of(service, "2").deployment is None
    assert version_of(service, "2").on_trial == second
    services.reject(second, "no model")
    assert [one.version for one in services.get("wine").versions] == ["1"]
    assert services.events("wine")[-1].detail == "no model"


def test_a_first_version_that_is_rejected_leaves_the_name_free(services: Services) -> None:
    services.reject(begin(services), "no model")
    with pytest.raises(ServiceNotFound):
        services.get("wine")
    assert begin(services, by="bob", mode=Mode.CREATE).created_by == "bob"


def test_what_is_rejected_stays_as_failed_if_that_is_wanted(services: Services) -> None:
    services.reject(begin(services), "no model", keep=True)
    version = services.version("wine", "1")
    assert (deployment_of(version).state, deployment_of(version).reason) == (Trial.FAILED, "no model")
    second = begin(services, version="1", mode=Mode.UPDATE)
    services.reject(second, "nor now", keep=True)
    assert deployment_of(services.version("wine", "1")).id == second.id
    third = begin(services, version="1", mode=Mode.UPDATE)
    services.accept(third)
    assert services.get("wine").division.default == "1"


def test_two_creates_of_one_name_have_one_winner(services: Services) -> None:
    begin(services, mode=Mode.CREATE)
    with pytest.raises(ServiceExists, match="of ann"):
        begin(services, mode=Mode.CREATE, by="bob")
    with pytest.raises(VersionExists):
        begin(services, version="1", mode=Mode.VERSION)
    with pytest.raises(ChangeUnderWay):
        begin(services, version="1", mode=Mode.UPDATE)


def create(home: str, name: str, answers) -> None:
    with Home(home) as opened:
        try:
            begin(Services(opened), name, mode=Mode.CREATE)
            answers.put("made")
        except ServiceExists:
            answers.put("exists")


def test_of_several_processes_that_create_one_name_one_does(home: Home) -> None:
    # Forked, as a new interpreter would not find this file: pytest has no module of the name `tests` in its path.
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=create, args=(str(home.path), "wine", answers)) for _ in range(4)]
    for one in processes:
        one.start()
    said = sorted(answers.get(timeout=60) for _ in processes)
    for one in processes:
        one.join(60)
    assert said == ["exists", "exists", "exists", "made"]


def test_a_version_that_is_deployed_again_keeps_what_it_ran_before(services: Services) -> None:
    first = deploy(services)
    second = deploy(services, version="1", mode=Mode.UPDATE, of=first)
    assert second.deployed_from == first.id
    version, before = services.before("wine")
    assert isinstance(before, Deployment)
    assert (version.version, before.id) == ("1", first.id)
    third = begin(services, version="1", mode=Mode.UPDATE, of=before, is_rollback=True)
    services.accept(third)
    with pytest.raises(NothingToRollBack):
        services.before("wine")


def test_only_some_of_what_a_version_ran_is_kept(home: Home, services: Services) -> None:
    first = deploy(services)
    for _ in range(KEPT_BEFORE + 3):
        deploy(services, version="1", mode=Mode.UPDATE, of=first)
    count = home.database.execute("SELECT count(*) FROM deployments").fetchone()[0]
    assert count == KEPT_BEFORE + 1


def test_going_back_from_a_new_version_divides_as_before_and_stops_it(services: Services) -> None:
    deploy(services)
    deploy(services)
    services.divide("wine", Division("1", {"1": 80, "2": 20}), "ann")
    deploy(services)
    assert services.get("wine").division == Division("3")
    version, before = services.before("wine")
    assert isinstance(before, Division)
    assert (version.version, before) == ("3", Division("1", {"1": 80, "2": 20}))
    service = services.go_back("wine", "3", before, "ann")
    assert service.division == before
    assert version_of(service, "3").wanted is Wanted.STOPPED
    assert services.before("wine")[0].version == "2", "and once more"


def test_a_share_is_taken_from_the_others_in_proportion(services: Services) -> None:
    deploy(services)
    deploy(services, share=20)
    assert services.get("wine").division == Division("1", {"1": 80, "2": 20})
    deploy(services, share=50)
    assert services.get("wine").division == Division("1", {"1": 40, "2": 10, "3": 50})
    services.delete("wine", "3", "ann")
    assert services.get("wine").division == Division("1", {"1": 80, "2": 20})
    services.delete("wine", "1", "ann")
    assert services.get("wine").division == Division("2", {"2": 100})


def test_traffic_that_cannot_be_divided_so_is_refused(services: Services) -> None:
    deploy(services)
    for division in (
        Division("2"),
        Division("1", {"1": 90, "2": 20}),
        Division("1", {"1": -1, "2": 101}),
        Division(None, {"9": 100}),
    ):
        with pytest.raises(ValueRefused):
            services.divide("wine", division, "ann")
    assert services.get("wine").division == Division("1")


def test_an_endpoint_stays_without_versions(services: Services) -> None:
    services.create("prices", "ann", "endpoint")
    deploy(services, "prices", "blue", mode=Mode.VERSION)
    services.delete("prices", "blue", "ann")
    assert services.get("prices").versions == ()
    services.delete("prices", None, "ann")
    with pytest.raises(ServiceNotFound, match="prices"):
        services.get("prices")


def test_names_that_are_no_names_and_services_that_are_not_there(services: Services) -> None:
    deploy(services)
    for name, version in (("../../evil", None), ("", None), ("wine", "a/b"), ("wine", "")):
        with pytest.raises(NameRefused):
            begin(services, name, version)
    with pytest.raises(ServiceNotFound, match="is 'wine' meant"):
        services.get("wines")
    with pytest.raises(ServiceNotFound, match="there is 1"):
        services.version("wine", "2")
    with pytest.raises(ServiceNotFound):
        begin(services, "wine", "2", mode=Mode.UPDATE)
    with pytest.raises(ServiceNotFound):
        begin(services, "beer", None, mode=Mode.UPDATE)


def test_a_model_that_a_service_uses_is_not_deleted(home: Home, services: Services, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("model")
    registry = Registry(home)
    registry.register("ridge", tmp_path / "model.txt")
    deploy(services, recipe=Recipe((("ridge", 1),)))
    with pytest.raises(ModelInUse, match="wine:1"):
        registry.delete("ridge", 1)
    with pytest.raises(ModelNotFound):
        begin(services, recipe=Recipe((("ridge", 2),)))
    services.delete("wine", None, "ann")
    registry.delete("ridge", 1)


def test_files_of_a_deployment_stay_until_nothing_names_them(home: Home, services: Services, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "score.py").write_text("run = print")
    files = Files(home)
    with home.adding():
        content = files.store(tmp_path / "app")
        deployment = begin(services, content=content)
    services.accept(deployment)
    assert files.remove_unnamed() == 0
    assert services.content(deployment) == content
    found = check(home)
    assert (found.deployments, found.files, found.problems) == (1, 1, ())
    copy = back_up(home, tmp_path / "copy")
    with Home(copy) as opened:
        assert check(opened).problems == ()
    files.place(content.files[0].digest).chmod(0o600)
    files.place(content.files[0].digest).write_text("something else")
    assert "score.py: its content has changed" in check(home).problems[0]
    services.delete("wine", "1", "ann")
    assert files.remove_unnamed() == 1


def test_what_a_killed_hub_had_on_trial_is_discarded(services: Services) -> None:
    deploy(services)
    begin(services)
    begin(services, "beer")
    assert {one.service for one in services.discard_trials()} == {"wine", "beer"}
    assert [one.name for one in services.all()] == ["wine"]
    assert [one.version for one in services.get("wine").versions] == ["1"]


def test_labels_change_and_properties_do_not(services: Services) -> None:
    deploy(services, label=Label("ridge", {"stage": "test"}, {"run": "7"}))
    label = services.label("wine", "1", Label("lasso", {}, {"by": "ann"}), "ann").label
    assert label == Label("lasso", {}, {"run": "7", "by": "ann"})
    with pytest.raises(PropertyFixed):
        services.label("wine", "1", Label("", {}, {"run": "8"}), "ann")


def test_starting_stopping_scaling_and_keys_are_remembered(services: Services) -> None:
    deploy(services)
    assert version_of(services.want("wine", None, Wanted.STOPPED, "ann"), "1").wanted is Wanted.STOPPED
    services.scale("wine", "1", {"minimum": 2}, "ann")
    deployment = version_of(services.scale("wine", None, {"maximum": 4}, "ann"), "1").deployment
    assert deployment is not None
    assert deployment.recipe.pool == {"minimum": 2, "maximum": 4}
    assert services.set_keys("wine", {"primary": "x"}, "ann").keys == {"primary": "x"}
    assert [one.what for one in services.events()] == ["deploy", "ready", "stop", "scale", "scale", "keys"]
    assert [one.what for one in services.events(after=4)] == ["scale", "keys"]
    assert [one.what for one in services.events("wine", most=1)] == ["keys"]
    assert services.events("beer") == []
