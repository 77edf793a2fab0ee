"""scoringhost package: a folder that can be deployed, made of an entry script.

Exit codes: 0 if it was written; 1 if it cannot be; 2 for a usage error; 3 if there is no such script.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from scoringhost.cli import azureml_options, kubernetes_options
from scoringhost.cli.options import STARTUP_FAILED, Verb
from scoringhost.cli.pairs import pairs_of
from scoringhost.cli.ray_options import OPTIONS as OF_RAY
from scoringhost.cli.ray_options import choices_of, of_ray
from scoringhost.errors import MissingExtra, ScriptNotFound, SettingsError
from scoringhost.kubernetes.errors import ServiceRefused
from scoringhost.packaging import azureml, container, functions, kubernetes
from scoringhost.packaging.models import NamedModel
from scoringhost.packaging.output import Package, PackagingError
from scoringhost.packaging.sources import REQUIREMENTS, Sources
from scoringhost.settings.declaration import PORT
from scoringhost.settings.served import folder_of

FAILED = 1
PACKAGES = ".python_packages/lib/site-packages"
"""Where the worker of Azure Functions looks for packages that come with an app."""

CLUSTERS = ("kubernetes", "kserve")
IMAGES = ("container", "azureml", *CLUSTERS)
TARGETS = ("functions", *IMAGES, "ray")
ONLY = {
    **dict.fromkeys(("auth_level", "jobs", "install"), ("functions",)),
    **dict.fromkeys(("wheel", "from_index"), ("functions", *IMAGES)),
    **dict.fromkeys(("base_image", "port", "label", "pin_base_image"), IMAGES),
    "environment": (*IMAGES, "ray"),
    "models": ("container", *CLUSTERS),
    **dict.fromkeys(azureml_options.NAMES, ("azureml",)),
    **dict.fromkeys(kubernetes_options.NAMES, CLUSTERS),
    **dict.fromkeys(("name", "replicas", "settings"), (*CLUSTERS, "ray")),
    **dict.fromkeys(OF_RAY, ("ray",)),
    "kserve_mode": ("kserve",),
}
"""The targets of options that are not for all of them."""
OPTIONS = {"models": "model", "settings": "setting", "route_path": "path"}
"""Those that are called otherwise by users."""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(
    cls=Verb,
    short_help="Write a folder that can be deployed.",
    examples=(
        "scoringhost package score.py --target container --output image",
        "scoringhost package score.py --target functions --output app --model-dir ../model --install",
        "scoringhost package score.py --target kubernetes --output wine --image registry.example.com/wine",
        "scoringhost package score.py --target azureml --output azure --endpoint wine-quality",
        "scoringhost package score.py --target ray --output cluster --replicas 1-8 --num-cpus 0.5",
    ),
)
@click.argument("path", metavar="SCRIPT", type=click.Path(path_type=Path))
@click.option("--target", type=click.Choice(TARGETS), required=True, help="What it is to be deployed as.")
@click.option("--output", type=FOLDER, required=True, help="Folder to write; its files may only be of an earlier run.")
@click.option("--model-dir", "--model_dir", type=FOLDER, help="Model folder; the folder `model` beside the script.")
@click.option("--wheel", type=FILE, help="Wheel of scoringhost to carry along; one of the scoringhost that runs.")
@click.option("--from-index", is_flag=True, help="Carry no wheel: an index has a package named scoringhost.")
@click.option("--force", is_flag=True, help="Write into a folder that holds other files, too.")
@click.option("--auth-level", type=click.Choice(["anonymous", "function", "admin"]), help="functions: key of callers.")
@click.option("--jobs", is_flag=True, help="functions: score in the background, too; needs a storage account.")
@click.option("--install", is_flag=True, help="functions: install the requirements into the folder.")
@click.option("--base-image", help="images: the image to start from; python:<version>-slim-bookworm.")
@click.option("--port", type=PORT, help="images: port to listen on; 5001.")
@click.option(
    "--environment", type=FILE, help="images, ray: requirements; images: or a conda file, or what is beside the script."
)
@click.option("--pin-base-image", is_flag=True, help="images: name the base image by its digest; asks docker.")
@click.option("--label", multiple=True, metavar="NAME=VALUE", help="images: a label of the image; repeatable.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME[:VERSION]=PATH",
    help="images: a model in Azure ML's layout, in place of the model folder; repeatable.",
)
@kubernetes_options.kubernetes_options
@azureml_options.azureml_options
@of_ray
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but warnings and errors.")
def package(
    path: Path, target: str, output: Path, model_dir: Path | None, force: bool, quiet: bool, **chosen: Any
) -> None:
    """Write a deployable folder for SCRIPT, an entry script or a folder that holds score.py.

    With it come the files beside it, its model folder, and its requirements.txt (for a container, a
    conda file will do). The script is read, but not run.
    """
    _require_fitting(target, chosen)
    try:
        written = WRITERS[target](Sources.of(path, model_dir), output, chosen, force)
    except (PackagingError, ServiceRefused, MissingExtra) as problem:
        click.echo(f"scoringhost: {problem}", err=True)
        sys.exit(FAILED)
    except (ScriptNotFound, SettingsError) as problem:
        click.echo(f"scoringhost: {problem}", err=True)
        sys.exit(STARTUP_FAILED)
    for warning in written.warnings:
        click.echo(f"scoringhost: warning: {warning}", err=True)
    if chosen["install"] and _install(output):
        sys.exit(FAILED)
    if quiet:
        return
    click.echo("\n".join(f"  {name}" for name in written.files))
    click.echo(f"{output} is complete; {_next_step(target, output, chosen, written.image)}")


def _require_fitting(target: str, chosen: dict[str, Any]) -> None:
    for name, targets in ONLY.items():
        # --no-keys was given, too.
        was_given = bool(chosen[name]) or (name == "keys" and chosen[name] is False)
        if target not in targets and was_given:
            option = OPTIONS.get(name, name).replace("_", "-")
            raise click.UsageError(f"--{option} goes with --target {' or '.join(targets)} only")


def _write_functions(sources: Sources, output: Path, chosen: dict[str, Any], force: bool) -> Package:
    choices = functions.Choices(chosen["auth_level"], chosen["jobs"], chosen["wheel"], chosen["from_index"])
    return functions.write_function_app(sources, output, choices, force=force)


def _write_container(sources: Sources, output: Path, chosen: dict[str, Any], force: bool) -> Package:
    return container.write_container(sources, output, _image_choices(chosen), force=force)


def _write_azureml(sources: Sources, output: Path, chosen: dict[str, Any], force: bool) -> Package:
    return azureml.write_azureml(
        sources, output, azureml_options.choices_of(chosen, _image_choices(chosen)), force=force
    )


def _write_kubernetes(sources: Sources, output: Path, chosen: dict[str, Any], force: bool) -> Package:
    return _write_cluster(sources, output, chosen, force, None)


def _write_kserve(sources: Sources, output: Path, chosen: dict[str, Any], force: bool) -> Package:
    return _write_cluster(sources, output, chosen, force, chosen["kserve_mode"] or "knative")


def _write_cluster(
    sources: Sources, output: Path, chosen: dict[str, Any], force: bool, kserve_mode: str | None
) -> Package:
    service = kubernetes_options.service_of(
        folder_of(sources.script), chosen, lambda name: kubernetes.keys_written(output, name)
    )
    return kubernetes.write_kubernetes(
        sources, output, service, _image_choices(chosen), kserve_mode=kserve_mode, force=force
    )


def _image_choices(chosen: dict[str, Any]) -> container.Choices:
    port = chosen["port"] or container.PORT
    return container.Choices(
        chosen["base_image"],
        port,
        chosen["environment"],
        chosen["wheel"],
        chosen["from_index"],
        tuple(_label(text) for text in chosen["label"]),
        tuple(NamedModel.of(text) for text in chosen["models"]),
        chosen["pin_base_image"],
    )


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--label {text!r} is not NAME=VALUE")
    return name, value


def _write_ray(sources: Sources, output: Path, chosen: dict[str, Any], force: bool) -> Package:
    from scoringhost.ray.made import settings_for_replicas
    from scoringhost.ray.package import write_package

    settings = pairs_of(chosen["settings"], "--setting")
    name = chosen["name"] or folder_of(sources.script).name or "scoring"
    choices = choices_of(name, chosen, settings, {}, chosen["environment"])
    return write_package(sources, output, settings_for_replicas(settings), choices, force=force)


WRITERS = {
    "functions": _write_functions,
    "container": _write_container,
    "azureml": _write_azureml,
    "kubernetes": _write_kubernetes,
    "kserve": _write_kserve,
    "ray": _write_ray,
}


def _next_step(target: str, output: Path, chosen: dict[str, Any], image: str | None) -> str:
    folder = shlex.quote(str(output))
    if target == "functions":
        build = " --no-build" if chosen["install"] else ""
        return f"deploy it: cd {folder} && func azure functionapp publish NAME{build}"
    if target == "azureml":
        create = "az ml online-endpoint create -f online-endpoint.yml && az ml online-deployment create"
        return f"deploy it: cd {folder} && {create} -f online-deployment.yml --all-traffic"
    if target == "ray":
        return f"deploy it: serve deploy {folder}/serve.yaml"
    if image is not None:
        build = f"docker build -t {image} {folder}/{kubernetes.IMAGE} && docker push {image}"
        return f"build, push and apply it: {build} && kubectl apply -k {folder}"
    port = chosen["port"] or container.PORT
    return f"build and run it: docker build -t NAME {folder} && docker run -p {port}:{port} NAME"


def _install(output: Path) -> int:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", PACKAGES, "-r", REQUIREMENTS]
    return subprocess.run(command, cwd=output, check=False).returncode
