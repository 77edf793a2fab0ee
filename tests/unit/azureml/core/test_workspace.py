"""A workspace is a folder, and config.json names it."""

import json
from pathlib import Path

import pytest

from scoringhost.azureml.core import Workspace
from scoringhost.azureml.exceptions import UserErrorException, WorkspaceException

PORTAL = {"subscription_id": "s-2", "resource_group": "g-2", "workspace_name": "portal"}
SCOPE = "/subscriptions/s-3/resourceGroups/g-3/providers/Microsoft.MachineLearningServices/workspaces/scoped"


def test_a_workspace_is_a_folder_below_the_home(here: Path, tmp_path: Path):
    made = Workspace.create("shop", subscription_id="s", resource_group="g", location="westeurope", tags={"a": "b"})
    assert (tmp_path / "home" / "workspaces" / "shop" / "hub.db").is_file()
    again = Workspace.get("shop")
    assert (again.name, again.subscription_id, again.resource_group) == ("shop", "s", "g")
    assert (again.location, again.tags) == ("westeurope", {"a": "b"})
    assert made.get_details()["folder"] == str(tmp_path / "home" / "workspaces" / "shop")


def test_a_second_create_needs_exist_ok(ws: Workspace):
    with pytest.raises(WorkspaceException, match="exist_ok=True"):
        Workspace.create("shop")
    assert Workspace.create("shop", exist_ok=True).subscription_id == "s-1"


def test_a_name_that_leads_out_of_the_folder_is_refused(here: Path):
    with pytest.raises(WorkspaceException, match="no name for a workspace"):
        Workspace.get("../x")


def test_write_config_writes_what_from_config_and_the_sdk_read(ws: Workspace, here: Path):
    ws.write_config()
    content = json.loads((here / ".azureml" / "config.json").read_text())
    assert content["Scope"].startswith("/subscriptions/s-1/resourceGroups/g/providers/")
    found = Workspace.from_config()
    assert (found.name, found.subscription_id, found.resource_group) == ("shop", "s-1", "g")


@pytest.mark.parametrize("content", [PORTAL, {"Id": None, "Scope": SCOPE}, {"Id": None, "Scope": SCOPE.lower()}])
def test_both_forms_of_the_file_are_read(here: Path, content: dict[str, str]):
    (here / "config.json").write_text(json.dumps(content))
    found = Workspace.from_config()
    assert (found.name, found.subscription_id) in (("portal", "s-2"), ("scoped", "s-3"))


@pytest.mark.parametrize("place", [".azureml/config.json", "aml_config/config.json", "config.json",
                                   ".azureml/project.json", "../config.json", "../.azureml/config.json"])  # fmt: skip
def test_the_file_is_found_in_every_place(here: Path, place: str):
    path = here / place
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(PORTAL))
    inner = here / "a" / "b"
    inner.mkdir(parents=True)
    assert Workspace.from_config(inner).name == "portal"
    assert Workspace.from_config(str(path)).name == "portal"


def test_a_folder_of_azureml_above_goes_before_a_plain_file_here(here: Path):
    (here.parent / ".azureml").mkdir()
    (here.parent / ".azureml" / "config.json").write_text(json.dumps({"Scope": SCOPE}))
    (here / "config.json").write_text(json.dumps(PORTAL))
    assert Workspace.from_config().name == "scoped"


def test_without_a_file_the_error_says_where_it_was_looked_for(here: Path):
    with pytest.raises(UserErrorException, match=r"\.azureml or aml_config"):
        Workspace.from_config()


@pytest.mark.parametrize(("content", "said"), [
    ("{", "cannot be read as JSON"), ("[]", "an object of JSON"), ('{"Scope": "x"}', "no path of a workspace"),
    ('{"subscription_id": "s"}', "resource_group, workspace_name"),
])  # fmt: skip
def test_a_file_that_names_no_workspace_is_refused_with_its_path(here: Path, content: str, said: str):
    (here / "config.json").write_text(content)
    with pytest.raises(UserErrorException, match=said) as caught:
        Workspace.from_config()
    assert str(here / "config.json") in caught.value.message


def test_all_workspaces_are_listed(ws: Workspace):
    Workspace.create("other", resource_group="g-2")
    assert sorted(Workspace.list()) == ["other", "shop"]
    assert list(Workspace.list(resource_group="g-2")) == ["other"]
