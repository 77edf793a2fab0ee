"""An entry script is checked where it is named."""

from pathlib import Path

import pytest

from scoringhost.azureml import InferenceConfig
from scoringhost.azureml._hub import NoCounterpart
from scoringhost.azureml.core import Environment
from scoringhost.azureml.core.webservice.files import read_inference_config
from scoringhost.azureml.exceptions import UserErrorException, WebserviceException


@pytest.fixture(autouse=True)
def scripts(here: Path) -> Path:
    for name in ("score.py", "score-v2.py", "class.py", "score.txt", "src/main.py"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text("def run(data): return data\n")
    (here / "bad.py").write_text("def run(:\n")
    (here / "env.yml").write_text("dependencies:\n- python=3.11\n- pip:\n  - numpy\n")
    return here


def test_a_source_directory_is_made_absolute(here: Path):
    made = InferenceConfig("main.py", source_directory="src", environment=Environment("e"))
    assert made.source_directory == str(here / "src")
    assert made.script == here / "src" / "main.py"
    assert InferenceConfig(entry_script=here / "score.py").script == here / "score.py"
    assert InferenceConfig("score.py", runtime="python", conda_file="env.yml").conda_file == "env.yml"


@pytest.mark.parametrize(("given", "said"), [
    ({"entry_script": None}, "the path of a script"),
    ({"entry_script": "no.py"}, "no file no.py"),
    ({"entry_script": "src/main.py", "source_directory": "src"}, "no file src/main.py below"),
    ({"entry_script": "../score.py", "source_directory": "src"}, "not in the source directory"),
    ({"entry_script": "score.py", "source_directory": "nothing"}, "source_directory"),
    ({"entry_script": "score.txt"}, "Python file"),
    ({"entry_script": "score-v2.py"}, "no name that Python could import"),
    ({"entry_script": "class.py"}, "no name that Python could import"),
    ({"runtime": "foo", "conda_file": "env.yml"}, "runtime: python is expected"),
    ({"conda_file": "no.yml"}, "conda_file"),
    ({"extra_docker_file_steps": "no"}, "extra_docker_file_steps"),
    ({"environment": "x"}, "an Environment is expected"),
    ({"environment": Environment("e"), "conda_file": "env.yml", "runtime": "python"},
     "runtime, conda_file: not beside"),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_name(given: dict[str, object], said: str):
    with pytest.raises(WebserviceException, match=said):
        InferenceConfig(**{"entry_script": "score.py", **given})  # type: ignore[arg-type]


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(WebserviceException) as caught:
        InferenceConfig("no.py", runtime="foo", conda_file="no.yml")
    assert len(caught.value.message.splitlines()) == 3


def test_an_image_and_a_dockerfile_exclude_each_other():
    environment = Environment.from_dockerfile("e", "FROM x\n")
    environment.docker.base_image = "y"
    with pytest.raises(WebserviceException, match="not both"):
        InferenceConfig("score.py", environment=environment)


def test_a_script_that_is_no_python_is_a_user_error_with_its_line():
    with pytest.raises(UserErrorException, match=r"bad\.py.*line 1"):
        InferenceConfig("bad.py")


def test_what_has_no_counterpart_is_warned_of_by_name_in_one_sentence():
    with pytest.warns(NoCounterpart) as caught:
        InferenceConfig("score.py", enable_gpu=True, cuda_version="10.0")
    assert [str(one.message).split(": ")[-1] for one in caught] == ["enable_gpu, cuda_version"]


def test_the_file_of_az_ml_is_read(here: Path):
    (here / "ic.json").write_text(
        '{"entryScript": "main.py", "sourceDirectory": "src", "runtime": null, "environment": {"name": "e", "python": '
        '{"condaDependencies": {"dependencies": [{"pip": ["numpy"]}]}}, "environmentVariables": {"A": "1"}}}'
    )
    made = read_inference_config("ic.json")
    assert made.source_directory == str(here / "src")
    assert made.environment is not None
    assert made.environment.environment_variables == {"A": "1"}
    assert made.environment.python.conda_dependencies is not None
    assert made.environment.python.conda_dependencies.pip_packages == ("numpy",)
    assert read_inference_config("ic.json", entry_script="score.py", source_directory=".").entry_script == "score.py"


@pytest.mark.parametrize(("content", "said"), [
    ("{}", "no entryScript"), ('{"entryscript": "a"}', "unknown entryscript"), ("[]", "object"), ("{", "as JSON"),
])  # fmt: skip
def test_a_file_that_cannot_be_is_refused(here: Path, content: str, said: str):
    (here / "ic.json").write_text(content)
    with pytest.raises(WebserviceException, match=said):
        read_inference_config("ic.json")
