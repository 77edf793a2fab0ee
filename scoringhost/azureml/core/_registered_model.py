"""What can be asked of one version of a model, and changed of it."""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost.azureml._hub import registry_in
from scoringhost.azureml.core import _datasets_of_models as linked
from scoringhost.azureml.core.resource_configuration import ResourceConfiguration
from scoringhost.azureml.exceptions import WebserviceException
from scoringhost.hub.models import Model as Registered

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace


class RegisteredModel:
    """One version of a model in the registry of a workspace."""

    workspace: Workspace

    def _take(self, found: Registered) -> None:
        details = found.details
        self.id, self.name, self.version = found.id, found.name, found.version
        self.created_time = datetime.datetime.fromisoformat(found.created_at)
        self.created_by = found.created_by
        self.description = details.description or None
        self.model_framework = details.framework or None
        self.model_framework_version = details.framework_version or None
        self.tags, self.properties = dict(found.tags), dict(found.properties)
        self.stored_as = (found.root, found.is_folder)
        self.url = f"sha256:{found.content_hash}"
        self.mime_type, self.unpack = "application/x-python", False
        self.run_id, self.run, self.experiment_name = details.run_id or None, None, None
        self.parent_id, self.derived_model_ids = None, None
        self.resource_configuration = linked.resources_of(details)
        self.datasets = linked.datasets_of(details)
        self.sample_input_dataset = linked.sample_of(details, linked.INPUT)
        self.sample_output_dataset = linked.sample_of(details, linked.OUTPUT)

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version}, "
            f"tags={self.tags}, properties={self.properties})"
        )

    def serialize(self) -> dict[str, Any]:
        """As a value of JSON, with the SDK's keys."""
        resources = self.resource_configuration
        return {
            "createdTime": self.created_time.isoformat(),
            "createdBy": self.created_by,
            "description": self.description,
            "id": self.id,
            "mimeType": self.mime_type,
            "name": self.name,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "tags": self.tags,
            "properties": self.properties,
            "unpack": self.unpack,
            "url": self.url,
            "version": self.version,
            "experimentName": self.experiment_name,
            "runId": self.run_id,
            "runDetails": str(self.run),
            "datasets": linked.references(self.datasets),
            "resourceConfiguration": resources.serialize() if resources is not None else None,
            "sampleInputDatasetId": linked.id_of(self.sample_input_dataset),
            "sampleOutputDatasetId": linked.id_of(self.sample_output_dataset),
        }

    # -- files --------------------------------------------------------------------------------------

    def download(self, target_dir: str | os.PathLike[str] = ".", exist_ok: bool = False, exists_ok: Any = None) -> str:
        """Write the file or folder into a folder; returns its path. What else is in the folder stays.

        Raises:
            WebserviceException: if a file of it is there already, and `exist_ok` does not allow that.
        """
        exist_ok = bool(exist_ok or exists_ok)
        target = Path(target_dir)
        target.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=target, prefix=".arriving-") as beside,
            registry_in(self.workspace._folder) as registry,
        ):
            whole = registry.download(self.name, self.version, beside)
            files = [whole] if whole.is_file() else [one for one in sorted(whole.rglob("*")) if one.is_file()]
            for file in files:
                place = target / file.relative_to(beside)
                if place.exists() and not exist_ok:
                    raise WebserviceException(f"{place} is there already; exist_ok=True writes over it")
            for file in files:
                place = target / file.relative_to(beside)
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, place)
        return str(target / whole.name)

    # -- changing -----------------------------------------------------------------------------------

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, or change those of the same key."""
        with registry_in(self.workspace._folder) as registry:
            self._take(registry.tag(self.name, self.version, tags))

    def remove_tags(self, tags: Sequence[str] | str) -> None:
        """Remove tags by their keys: one, or several."""
        keys = [tags] if isinstance(tags, str) else tags
        with registry_in(self.workspace._folder) as registry:
            self._take(registry.tag(self.name, self.version, {}, keys))

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties.

        Raises:
            WebserviceException: if one is there already: a property says what a model is, and never changes.
        """
        with registry_in(self.workspace._folder) as registry:
            self._take(registry.add_properties(self.name, self.version, properties))

    def update_tags_properties(
        self,
        add_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] | str | None = None,
        add_properties: Mapping[str, str] | None = None,
    ) -> None:
        """All three of them; if a property cannot be added, the tags stay as they were."""
        if add_properties:
            self.add_properties(add_properties)
        if remove_tags:
            self.remove_tags(remove_tags)
        if add_tags:
            self.add_tags(add_tags)

    def add_dataset_references(self, datasets: Sequence[tuple[str, Any]]) -> None:
        """Note more datasets that it was made with, each with what it was used for."""
        before = [(scenario, one) for scenario, several in self.datasets.items() for one in several]
        more = linked.details([*before, *datasets], None, None)
        with registry_in(self.workspace._folder) as registry:
            self._take(registry.advise(self.name, self.version, more=more))

    def update(
        self,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> None:
        """Change what is given; `tags` take the place of all before. An empty dict changes nothing."""
        resources = linked.resources("resource_configuration", resource_configuration) or None
        more = linked.details(None, sample_input_dataset, sample_output_dataset)
        rows_in = linked.sample_rows("sample_input_dataset", sample_input_dataset)
        rows_out = linked.sample_rows("sample_output_dataset", sample_output_dataset)
        with registry_in(self.workspace._folder) as registry:
            if tags:
                registry.tag(self.name, self.version, tags, replace=True)
            if description is not None:
                registry.describe(self.name, self.version, description)
            self._take(
                registry.advise(
                    self.name,
                    self.version,
                    sample_input=rows_in,
                    sample_output=rows_out,
                    resources=resources,
                    more=more,
                )
            )

    def delete(self) -> None:
        """Delete this version; its number does not come back.

        Raises:
            WebserviceException: while a service uses it.
        """
        with registry_in(self.workspace._folder) as registry:
            registry.delete(self.name, self.version)
