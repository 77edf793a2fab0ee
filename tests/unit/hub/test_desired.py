"""From rows to folders and descriptions."""

from pathlib import Path

import pytest

from scoringhost.hub.content import Content, Files
from scoringhost.hub.desired import Deployments
from scoringhost.hub.errors import ContentDamaged, DeploymentRefused
from scoringhost.hub.home import Home
from scoringhost.hub.registry import Registry
from scoringhost.hub.service_values import Deployment, Recipe, Wanted
from scoringhost.hub.services import NO_FILES, Services
from scoringhost.settings import Settings

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "hub")
        self.registry, self.services = Registry(self.home), Services(self.home)
        self.deployments = Deployments(self.home, Settings())

    def app(self, **files: str) -> Path:
        app = self.folder / "app-of-wine"
        app.mkdir(exist_ok=True)
        for name, text in {"score": SCRIPT, **files}.items():
            (app / name.replace("score", "score.py")).write_text(text)
        return app

    def model(self, name: str = "ridge", **files: str) -> None:
        source = self.folder / name
        if files:
            source.mkdir()
            for file, text in files.items():
                (source / file.replace("score", "score.py")).write_text(text)
        else:
            source = source.with_suffix(".onnx")
            source.write_text("a model")
        self.registry.register(name, source)

    def deploy(self, source: Path | None = None, **recipe) -> Deployment:
        with self.home.adding():
            content: Content = NO_FILES if source is None else Files(self.home).store(source)
            made = self.services.begin("wine", None, Recipe(**recipe), content, "ann")
        self.services.accept(made)
        self.deployments.put(made)
        return made


@pytest.fixture
def world(tmp_path: Path):
    made = World(tmp_path)
    yield made
    made.home.close()


def test_a_folder_with_one_model_has_it_where_azure_ml_has_it(world: World) -> None:
    world.model()
    deployment = world.deploy(world.app(), models=(("ridge", 1),))
    spec, _ = world.deployments.spec(deployment)
    place = world.home.path / "deployments" / "1" / "app-of-wine"
    assert spec.script == place / "score.py"
    assert spec.folder == place
    assert (place / "azureml-models/ridge/1/ridge.onnx").read_text() == "a model"
    assert spec.environ["AZUREML_MODEL_DIR"] == str(place / "azureml-models/ridge/1")
    assert spec.environ["AML_APP_ROOT"] == str(place)
    assert spec.settings["model_dir"] == str(place / "azureml-models/ridge/1")


def test_several_models_are_found_by_their_names(world: World) -> None:
    world.model()
    world.model("lasso")
    spec, _ = world.deployments.spec(world.deploy(world.app(), models=(("ridge", 1), ("lasso", 1))))
    assert spec.environ["AZUREML_MODEL_DIR"] == f"{spec.folder}/azureml-models"
    assert sorted(path.name for path in (spec.folder / "azureml-models").iterdir()) == ["lasso", "ridge"]


def test_models_alone_are_served_without_code_or_with_their_own(world: World) -> None:
    world.model()
    spec, _ = world.deployments.spec(world.deploy(models=(("ridge", 1),)))
    assert spec.script.name == "ridge.onnx"
    world.model("own", score=SCRIPT, weights="1")
    spec, _ = world.deployments.spec(world.deploy(models=(("own", 1),)))
    assert spec.script.name == "score.py"
    assert spec.folder == spec.script.parent
    with pytest.raises(DeploymentRefused, match="several models need a script"):
        world.deployments.spec(world.deploy(models=(("own", 1), ("ridge", 1))))


def test_a_file_is_served_in_a_folder_of_its_own(world: World) -> None:
    path = world.folder / "model.onnx"
    path.write_text("a model")
    spec, _ = world.deployments.spec(world.deploy(path))
    assert spec.script == world.home.path / "deployments/1/app/model.onnx"


def test_what_is_said_goes_over_what_the_folder_says(world: World) -> None:
    app = world.app()
    (app / "service.json").write_text(
        '{"name": "other", "settings": {"threads": 2, "max_waiting": 9}, "replicas": {"minimum": 3, "maximum": 5}}'
    )
    spec, _ = world.deployments.spec(world.deploy(app, settings={"threads": "4"}, pool={"minimum": 1}))
    assert (spec.name, spec.version) == ("wine", "1")
    assert (spec.settings["threads"], spec.settings["max_waiting"]) == (4, 9)
    assert (spec.pool.minimum, spec.pool.maximum) == (1, 5)


@pytest.mark.parametrize(
    ("recipe", "field"),
    [
        ({"settings": {"thread": 1}}, "settings.thread"),
        ({"settings": {"threads": "many"}}, "settings.threads"),
        ({"settings": {"port": 1}}, "settings.port"),
        ({"script": "main.py"}, "script"),
        ({"script": "../../hub.db"}, "script"),
        ({"pool": {"minimum": 4, "maximum": 2}}, "replicas.maximum"),
    ],
)
def test_what_cannot_run_as_described_is_refused_by_name(world: World, recipe, field: str) -> None:
    deployment = world.deploy(world.app(), **recipe)
    with pytest.raises(DeploymentRefused) as refusal:
        world.deployments.spec(deployment)
    assert refusal.value.field == field
    assert str(world.folder) not in str(refusal.value)


def test_a_folder_is_made_anew_from_the_store_and_damage_is_noticed(world: World) -> None:
    world.model()
    deployment = world.deploy(world.app(), models=(("ridge", 1),))
    place = world.deployments.place(deployment)
    assert world.deployments.problems(deployment) == []
    (place / "extra.txt").write_text("what the script writes is its own business")
    (place / "azureml-models/ridge/1/ridge.onnx").write_text("another model")
    (place / "score.py").unlink()
    with pytest.raises(ContentDamaged, match="ridge.onnx: its content has changed") as damage:
        world.deployments.restored(deployment)
    assert "score.py: No such file" in str(damage.value)
    world.deployments.forget(deployment.id)
    world.deployments.restored(deployment)
    assert (place / "score.py").read_text() == SCRIPT


def test_what_was_stored_and_is_damaged_is_not_run(world: World) -> None:
    deployment = world.deploy(world.app())
    stored = world.deployments._files.place(world.services.content(deployment).files[0].digest)
    stored.chmod(0o600)
    stored.write_text("something else")
    world.deployments.forget(deployment.id)
    with pytest.raises(ContentDamaged):
        world.deployments.restored(deployment)
    desired = world.deployments.read(world.services.all())
    assert desired.reading.catalogue == {}
    assert "its content has changed" in desired.reading.unusable[0].reason


def test_what_nothing_names_is_removed(world: World) -> None:
    first, second = world.deploy(world.app()), world.deploy(world.app())
    (world.deployments.folder / ".making-x").mkdir()
    world.services.delete("wine", "1", "ann")
    world.deployments.tidy({first.id})
    assert sorted(path.name for path in world.deployments.folder.iterdir()) == [".making-x", "1", "2"]
    world.deployments.tidy(set(), is_alone=True)
    assert [path.name for path in world.deployments.folder.iterdir()] == [str(second.id)]


def test_a_version_that_was_stopped_rests(world: World) -> None:
    world.deploy(world.app())
    world.services.want("wine", "1", Wanted.STOPPED, "ann")
    desired = world.deployments.read(world.services.all())
    assert desired.resting == {("wine", "1")}
    assert list(desired.reading.catalogue["wine"].versions) == ["1"]
    assert desired.reading.catalogue["wine"].traffic.default == "1"
