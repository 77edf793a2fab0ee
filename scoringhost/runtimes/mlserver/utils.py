"""`mlserver.utils`: where a model's files are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from scoringhost.runtimes.mlserver.errors import InvalidModelURI


def to_absolute_path(model_settings: Any, uri: str) -> str:
    """A path of a model's settings, which is relative to the folder of their file."""
    source = getattr(model_settings, "_source", None)
    return str((Path(source).parent if source else Path()) / uri)


async def get_model_uri(settings: Any, wellknown_filenames: Sequence[str] = ()) -> str:
    """Where a model is: the path of its file, or of its folder; of a folder the first file that it holds of these
    names. What is no path, an address say, as it is.

    Raises:
        InvalidModelURI: if the settings name none, or nothing is there.
    """
    uri = settings.parameters.uri if settings.parameters else None
    if not uri:
        raise InvalidModelURI(settings.name)
    parts = urlparse(uri, scheme="file")
    if parts.scheme != "file":
        return str(uri)
    place = Path(to_absolute_path(settings, parts.path))
    if not place.exists():
        raise InvalidModelURI(settings.name, str(place))
    if place.is_dir():
        return str(next((place / name for name in wellknown_filenames if (place / name).is_file()), place))
    return str(place)
