"""Models by name and version, as scripts of Azure ML register and find them."""

from pathlib import Path

import pytest

from scoringhost.azureml.core import Dataset, Model, Workspace
from scoringhost.azureml.core.resource_configuration import ResourceConfiguration
from scoringhost.azureml.exceptions import (
    ModelNotFoundException,
    UserErrorException,
    WebserviceException,
    WorkspaceException,
)
from scoringhost.hub.home import Home
from scoringhost.hub.registry import Registry


@pytest.fixture
def file(here: Path) -> Path:
    (here / "model.pkl").write_text("weights")
    return here / "model.pkl"


@pytest.fixture
def wine(ws: Workspace, file: Path) -> Model:
    return Model.register(
        workspace=ws,
        model_path="model.pkl",
        model_name="wine",
        tags={"area": "wine", "n": 3},  # type: ignore[dict-item]
        properties={"data": "2026"},
        description="a model",
        model_framework=Model.Framework.SCIKITLEARN,
        model_framework_version="1.5",
        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
    )


def test_each_registration_is_the_next_version(ws: Workspace, wine: Model):
    assert (wine.id, wine.name, wine.version) == ("wine:1", "wine", 1)
    assert (wine.tags, wine.properties) == ({"area": "wine", "n": "3"}, {"data": "2026"})
    assert wine.model_framework == "ScikitLearn"
    assert wine.resource_configuration is not None
    assert wine.resource_configuration.serialize() == {"cpu": 1, "memoryInGB": 0.5, "gpu": None}
    again = Model.register(ws, "model.pkl", "wine")
    assert again.version == 2
    again.delete()
    assert Model.register(ws, "model.pkl", "wine").version == 3  # a number does not come back


def test_the_constructor_finds_the_newest_that_fits(ws: Workspace, wine: Model):
    Model.register(ws, "model.pkl", "wine", tags={"area": "beer"})
    assert Model(ws, "wine").version == 2
    assert Model(ws, name="wine", version=1).version == 1
    assert Model(ws, id="wine:1").version == 1
    assert Model(ws, "wine", tags=[["area", "wine"]]).version == 1
    assert Model(ws, "wine", model_framework="ScikitLearn").version == 1
    assert Model(ws, "wine", properties=["data"]).version == 1


@pytest.mark.parametrize("asked", [
    {"name": "beer"}, {"id": "wine:7"}, {"name": "wine", "version": 7}, {"name": "wine", "tags": ["nothing"]},
])  # fmt: skip
def test_a_model_that_is_not_there_is_an_error_that_begins_with_model_not_found(
    ws: Workspace, wine: Model, asked: dict[str, object]
):
    with pytest.raises(WebserviceException) as caught:
        Model(ws, **asked)  # type: ignore[arg-type]
    assert caught.value.message.startswith("ModelNotFound:")
    assert isinstance(caught.value, ModelNotFoundException)


def test_a_name_or_an_id_is_needed(ws: Workspace):
    with pytest.raises(WebserviceException, match="name or id is needed"):
        Model(ws)


def test_models_are_listed_by_tags_properties_and_framework(ws: Workspace, wine: Model):
    Model.register(ws, "model.pkl", "wine", tags={"area": "beer"})
    Model.register(ws, "model.pkl", "beer")
    assert [one.id for one in Model.list(ws)] == ["beer:1", "wine:2", "wine:1"]
    assert [one.id for one in Model.list(ws, "wine", latest=True)] == ["wine:2"]
    assert [one.id for one in Model.list(ws, tags=["area"])] == ["wine:2", "wine:1"]
    assert [one.id for one in Model.list(ws, tags=["n", ["area", "wine"]])] == ["wine:1"]
    assert [one.id for one in Model.list(ws, properties=[["data", "2026"]])] == ["wine:1"]
    assert [one.id for one in Model.list(ws, model_framework="ScikitLearn")] == ["wine:1"]
    assert {name: one.version for name, one in ws.models.items()} == {"wine": 2, "beer": 1}


