"""Models by name and version, in the registry of a workspace."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost.azureml._hub import registry_in, translated
from scoringhost.azureml.core import _datasets_of_models as linked
from scoringhost.azureml.core._finding_models import Pairs, found_in, pairs
from scoringhost.azureml.core._registered_model import RegisteredModel
from scoringhost.azureml.core.inference_config import InferenceConfig
from scoringhost.azureml.core.resource_configuration import ResourceConfiguration
from scoringhost.azureml.exceptions import (
    ModelNotFoundException,
    UserErrorException,
    WebserviceException,
)
from scoringhost.hub.models import Details
from scoringhost.hub.models import Model as Registered
from scoringhost.script.stand_ins.models import LAYOUT, ModelNotFound, find_model

if TYPE_CHECKING:
    from scoringhost.azureml.core.package import ModelPackage
    from scoringhost.azureml.core.profile import ModelProfile
    from scoringhost.azureml.core.workspace import Workspace

__all__ = ["InferenceConfig", "Model"]


class _Framework:
    """What models are made with, as Azure ML calls it."""

    CUSTOM, MULTI, ONNX, PYTORCH = "Custom", "Multi", "Onnx", "PyTorch"
    SCIKITLEARN, TENSORFLOW, TFKERAS = "ScikitLearn", "TensorFlow", "TfKeras"


class Model(RegisteredModel):
    """One version of a model. The constructor finds one; `register` adds one."""

    Framework = _Framework

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        tags: Pairs | None = None,
        properties: Pairs | None = None,
        version: int | str | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
        *,
        _registered: Registered | None = None,
    ) -> None:
        """The newest version that fits all that is said.

        Raises:
            WebserviceException: if there is none, or neither a name nor an id is given.
        """
        self.workspace = workspace
        if _registered is None:
            _registered = found_in(workspace, name, id, tags, properties, version, run_id, model_framework)
        self._take(_registered)

    # -- making and finding -------------------------------------------------------------------------

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: str | os.PathLike[str],
        model_name: str,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, Any]] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: Sequence[str] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> Model:
        """Store a file or folder as the next version of a name; of a folder only `child_paths`, if they are said.

        Raises:
            WebserviceException: if the name, the path, tags, properties or a dataset cannot be used, or a framework's
                version is given without the framework.
        """
        if model_framework_version and not model_framework:
            raise WebserviceException("model_framework_version: it needs the model_framework that it is of")
        details = Details(
            description or "",
            model_framework or "",
            str(model_framework_version or ""),
            sample_input=linked.sample_rows("sample_input_dataset", sample_input_dataset),
            sample_output=linked.sample_rows("sample_output_dataset", sample_output_dataset),
            resources=linked.resources("resource_configuration", resource_configuration),
            more=linked.details(datasets, sample_input_dataset, sample_output_dataset),
        )
        parts = [os.path.normpath(one) for one in child_paths or []]
        with registry_in(workspace._folder) as registry:
            made = registry.register(
                model_name, model_path, parts=parts, tags=tags, properties=properties, details=details
            )
        return Model(workspace, _registered=made)

    @staticmethod
    def list(
        workspace: Workspace,
        name: str | None = None,
        tags: Pairs | None = None,
        properties: Pairs | None = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> builtins.list[Model]:
        """All versions that fit all that is said, the newest first. `page_count` has no meaning here.

        Raises:
            UserErrorException: if tags or properties are no lists, or `page_count` is not from 20 to 255.
        """
        if page_count and not 20 <= page_count <= 255:
            raise UserErrorException(f"page_count: a number from 20 to 255 is expected, not {page_count}")
        by_tags, by_properties = pairs("tags", tags), pairs("properties", properties)
        with registry_in(workspace._folder) as registry:
            found = registry.find(
                name, tags=by_tags, properties=by_properties, run_id=run_id, framework=model_framework, latest=latest
            )
        models = [Model(workspace, _registered=one) for one in found]
        if dataset_id is None:
            return models
        return [one for one in models if dataset_id in linked.ids(one.datasets)]

    # -- files --------------------------------------------------------------------------------------

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: Workspace | None = None) -> str:
        """The path of a model's file or folder: beside an entry script, or here; else it is downloaded.

        In an entry script it is found in the model folder of the service. Elsewhere it is looked for in
        ./azureml-models/NAME/VERSION, and, with a workspace, downloaded to there.

        Raises:
            WebserviceException: if the version is no whole number.
            ModelNotFoundException: if there is none.
        """
        if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
            raise WebserviceException(f"version: a whole number is expected, not {version!r}")
        if _workspace is not None:
            with translated():
                model = Model(_workspace, model_name, version=version)
            return _downloaded(model)
        try:
            return str(find_model(model_name, version, os.environ, Path.cwd()))
        except ModelNotFound as problem:
            raise ModelNotFoundException(
                f"ModelNotFound: {problem}; or name a workspace: _workspace=", problem
            ) from None

    # -- services -----------------------------------------------------------------------------------

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        models: Sequence[Model | str],
        inference_config: InferenceConfig | None = None,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> Any:
        """Begin to deploy a service of models; `wait_for_deployment` of what is returned waits until it is ready.

        models: of the registry, as objects or ids, or paths of files and folders. inference_config: without it, the
        one model is served by a script that is written for it. deployment_config: of a LocalWebservice, without one.

        Raises:
            WebserviceException, UserErrorException: if it cannot be deployed as it is described, or the name is taken.
        """
        from scoringhost.azureml.core.webservice._targets import deploy_to

        return deploy_to(workspace, name, models, inference_config, deployment_config, deployment_target, overwrite)

    @staticmethod
    def package(
        workspace: Workspace,
        models: Sequence[Model | str],
        inference_config: InferenceConfig | None = None,
        generate_dockerfile: bool = False,
        image_name: str | None = None,
        image_label: str | None = None,
    ) -> ModelPackage:
        """Write what `docker build` needs; with `generate_dockerfile` to be saved as a folder, else to be built.

        Raises:
            WebserviceException: if there is no script, or it cannot be packed.
        """
        from scoringhost.azureml.core.package import package

        image = None if generate_dockerfile else f"{image_name or 'package'}:{image_label or '1'}"
        return package(workspace, models, inference_config, image=image)

    @staticmethod
    def profile(
        workspace: Workspace,
        profile_name: str,
        models: Sequence[Model | str],
        inference_config: InferenceConfig | None,
        input_dataset: Any,
        cpu: float | None = None,
        memory_in_gb: float | None = None,
        description: str | None = None,
    ) -> ModelProfile:
        """Put a script under load on this machine; input_dataset: requests, as a dataset of one column of texts.

        A list of texts, or the path of a file with a request on each line, will do as well. cpu, memory_in_gb: kept
        with the profile; they limit nothing here.

        Raises:
            UserErrorException, WebserviceException: if something cannot be used.
        """
        from scoringhost.azureml.core._staging import resolved
        from scoringhost.azureml.core.profile import profile, wanted

        asked = wanted(profile_name, input_dataset, cpu, memory_in_gb, description)
        return profile(workspace, resolved(workspace, models), inference_config, asked)

    @staticmethod
    def deserialize(workspace: Workspace, model_payload: Mapping[str, Any]) -> Model:
        """The model that a payload of `serialize` is of, as it is today.

        Raises:
            WebserviceException: if it is no such payload, or there is no such model any more.
        """
        if not isinstance(model_payload, Mapping) or "id" not in model_payload:
            raise WebserviceException(f"what serialize() of a model gives is expected, not {model_payload!r}")
        return Model(workspace, id=str(model_payload["id"]))


def _downloaded(model: Model) -> str:
    """Where a model is in ./azureml-models; it is written there, unless it is there already."""
    folder = Path(LAYOUT) / model.name / str(model.version)
    there = [one for one in folder.iterdir() if not one.name.startswith(".")] if folder.is_dir() else []
    return str(there[0]) if len(there) == 1 else model.download(folder, exist_ok=True)
