"""Manifests as YAML that a person would write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from scoringhost.errors import MissingExtra

TEXT = "tag:yaml.org,2002:str"
_NUMBER = re.compile(r"[-+.]?[0-9][0-9a-fA-FoxOX_.,:+-]*")


class FileMode(int):
    """The mode of a file, which is written in octal."""


def as_yaml(manifests: Sequence[Any]) -> str:
    """The text of one or more documents.

    Raises:
        MissingExtra: if PyYAML is not installed.
    """
    yaml = _yaml()

    class Dumper(yaml.SafeDumper):  # type: ignore[misc, name-defined]
        def ignore_aliases(self, data: Any) -> bool:
            return True  # anchors save nothing here, and hold within one document only

    def write_text(dumper: Any, text: str) -> Any:
        if "\n" in text:
            return dumper.represent_scalar(TEXT, text, style="|")
        # PyYAML would write 12e456 without quotes, as it is no number to it. It is one to the reader in Go, and so is
        # a digest or a version that looks like it.
        is_other = dumper.resolve(yaml.ScalarNode, text, (True, False)) != TEXT
        quotes = '"' if is_other or _NUMBER.fullmatch(text) or text in ("y", "Y", "n", "N") else None
        return dumper.represent_scalar(TEXT, text, style=quotes)

    Dumper.add_representer(str, write_text)
    Dumper.add_representer(
        FileMode, lambda dumper, mode: dumper.represent_scalar("tag:yaml.org,2002:int", f"0{mode:o}")
    )
    return str(yaml.dump_all(manifests, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True))


def read_yaml(text: str) -> list[Any]:
    """The documents of a text.

    Raises:
        ValueError: if it is no YAML.
        MissingExtra: if PyYAML is not installed.
    """
    yaml = _yaml()
    try:
        return list(yaml.safe_load_all(text))
    except yaml.YAMLError as problem:
        raise ValueError(str(problem)) from problem


def _yaml() -> Any:
    try:
        import yaml
    except ModuleNotFoundError:
        raise MissingExtra("yaml", "kubernetes") from None
    return yaml
