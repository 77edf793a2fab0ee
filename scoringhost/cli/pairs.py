"""Pairs: what options say that may be repeated, each time KEY=VALUE."""

from __future__ import annotations

import click


def pairs_of(given: tuple[str, ...], option: str) -> dict[str, str]:
    """The values by their keys; names of settings as Python writes them.

    Raises:
        click.BadParameter: if one is no such pair.
    """
    found = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{one!r} is not KEY=VALUE", param_hint=option)
        found[key.replace("-", "_") if option == "--setting" else key] = value
    return found
