"""Which files of a fleet's folder have changed: scripts, service.json and its like, models, and whole services."""

from __future__ import annotations

from pathlib import Path

from scoringhost.doors.server.watching import Watch
from scoringhost.fleet.specs import Catalogue
from scoringhost.settings.fleet_folder import SERVICE_FILE, folders_in, places
from scoringhost.settings.mlserver_files import MODEL_FILE

_FILES = (SERVICE_FILE, MODEL_FILE, "config.json")
_MOST_DEPTH = 3


class FolderWatch:
    """Looks at the files that the services of a folder are made of."""

    def __init__(self, root: Path) -> None:
        """Look for the first time: at what is there before the catalogue is read."""
        self._root = root
        self._places = places(root)
        data = [root / name for name in _FILES]
        for folder in _folders(root, _MOST_DEPTH):
            data += [folder / name for name in _FILES]
        self._watch = Watch([root], data)
        self._models = Watch([], [])

    def watch_models(self, catalogue: Catalogue) -> None:
        """Look at the models of these services from now on, too, wherever they are."""
        data = []
        for service in catalogue.values():
            for spec in service.versions.values():
                if spec.script.suffix != ".py":
                    data.append(spec.script)
                model_dir = spec.settings.get("model_dir")
                if isinstance(model_dir, str):
                    data.append(Path(model_dir))
        self._models = Watch([], data)

    def changed(self) -> list[Path] | None:
        """The files that are others than at the last look, maybe none if folders are; None if nothing has changed."""
        found = [Path(path) for path in (*self._watch.changed(), *self._models.changed())]
        now = places(self._root)
        if not found and now == self._places:
            return None
        self._places = now
        return found


def _folders(folder: Path, depth: int) -> list[Path]:
    found = []
    for one in folders_in(folder):
        found.append(one)
        if depth > 1:
            found += _folders(one, depth - 1)
    return found