@pytest.mark.parametrize("asked", [
    {"tags": {"area": "wine"}}, {"tags": "area"}, {"properties": {"data": "2026"}}, {"page_count": 19},
    {"page_count": 256},
])  # fmt: skip
def test_a_query_of_another_form_is_a_user_error(ws: Workspace, asked: dict[str, object]):
    with pytest.raises(UserErrorException):
        Model.list(ws, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(("change", "said"), [
    ({"model_name": "a/b"}, "no name for a model"), ({"model_name": "x" * 256}, "no name for a model"),
    ({"tags": ["a"]}, "tags"), ({"properties": "a"}, "properties"), ({"tags": {"a": None}}, "tags"),
    ({"model_framework_version": "1"}, "model_framework_version"), ({"child_paths": ["nothing"]}, "child_paths"),
    ({"datasets": ["a"]}, "datasets"), ({"sample_input_dataset": "a.csv"}, "sample_input_dataset"),
    ({"resource_configuration": {"cpu": 1}}, "resource_configuration"),
])  # fmt: skip
def test_what_cannot_be_registered_is_refused_by_name(ws: Workspace, file: Path, change: dict[str, object], said: str):
    (file.parent / "folder").mkdir()
    (file.parent / "folder" / "a").write_text("x")
    with pytest.raises(WebserviceException, match=said):
        Model.register(**{"workspace": ws, "model_path": "folder", "model_name": "m", **change})  # type: ignore[arg-type]
    assert Model.list(ws) == []


def test_a_path_that_is_not_there_is_an_error_for_scripts_that_catch_either_kind(ws: Workspace):
    for kind in (FileNotFoundError, WebserviceException):
        with pytest.raises(kind):
            Model.register(ws, "nothing.pkl", "m")


def test_a_model_may_be_outside_of_the_current_folder(ws: Workspace, here: Path):
    (here.parent / "elsewhere.bin").write_text("x")
    assert Model.register(ws, "../elsewhere.bin", "m").version == 1


def test_tags_change_and_properties_do_not(ws: Workspace, wine: Model):
    wine.add_tags({"stage": "test", "area": "red"})
    wine.remove_tags("n")
    wine.add_properties({"more": "1"})
    assert Model(ws, "wine").tags == wine.tags == {"stage": "test", "area": "red"}
    with pytest.raises(WebserviceException, match="data already"):
        wine.add_properties({"data": "2027"})
    assert Model(ws, "wine").properties == {"data": "2026", "more": "1"}
    with pytest.raises(WebserviceException):
        wine.update_tags_properties(add_tags={"a": "b"}, add_properties={"data": "2027"})
    assert "a" not in Model(ws, "wine").tags


def test_update_replaces_all_tags_and_an_empty_dict_changes_nothing(ws: Workspace, wine: Model):
    wine.update(tags={})
    assert Model(ws, "wine").tags == {"area": "wine", "n": "3"}
    wine.update(tags={"only": "this"}, description="other", resource_configuration=ResourceConfiguration(2, 4, 1))
    found = Model(ws, "wine")
    assert (found.tags, found.description) == ({"only": "this"}, "other")
    assert found.resource_configuration is not None
    assert found.resource_configuration.gpu == 1


def test_datasets_are_kept_with_their_models(ws: Workspace, file: Path):
    store = ws.get_default_datastore()
    (file.parent / "x.csv").write_text("a,b\n1,2.5\n3,text\n")
    store.upload_files(["./x.csv"], target_path="data")
    rows = Dataset.Tabular.from_delimited_files([(store, "data/x.csv")])
    model = Model.register(
        ws, "model.pkl", "m", datasets=[("training", rows)], sample_input_dataset=rows, sample_output_dataset=rows
    )
    found = Model(ws, "m")
    assert found.datasets["training"][0].id == rows.id
    assert found.sample_input_dataset.id == rows.id
    with Home(ws._folder) as home:
        assert Registry(home).get("m").details.sample_input == [[1, 2.5], [3, "text"]]
    assert [one.id for one in Model.list(ws, dataset_id=rows.id)] == [model.id]
    other = Dataset.File.from_files("model.pkl")
    found.add_dataset_references([("training", other), ("validation", other)])
    assert [len(several) for several in Model(ws, "m").datasets.values()] == [2, 1]
    assert found.serialize()["sampleInputDatasetId"] == rows.id


def test_a_folder_is_stored_under_its_own_name_and_of_its_parts_only_those_that_are_named(ws: Workspace, here: Path):
    for name in ("outputs/a.txt", "outputs/sub/b.txt", "outputs/sub/c.txt"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    Model.register(ws, "outputs", "whole")
    Model.register(ws, "outputs/", "part", child_paths=["sub/b.txt"])
    found = Model(ws, "part").download("there")
    assert found == "there/outputs"
    assert [str(one.relative_to("there")) for one in Path("there").rglob("*.txt")] == ["outputs/sub/b.txt"]
    assert (Path(Model(ws, "whole").download("all")) / "a.txt").read_text() == "outputs/a.txt"


def test_a_download_writes_over_nothing_unless_it_may_and_leaves_what_is_beside(ws: Workspace, here: Path):
    (here / "outputs").mkdir()
    (here / "outputs" / "a.txt").write_text("stored")
    model = Model.register(ws, "outputs", "m")
    (here / "outputs" / "mine.txt").write_text("mine")
    (here / "outputs" / "a.txt").write_text("changed")
    with pytest.raises(WebserviceException, match="exist_ok=True"):
        model.download()
    assert (here / "outputs" / "a.txt").read_text() == "changed"
    assert model.download(exist_ok=True) == "outputs"
    assert (here / "outputs" / "a.txt").read_text() == "stored"
    assert (here / "outputs" / "mine.txt").read_text() == "mine"
    assert model.download("elsewhere", exists_ok=True) == "elsewhere/outputs"  # always an error in the SDK
    assert sorted(one.name for one in here.iterdir()) == ["elsewhere", "outputs"]


def test_get_model_path_finds_it_beside_a_script_and_in_a_workspace(
    ws: Workspace, wine: Model, here: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(ModelNotFoundException, match="_workspace="):
        Model.get_model_path("wine")
    found = Model.get_model_path("wine", _workspace=ws)
    assert found == "azureml-models/wine/1/model.pkl"
    (here / found).write_text("cached")
    assert Path(Model.get_model_path("wine", 1, _workspace=ws)).read_text() == "cached"
    monkeypatch.chdir(here.parent)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(here / "azureml-models"))
    assert Model.get_model_path("wine") == str(here / "azureml-models" / "wine" / "1" / "model.pkl")
    with pytest.raises(ModelNotFoundException):
        Model.get_model_path("beer", _workspace=ws)
    with pytest.raises(WebserviceException, match="whole number"):
        Model.get_model_path("wine", version="1")  # type: ignore[arg-type]


KEYS = {
    "createdTime", "createdBy", "description", "id", "mimeType", "name", "framework", "frameworkVersion", "tags",
    "properties", "unpack", "url", "version", "experimentName", "runId", "runDetails", "datasets",
    "resourceConfiguration", "sampleInputDatasetId", "sampleOutputDatasetId",
}  # fmt: skip


def test_a_model_is_written_as_json_and_found_again(ws: Workspace, wine: Model):
    payload = wine.serialize()
    assert set(payload) == KEYS
    assert payload["resourceConfiguration"] == {"cpu": 1, "memoryInGB": 0.5, "gpu": None}
    wine.add_tags({"later": "yes"})
    assert Model.deserialize(ws, payload).tags["later"] == "yes"
    with pytest.raises(WebserviceException, match="serialize"):
        Model.deserialize(ws, {})


def test_a_model_that_is_in_use_is_not_deleted(ws: Workspace, wine: Model):
    with Home(ws._folder) as home:
        Registry(home).use("wine", 1, "a service")
    with pytest.raises(WebserviceException, match="in use by a service"):
        wine.delete()


def test_a_home_that_cannot_be_written_is_an_error_of_the_workspace(here: Path, monkeypatch: pytest.MonkeyPatch):
    (here / "file").write_text("")
    monkeypatch.setenv("SCORINGHOST_HOME", str(here / "file"))
    with pytest.raises(WorkspaceException):
        Workspace.get("shop")


@pytest.mark.parametrize(("given", "said"), [((0, 1), "cpu"), ((1, -1), "memory_in_gb"), ((1, 1, -1), "gpu"),
                                            (("1", 1), "cpu must be a number")])  # fmt: skip
def test_a_resource_configuration_is_checked(given: tuple[int, ...], said: str):
    with pytest.raises(WebserviceException, match=said):
        ResourceConfiguration(*given)
