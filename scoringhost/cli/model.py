"""scoringhost model: the models of a workspace, by name and version.

Exit codes: 0; 1 if it cannot be done, such as for a model that is not there; 2 for a usage error.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from scoringhost.cli.options import FILE, Verb, VerbGroup
from scoringhost.hub.errors import HubError
from scoringhost.hub.home import Home
from scoringhost.hub.models import Details, Model, parse_id
from scoringhost.hub.place import workspace_folder
from scoringhost.hub.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])
FAILED = 1
LISTED = ("MODEL", "FRAMEWORK", "SIZE", "CREATED", "BY", "TAGS")


def in_workspace(function: F) -> F:
    """The option that says which hub is meant."""
    return click.option("-w", "--workspace", help="Whose models; SCORINGHOST_WORKSPACE, or `default`.")(function)


def as_format(function: F) -> F:
    """The option for people or programs."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Of the answer.",
    )(function)


@contextlib.contextmanager
def hub_errors() -> Iterator[None]:
    """What the hub cannot do ends the command with one line."""
    try:
        yield
    except HubError as error:
        click.echo(f"scoringhost: {error}", err=True)
        raise click.exceptions.Exit(FAILED) from None


@contextlib.contextmanager
def registry_of(workspace: str | None) -> Iterator[Registry]:
    """The registry of a workspace, opened."""
    with hub_errors(), Home(workspace_folder(os.environ, workspace)) as home:
        yield Registry(home)


@click.group(
    cls=VerbGroup,
    short_help="Keep models by name and version.",
    examples=(
        "scoringhost model register wine model.pkl",
        "scoringhost model list",
        "scoringhost model download wine:1 models/",
    ),
)
def model() -> None:
    """Keep models by name and version, in a folder of this machine.

    A model is a file or a folder. Each time it is registered it gets the next version, and no version ever changes.
    """


