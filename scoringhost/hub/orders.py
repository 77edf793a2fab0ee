"""What is to be deployed, as somebody orders it, and its way into the catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoringhost.errors import SettingsError
from scoringhost.fleet.catalogue import SAFE
from scoringhost.hub.books import Books
from scoringhost.hub.content import LEFT_OUT, Content
from scoringhost.hub.desired import ALONE, LAYOUT, file_of, refused
from scoringhost.hub.errors import ServiceNotFound
from scoringhost.hub.service_values import Deployment, Label, Mode, Recipe, Service


@dataclass(frozen=True, slots=True)
class Order:
    """One order to deploy.

    source: the folder or file to be stored; None: models alone, or to update, the files that are there. given: fields
    of a `Recipe`; to update, the others stay. label: None leaves it. share: see `Deployment`. keeps_failed: what
    cannot be started stays in the catalogue as failed. keys: that callers must send one of; None: as it is.
    """

    name: str
    by: str
    version: str | None = None
    source: Path | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = Mode.ANY
    label: Label | None = None
    share: float | None = None
    keeps_failed: bool = False
    keys: Mapping[str, str] | None = None
    require: Callable[[Service], None] | None = None


def take(books: Books, order: Order) -> Deployment:
    """Store what is deployed, and then write it down as on trial.

    Raises:
        HubError: if it cannot be; nothing has changed then.
    """
    base = _base(books, order) if order.mode is Mode.UPDATE else None
    before = base.recipe if base is not None else Recipe()
    if order.source is not None or "models" in order.given:
        before = dataclasses.replace(before, origin={})  # it told of other files
    recipe = dataclasses.replace(before, **order.given)
    try:
        file_of(recipe, Path(), None)
    except SettingsError as problem:
        raise refused(problem, Path("deployment")) from None
    with books.home.adding():
        content = None
        if order.source is not None:
            content = _named(books.files.store(order.source, leaving_out=LEFT_OUT.__contains__))
        deployment = books.services.begin(
            order.name,
            order.version,
            recipe,
            content,
            order.by,
            mode=order.mode,
            label=order.label,
            share=order.share,
            of=base,
            require=order.require,
        )
    if order.keys is not None:  # a hub that ends before this has a trial that does not outlive it, and so opens nothing
        books.services.set_keys(order.name, order.keys, order.by)
    return deployment


def take_back(books: Books, old: Deployment, by: str) -> Deployment:
    """Write down what a version ran before as on trial."""
    with books.home.adding():
        return books.services.begin(
            old.service, old.version, old.recipe, None, by, mode=Mode.UPDATE, of=old, is_rollback=True
        )


def _base(books: Books, order: Order) -> Deployment | None:
    service = books.services.get(order.name)
    version = order.version or service.division.default
    found = service.version(version or "")
    if found is None:
        raise ServiceNotFound(order.name, version or "", known=[one.version for one in service.versions])
    return found.deployment


def _named(content: Content) -> Content:
    """The same, in a folder that scripts may be imported from and that is none of ours."""
    if content.is_folder and (content.root == LAYOUT or SAFE.fullmatch(content.root) is None):
        return dataclasses.replace(content, root=ALONE)
    return content
