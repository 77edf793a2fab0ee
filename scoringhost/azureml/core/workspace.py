"""A workspace: a folder of this machine, under the name that it has in Azure."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost.azureml._hub import translated
from scoringhost.azureml.core import _config_file as config_file
from scoringhost.azureml.exceptions import WorkspaceException
from scoringhost.hub.errors import NameRefused
from scoringhost.hub.home import Home
from scoringhost.hub.place import user_home, workspace_folder

if TYPE_CHECKING:
    from scoringhost.azureml.core.compute import ComputeTarget
    from scoringhost.azureml.core.dataset import TabularDataset
    from scoringhost.azureml.core.datastore import Datastore
    from scoringhost.azureml.core.environment import Environment
    from scoringhost.azureml.core.model import Model
    from scoringhost.azureml.core.webservice import Webservice

_ABOUT = "workspace.json"


class Workspace:
    """A folder below $SCORINGHOST_HOME/workspaces (~/.scoringhost/workspaces), which is made when it is first used.

    The name alone says which one it is. The subscription and the resource group are kept as they are given, as scripts
    print them and write them into config.json; nobody is asked for a password.
    """

    def __init__(
        self,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        workspace_name: str | None = None,
        auth: object = None,
        **_: Any,
    ) -> None:
        """Open it, or make it.

        Raises:
            WorkspaceException: if it cannot be the name of a folder, or the folder cannot be written.
        """
        try:
            self._folder = workspace_folder(os.environ, workspace_name)
        except NameRefused as problem:
            raise WorkspaceException(str(problem), problem) from problem
        with translated(), Home(self._folder):
            pass
        kept = config_file.read_object(self._folder / _ABOUT)
        self._subscription_id = subscription_id or kept.get("subscription_id") or "local"
        self._resource_group = resource_group or kept.get("resource_group") or "local"
        self._about = kept

    # -- making and finding -------------------------------------------------------------------------

    @staticmethod
    def create(
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: Mapping[str, str] | None = None,
        friendly_name: str | None = None,
        *_more: object,
        exist_ok: bool = False,
        show_output: bool = True,
        **_: Any,
    ) -> Workspace:
        """Make one. What else Azure needs for it, such as a key vault, is taken and has no meaning.

        Raises:
            WorkspaceException: if it is there already, and `exist_ok` does not allow that.
        """
        if not exist_ok and name in Workspace.list():
            raise WorkspaceException(f"there is a workspace {name!r} already; exist_ok=True opens it")
        made = Workspace(subscription_id, resource_group, name)
        about = {
            "subscription_id": made.subscription_id,
            "resource_group": made.resource_group,
            "location": location,
            "tags": dict(tags or {}),
            "friendly_name": friendly_name,
        }
        made._about = {**made._about, **{key: value for key, value in about.items() if value}}
        config_file.write_object(made._folder / _ABOUT, made._about)
        return made

    @staticmethod
    def get(
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        **_: Any,
    ) -> Workspace:
        """Open it, or make it."""
        return Workspace(subscription_id, resource_group, name)

    @staticmethod
    def list(
        subscription_id: str | None = None, auth: object = None, resource_group: str | None = None
    ) -> dict[str, builtins.list[Workspace]]:
        """All workspaces by name. Each is in a list, as names of Azure are unique in a resource group only."""
        folder = user_home(os.environ) / "workspaces"
        names = sorted(one.name for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []
        found = {name: [Workspace(None, None, name)] for name in names}
        if resource_group is not None:
            found = {name: [one] for name, [one] in found.items() if one.resource_group == resource_group}
        return found

    @staticmethod
    def from_config(
        path: str | os.PathLike[str] | None = None,
        auth: object = None,
        _logger: object = None,
        _file_name: str | None = None,
    ) -> Workspace:
        """The workspace that a configuration file names: `path` itself, or the config.json that is found from there on.

        It is looked for in .azureml/, aml_config/ and plainly, each in the folder and all above it.

        Raises:
            UserErrorException: if there is none, or it names no workspace.
        """
        return Workspace(*config_file.read(Path(path) if path is not None else Path.cwd(), _file_name))

    def write_config(self, path: str | os.PathLike[str] | None = None, file_name: str | None = None) -> None:
        """Write PATH/.azureml/config.json, for `from_config`, the SDK's as well.

        Raises:
            UserErrorException: if it cannot be written.
        """
        config_file.write(Path(path or "."), file_name, self.subscription_id, self.resource_group, self.name)

    # -- what it is ---------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Its name."""
        return self._folder.name

    @property
    def subscription_id(self) -> str:
        """As it was given; "local" if it never was."""
        return str(self._subscription_id)

    @property
    def resource_group(self) -> str:
        """As it was given; "local" if it never was."""
        return str(self._resource_group)

    @property
    def location(self) -> str:
        """As it was given when it was created; "local" otherwise."""
        return str(self._about.get("location") or "local")

    @property
    def tags(self) -> dict[str, str]:
        """As they were given when it was created."""
        return dict(self._about.get("tags") or {})

    def get_details(self) -> dict[str, Any]:
        """The same as a dict, with the folder that it is in."""
        scope = config_file.scope_of(self.subscription_id, self.resource_group, self.name)
        return {
            "id": scope,
            "name": self.name,
            "friendlyName": self._about.get("friendly_name") or self.name,
            "location": self.location,
            "tags": self.tags,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "folder": str(self._folder),
        }

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r})"
        )

    # -- what is in it ------------------------------------------------------------------------------

    @property
    def models(self) -> dict[str, Model]:
        """The newest version of each model, by name."""
        from scoringhost.azureml.core.model import Model

        return {one.name: one for one in Model.list(self, latest=True)}

    @property
    def webservices(self) -> dict[str, Webservice]:
        """All services by name."""
        from scoringhost.azureml.core.webservice import Webservice

        return {one.name: one for one in Webservice.list(self)}

    @property
    def environments(self) -> dict[str, Environment]:
        """The newest version of each environment, by name."""
        from scoringhost.azureml.core.environment import Environment

        return Environment.list(self)

    @property
    def datasets(self) -> Mapping[str, TabularDataset]:
        """The newest version of each dataset, by name."""
        from scoringhost.azureml.core.dataset import Dataset

        return Dataset.get_all(self)

    @property
    def datastores(self) -> dict[str, Datastore]:
        """The one that there is, by its name."""
        return {self.get_default_datastore().name: self.get_default_datastore()}

    def get_default_datastore(self) -> Datastore:
        """A folder of the workspace, for the files of datasets."""
        from scoringhost.azureml.core.datastore import Datastore

        return Datastore(self)

    @property
    def compute_targets(self) -> dict[str, ComputeTarget]:
        """There are none here."""
        return {}

    @property
    def images(self) -> dict[str, object]:
        """There are none here: nothing runs from an image."""
        return {}

    def delete(self, delete_dependent_resources: bool = False, no_wait: bool = False) -> None:
        """Not from here: what runs in a workspace would go on without its files.

        Raises:
            WorkspaceException: always; it says which folder is to be removed.
        """
        raise WorkspaceException(f"end what runs in it, and remove the folder {self._folder}")
