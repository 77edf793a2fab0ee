"""What MkDocs puts into the pages when they are built: the table of settings, from the settings' own declarations."""

from __future__ import annotations

from typing import Any

from scoringhost.settings import PREFIX, SPECS, Settings, Spec
from scoringhost.settings.groups import GROUPS

SETTINGS_HERE = "<!-- the table of settings -->"

NOTES = {
    "script": "A flag is relative to the working directory, the other names to `app_root`.",
    "threads": "Only for a `run()` that is safe to call from several threads.",
    "preload": "No effect with `reload`.",
    "scoring_timeout_ms": "The caller gets a 504.",
    "worker_timeout_s": "A shorter one than `scoring_timeout_ms` is the limit of `run()`, too.",
    "max_body_mb": "Larger ones are a 413.",
    "unknown_keys": "See [A misspelt key](entry-scripts.md#a-misspelt-key).",
    "head_timeout_s": "After that the answer is a 408.",
    "min_upload_bytes_per_s": "A slower one is a 408.",
    "cors_origins": "See [Origins](#origins).",
    "document_as_azmlinfsrv": "See [Differences](azmlinfsrv.md#differences-from-azmlinfsrv).",
    "max_batch_size": "See [Batching](speed.md#batching).",
    "debug_port": "See [Debugging](serving.md#debugging).",
    "reload": "See [While you develop](serving.md#while-you-develop).",
    "log_level": "See [Logs](serving.md#logs).",
    "collect_to": "See [Data collection](collection.md#data-collection).",
    "record_failures": "See [The flight recorder](collection.md#the-flight-recorder).",
    "redact": "See [Secrets](collection.md#secrets).",
    "jobs": "See [In the background](functions.md#in-the-background).",
    "auth_level": "See [Azure Functions](functions.md#how-it-behaves).",
}
"""What the line of help has no room for."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs calls this with the text of every page; returns the text that is rendered."""
    return markdown.replace(SETTINGS_HERE, settings_tables())


def settings_tables() -> str:
    """Returns one section with a table for each group, as Markdown; every setting is in exactly one row."""
    sections = []
    listed: set[str] = set()
    for title, names in GROUPS.items():
        sections.append(_section(title, [name for name in names if name in SPECS]))
        listed.update(names)
    others = [name for name in SPECS if name not in listed]
    if others:
        sections.append(_section("Others", others))
    return "\n\n".join(sections)


def _section(title: str, names: list[str]) -> str:
    rows = [f"### {title}", "", "| setting | what | default | given by |", "|---|---|---|---|"]
    rows += [_row(name, SPECS[name]) for name in names]
    return "\n".join(rows)


def _row(name: str, spec: Spec) -> str:
    what = spec.help
    if name in NOTES:
        what += f" {NOTES[name]}"
    if _is_secret(name):
        what += " A secret: it is shown nowhere."
    ways = [f"`{flag}`" for flag in spec.flags]
    ways.append(f"`{PREFIX}{name.upper()}`")
    ways += [f"`{key}`&nbsp;(Azure&nbsp;ML)" for key in spec.azure]
    cells = [f'`{name}`{{ id="{name}" }}', what, _default(name), "<br>".join(ways)]
    return "| " + " | ".join(cells) + " |"


def _default(name: str) -> str:
    value = getattr(Settings(), name)
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{value}`"


def _is_secret(name: str) -> bool:
    """Whether the settings that `serve` prints hide this one's value."""
    probe: Any = "a value to look for"
    rows = Settings(**{name: probe}).describe()
    return all(probe not in shown for of, shown, _ in rows if of == name)
