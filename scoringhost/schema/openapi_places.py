"""Where the paths of an API document are, if they are not at the root of a server."""

from __future__ import annotations

from urllib.parse import quote

from scoringhost.schema.declared import JsonValue


def at_mount(document: JsonValue, mount: str) -> JsonValue:
    """The document of a service that is mounted below a path, with the place that its paths are relative to.

    Returns the same document if it says that itself: in its own words for it, or by paths that begin elsewhere than
    at the service, as those with a `service_path_prefix` do. mount: percent-decoded, without a slash at its end.
    """
    if not isinstance(document, dict) or not {"servers", "basePath", "host"}.isdisjoint(document):
        return document
    paths = document.get("paths")
    if not isinstance(paths, dict) or "/score" not in paths:
        return document
    if "swagger" in document:
        return {**document, "basePath": quote(mount)}
    return {**document, "servers": [{"url": quote(mount)}]}