@model.command(
    cls=Verb,
    short_help="Store a file or folder as a new version.",
    examples=(
        "scoringhost model register wine model.pkl",
        "scoringhost model register wine outputs/ --tag stage=test --framework sklearn --framework-version 1.9",
    ),
)
@click.argument("name")
@click.argument("path", type=FILE)
@click.option("--part", "parts", multiple=True, metavar="PATH", help="Of a folder only this below it; repeatable.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="What may change; repeatable.")
@click.option("--property", "properties", multiple=True, metavar="KEY=VALUE", help="What never changes; repeatable.")
@click.option("--description", default="", help="What it is, in words.")
@click.option("--framework", default="", help="What made it, such as sklearn.")
@click.option("--framework-version", default="", help="Of what version that was.")
@click.option("--run-id", default="", help="The run that it is from.")
@click.option("--sample-input", metavar="JSON", help="What a request may hold; @FILE reads a file.")
@in_workspace
@as_format
def register(
    name: str,
    path: str,
    parts: tuple[str, ...],
    tags: tuple[str, ...],
    properties: tuple[str, ...],
    description: str,
    framework: str,
    framework_version: str,
    run_id: str,
    sample_input: str | None,
    workspace: str | None,
    format_: str,
) -> None:
    """Store PATH, a file or a folder, as the next version of NAME."""
    details = Details(description, framework, framework_version, run_id, sample_input=_json(sample_input))
    with registry_of(workspace) as registry:
        made = registry.register(
            name,
            path,
            parts=parts,
            tags=_pairs(tags, "--tag"),
            properties=_pairs(properties, "--property"),
            details=details,
        )
    _show(made, format_)


@model.command("list", cls=Verb, short_help="List models, the newest first.", examples=("scoringhost model list",))
@click.argument("name", required=False)
@click.option("--tag", "tags", multiple=True, metavar="KEY[=VALUE]", help="Only with this tag; repeatable.")
@click.option("--property", "properties", multiple=True, metavar="KEY[=VALUE]", help="Only with it; repeatable.")
@click.option("--framework", help="Only of this one.")
@click.option("--latest", is_flag=True, help="Of each name only the newest.")
@click.option("-n", "--most", type=click.IntRange(1), help="No more than N.")
@in_workspace
@as_format
def list_(
    name: str | None,
    tags: tuple[str, ...],
    properties: tuple[str, ...],
    framework: str | None,
    latest: bool,
    most: int | None,
    workspace: str | None,
    format_: str,
) -> None:
    """List all models, or the versions of NAME."""
    with registry_of(workspace) as registry:
        found = registry.find(
            name,
            tags=[_key_or_pair(one) for one in tags],
            properties=[_key_or_pair(one) for one in properties],
            framework=framework,
            latest=latest,
            most=most,
        )
    if format_ == "json":
        click.echo(json.dumps([one.to_json() for one in found], indent=2))
    else:
        _table([_row(one) for one in found])


@model.command(cls=Verb, short_help="Show one version.", examples=("scoringhost model show wine:3",))
@click.argument("model_id", metavar="NAME[:VERSION]")
@in_workspace
@as_format
def show(model_id: str, workspace: str | None, format_: str) -> None:
    """Show all that is known of a version, with its files; of the newest, if none is named."""
    with registry_of(workspace) as registry:
        found = registry.get(*parse_id(model_id))
        files = registry.content(found.name, found.version).files
    if format_ == "json":
        listed = [{"path": file.path, "sha256": file.digest, "size": file.size} for file in files]
        click.echo(json.dumps({**found.to_json(), "files": listed}, indent=2))
        return
    for name, value in _facts(found):
        click.echo(f"{name:<13} {value}")
    for file in files:
        click.echo(f"{'file':<13} {file.path}  {_size(file.size)}  {file.digest[:12]}")


@model.command(
    cls=Verb,
    short_help="Change the tags of a version.",
    examples=("scoringhost model tag wine:3 stage=production", "scoringhost model tag wine:3 --remove stage"),
)
@click.argument("model_id", metavar="NAME[:VERSION]")
@click.argument("tags", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--remove", multiple=True, metavar="KEY", help="A tag that goes; repeatable.")
@in_workspace
@as_format
def tag(model_id: str, tags: tuple[str, ...], remove: tuple[str, ...], workspace: str | None, format_: str) -> None:
    """Add tags, or change those that are there."""
    with registry_of(workspace) as registry:
        name, version = parse_id(model_id)
        changed = registry.tag(name, version, _pairs(tags, "KEY=VALUE"), remove)
    _show(changed, format_)


@model.command(cls=Verb, short_help="Write a version into a folder.", examples=("scoringhost model download wine:3",))
@click.argument("model_id", metavar="NAME[:VERSION]")
@click.argument("folder", type=FILE, default=".")
@click.option("--replace", is_flag=True, help="In the place of what is there.")
@click.option("--hub", metavar="URL", help="From a hub elsewhere; its key is in SCORINGHOST_HUB_KEY.")
@in_workspace
def download(model_id: str, folder: str, replace: bool, hub: str | None, workspace: str | None) -> None:
    """Write the file or folder of a version into FOLDER, and check it on the way."""
    if hub is not None:
        from scoringhost.cli.hub_options import client_of, hub_refusals

        with hub_refusals():
            path = client_of(workspace, hub).download_model(*parse_id(model_id), folder, replace=replace)
            click.echo(str(path))
        return
    with registry_of(workspace) as registry:
        name, version = parse_id(model_id)
        click.echo(str(registry.download(name, version, Path(folder), replace=replace)))


@model.command(cls=Verb, short_help="Delete one version.", examples=("scoringhost model delete wine:3",))
@click.argument("model_id", metavar="NAME:VERSION")
@in_workspace
def delete(model_id: str, workspace: str | None) -> None:
    """Delete one version. Its number does not come back."""
    with registry_of(workspace) as registry:
        name, version = parse_id(model_id)
        if version is None:
            raise click.UsageError("name the version that is to go, as in wine:3")
        click.echo(f"deleted {registry.delete(name, version).id}")


def _pairs(given: tuple[str, ...], what: str) -> dict[str, str]:
    found = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{one!r} is not KEY=VALUE", param_hint=what)
        found[key] = value
    return found


def _key_or_pair(text: str) -> str | list[str]:
    key, equals, value = text.partition("=")
    return [key, value] if equals else key


def _json(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError) as problem:
        raise click.BadParameter(f"it is no JSON: {problem}", param_hint="--sample-input") from None


def _show(one: Model, format_: str) -> None:
    if format_ == "json":
        click.echo(json.dumps(one.to_json(), indent=2))
    else:
        tags = _tags(one)
        click.echo(f"{one.id}  {_size(one.size)}  sha256:{one.content_hash[:12]}{'  ' + tags if tags else ''}")


def _facts(one: Model) -> Iterator[tuple[str, str]]:
    details = one.details
    facts = (
        ("model", one.id),
        ("description", details.description),
        ("framework", f"{details.framework} {details.framework_version}".strip()),
        ("content", f"{one.root}{'/' if one.is_folder else ''}  {_size(one.size)}  sha256:{one.content_hash}"),
        ("created", f"{one.created_at[:19]}Z by {one.created_by}"),
        ("from", f"{details.origin}{f' (run {details.run_id})' if details.run_id else ''}"),
        ("tags", _tags(one)),
        ("properties", " ".join(f"{key}={value}" for key, value in one.properties.items())),
        ("sample input", "" if details.sample_input is None else json.dumps(details.sample_input)),
    )
    return ((name, value) for name, value in facts if value)


def _row(one: Model) -> tuple[str, ...]:
    framework = f"{one.details.framework} {one.details.framework_version}".strip()
    return one.id, framework or "-", _size(one.size), one.created_at[:16].replace("T", " "), one.created_by, _tags(one)


def _tags(one: Model) -> str:
    return " ".join(f"{key}={value}" for key, value in one.tags.items())


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in [LISTED, *rows]) for at in range(len(LISTED))]
    for row in [LISTED, *rows]:
        click.echo("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip())
