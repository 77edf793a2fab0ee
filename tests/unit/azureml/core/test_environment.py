"""Environments, by name and version, and the packages in them."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from scoringhost.azureml.core import Environment, Workspace
from scoringhost.azureml.core.conda_dependencies import CondaDependencies
from scoringhost.azureml.exceptions import UserErrorException

CONDA = """\
name: x
channels: [conda-forge]
dependencies:
- python=3.11
- scipy
- pip:
  - numpy==1.26
  - azureml-defaults
"""


def test_each_registration_is_the_next_version(ws: Workspace):
    made = Environment("sklearn")
    made.python.conda_dependencies = CondaDependencies.create(pip_packages=["numpy"], conda_packages=["scipy"])
    made.environment_variables = {"A": "1"}
    assert made.register(ws).version == "1"
    assert made.version == "1"
    assert made.register(ws).version == "2"
    found = Environment.get(ws, "sklearn", version="1")
    assert (found.name, found.version, found.environment_variables) == ("sklearn", "1", {"A": "1"})
    assert found.python.conda_dependencies is not None
    assert found.python.conda_dependencies.pip_packages == ("numpy",)
    assert Environment.get(ws, "sklearn").version == "2"
    assert {name: one.version for name, one in Environment.list(ws).items()} == {"sklearn": "2"}
    assert list(ws.environments) == ["sklearn"]


def test_several_that_register_at_once_get_different_versions(ws: Workspace):
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda _: Environment("e").register(ws).version, range(20)))
    assert sorted(int(one or 0) for one in versions) == list(range(1, 21))


def test_what_is_not_there_is_a_user_error_that_says_what_is(ws: Workspace):
    with pytest.raises(UserErrorException, match="no environment 'e'"):
        Environment.get(ws, "e")
    Environment("e").register(ws)
    with pytest.raises(UserErrorException, match="version 3 .* there is 1"):
        Environment.get(ws, "e", "3")
    with pytest.raises(UserErrorException, match="no name"):
        Environment("../x").register(ws)


def test_azures_own_ones_are_answered_without_packages_and_with_a_warning(ws: Workspace):
    with pytest.warns(UserWarning, match="AzureML-Minimal is not here"):
        found = Environment.get(ws, "AzureML-Minimal")
    assert found.clone("mine").python.user_managed_dependencies


def test_they_are_made_of_files(here: Path):
    (here / "env.yml").write_text(CONDA)
    (here / "r.txt").write_text("numpy==1.26\n# why\npandas\n\n-e .\n")
    (here / "Dockerfile").write_text("FROM x\n")
    packages = Environment.from_conda_specification("e", "env.yml").python.conda_dependencies
    assert packages is not None
    assert packages.conda_packages == ("python=3.11", "scipy")
    assert packages.pip_packages == ("numpy==1.26", "azureml-defaults")
    assert packages.get_python_version() == "3.11"
    packages = Environment.from_pip_requirements("e", "r.txt").python.conda_dependencies
    assert packages is not None
    assert packages.pip_packages == ("numpy==1.26", "pandas")
    assert packages.pip_options == ("-e .",)
    image = Environment.from_docker_image("e", "me/image:1")
    assert (image.docker.base_image, image.python.user_managed_dependencies) == ("me/image:1", True)
    image = Environment.from_docker_image("e", "me/image:1", pip_requirements="r.txt")
    assert image.python.user_managed_dependencies is False
    assert Environment.from_dockerfile("e", "Dockerfile").docker.base_dockerfile == "FROM x\n"
    assert Environment.from_dockerfile("e", "FROM y").docker.base_dockerfile == "FROM y"


def test_a_file_that_is_not_there_or_is_none_is_an_error(here: Path):
    for make in (Environment.from_conda_specification, Environment.from_pip_requirements):
        with pytest.raises(FileNotFoundError):
            make("e", "nothing")
    (here / "env.yml").write_text("a: [")
    with pytest.raises(UserErrorException, match="not YAML"):
        Environment.from_conda_specification("e", "env.yml")
    with pytest.raises(UserErrorException, match="only one"):
        Environment.from_docker_image("e", "i", conda_specification="a", pip_requirements="b")


def test_an_attribute_that_it_has_not_got_cannot_be_set():
    for one in (Environment("e"), Environment("e").python, Environment("e").docker):
        with pytest.raises(AttributeError):
            one.nonsense = 1  # type: ignore[union-attr]


def test_a_clone_is_another_one(ws: Workspace):
    first = Environment("e").register(ws)
    other = first.clone("f")
    other.environment_variables["A"] = "1"
    assert (other.name, other.version, first.environment_variables) == ("f", None, {})


def test_a_folder_has_it_in_files_that_people_can_change(here: Path):
    Environment.from_dockerfile("e", "FROM x").save_to_directory("kept")
    (here / "kept" / "conda_dependencies.yml").write_text(CONDA)
    found = Environment.load_from_directory("kept")
    assert found.docker.base_dockerfile == "FROM x"
    assert found.python.conda_dependencies is not None
    assert "scipy" in found.python.conda_dependencies.conda_packages
    with pytest.raises(UserErrorException, match="overwrite=True"):
        found.save_to_directory("kept")
    with pytest.raises(UserErrorException, match="no azureml_environment.json"):
        Environment.load_from_directory(".")


def test_no_password_is_written(ws: Workspace):
    made = Environment("e")
    made.docker.base_image_registry.password = "secret-1"
    made.register(ws)
    assert "secret-1" not in json.dumps([one.read_text() for one in ws._folder.rglob("*.json")])
    assert "secret-1" not in repr(made)


# -- packages -------------------------------------------------------------------------------------


def test_a_package_takes_the_place_of_another_version_of_it():
    packages = CondaDependencies.create(pip_packages=["scikit-learn==1.4", "numpy"], python_version="3.12")
    packages.add_pip_package("scikit_learn==1.5")
    packages.add_conda_package("pip=24")
    packages.set_python_version("3.11")
    packages.set_pip_option("--pre")
    packages.add_channel("mine")
    packages.add_channel("mine")
    packages.remove_pip_package("numpy")
    packages.remove_pip_package("nothing")
    assert packages.pip_packages == ("scikit_learn==1.5",)
    assert packages.conda_packages == ("python=3.11", "pip=24")
    assert packages.conda_channels == ("conda-forge", "mine")
    packages.remove_conda_package("pip")
    packages.remove_channel("mine")
    packages.set_pip_index_url("https://host/simple")
    packages.set_pip_index_url("https://other/simple")
    packages.remove_pip_option("--pre")
    packages.set_pip_requirements(["a", "b"])
    assert packages.as_dict() == {
        "name": "project_environment",
        "dependencies": ["python=3.11", {"pip": ["--index-url https://other/simple", "a", "b"]}],
        "channels": ["conda-forge"],
    }
    assert CondaDependencies.merge_requirements(["a==1", "b", "A==2"]) == ["A==2", "b"]


def test_without_packages_azureml_defaults_is_there():
    assert CondaDependencies().pip_packages == CondaDependencies.create().pip_packages == ("azureml-defaults",)


def test_a_text_where_a_list_belongs_is_refused():
    with pytest.raises(UserErrorException, match="pip_packages: a list of texts"):
        CondaDependencies.create(pip_packages="numpy")
    with pytest.raises(UserErrorException, match="pip_package"):
        CondaDependencies().add_pip_package(3)  # type: ignore[arg-type]


def test_the_file_is_yaml_and_is_read_again(here: Path):
    packages = CondaDependencies.create(
        pip_packages=["numpy<2,>=1", "x @ https://host/x.whl", "inference-schema[numpy-support]", "# odd: {"],
        conda_packages=["conda-forge::scipy", "1.5"],
    )
    assert yaml.safe_load(packages.serialize_to_string()) == packages.as_dict()
    assert CondaDependencies(packages.save("out.yml")).as_dict() == packages.as_dict()
    assert packages.save_to_file(str(here)) == "conda_dependencies.yml"
    assert (here / "conda_dependencies.yml").is_file()
