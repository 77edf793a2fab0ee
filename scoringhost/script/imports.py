"""The import path and the modules of entry scripts, of which one process may hold several.

Each script finds what it would find in a process of its own while it is imported and while its
init() runs: the modules beside it, and not those of the same name beside another script, or of the
program around it. Between those times one name means one thing to all. Two scripts share a name
then: it means that of the newer one. If it is the program's, it goes on to mean the program's.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from scoringhost.script.module_places import Modules, finds, is_inside, is_installed, place_of

_open: list[ScriptImports] = []
"""Of the scripts that are loaded, the oldest first."""
_in_force: list[ScriptImports] = []
"""Of those, the ones that are importing, or in their init()."""
_hidden: set[str] = set()
"""Folders of the others, which those in force have taken off the import path."""
_alone_after: list[str] = []
"""The name of the last module that was there before the only script of this process, if it is known to have one."""
_lock = threading.RLock()
"""Guards all of this; not held while a script runs, which may load another one."""
_first: Counter[str] = Counter()
_last: Counter[str] = Counter()
"""How many want a folder on the import path, as its first entry or anywhere."""
_appended: set[str] = set()


def is_of_a_script(module: ModuleType) -> bool:
    """Whether a module is an entry script that is loaded, or lies where one has its own modules.

    The program around them, and what is installed, are none.
    """
    if module.__name__ in _RESERVED:
        return False
    if any(script.entry == module.__name__ for script in _open):
        return True
    place = place_of(module)
    if place is None or not _open:
        return False
    is_new = any(script._known.get(module.__name__) is not module for script in _open)
    wanted = [Path(entry) for entry, count in list(_last.items()) if count]
    folders = [*(script.folder for script in _open), *wanted]
    return is_new and any(is_inside(place, folder) for folder in folders)


def make_importable(folder: Path, *, last: bool = False) -> Callable[[], None]:
    """Put a folder on `sys.path`: first, as Python does for a script, or last unless it is there.

    Answers what takes it away again, once nobody else wants it.
    """
    with _lock:
        return _append(str(folder)) if last else _put_first(str(folder))


def serve_alone() -> None:
    """Serve one script in this process, for good: nobody else is to be kept apart from it.

    For processes that are forked from one in which much is imported: a look at each module copies the page that it is
    on, three megabytes in all.
    """
    _alone_after[:] = [next(reversed(sys.modules))]


def _modules_of_only_script() -> Iterator[tuple[str, ModuleType]]:
    """What was imported since; `sys.modules` is in the order of the imports."""
    for name, module in reversed(sys.modules.items()):
        if name == _alone_after[0]:
            return
        yield name, module


def replace_path_entries(before: Sequence[str], after: Sequence[str]) -> None:
    """Put the folders of PYTHONPATH where they would be if Python had been started with it: first, but for a script's.

    For a process that was forked from one with another PYTHONPATH.
    """
    for entry in before:
        if entry and entry not in after and entry in sys.path:
            sys.path.remove(entry)
    new = [entry for entry in after if entry and entry not in sys.path]
    sys.path[:0] = new


def _put_first(entry: str) -> Callable[[], None]:
    if _first[entry] and entry not in _hidden and entry in sys.path:
        sys.path.remove(entry)
    sys.path.insert(0, entry)
    _hidden.discard(entry)
    _first[entry] += 1

    def release() -> None:
        _first[entry] -= 1
        if not _first[entry] and entry not in _hidden and entry in sys.path:
            sys.path.remove(entry)

    return release


def _append(entry: str) -> Callable[[], None]:
    if sys.path.count(entry) <= (_first[entry] > 0 and entry not in _hidden):
        sys.path.append(entry)
        _appended.add(entry)
    _last[entry] += 1

    def release() -> None:
        _last[entry] -= 1
        if not _last[entry] and entry in _appended:
            _appended.discard(entry)
            _remove_last(entry)

    return release


def _remove_last(entry: str) -> None:
    for index in reversed(range(len(sys.path))):
        if sys.path[index] == entry:
            del sys.path[index]
            return


class ScriptImports:
    """What one entry script has on the import path and among the modules."""

    def __init__(self, folder: Path, entry: str = "") -> None:
        """`entry` is the name of the script's own module, which is nobody's sibling."""
        self.folder, self.entry = folder, entry
        self.own: Modules = {}
        self._known: Modules = {}
        self._added: Counter[str] = Counter()
        self._crowded = False
        self._release: Callable[[], None] | None = None

    def open(self) -> None:
        """Make the folder importable."""
        with _lock:
            if _alone_after:
                self._release = make_importable(self.folder)
                _open.append(self)
                return
            loaded = sys.modules.copy()  # other threads may be importing
            brought = [script.own for script in _open if script.own]
            self._known = {
                name: one for name, one in loaded.items() if all(own.get(name) is not one for own in brought)
            }
            self._release = make_importable(self.folder)
            _open.append(self)

    def close(self) -> None:
        """Take the folder off the import path, and forget its modules; what still refers to them keeps working."""
        with _lock:
            if self._release is None:
                return
            self._adopt()
            _open.remove(self)
            self._forget_modules()
            for entry in self._added.elements():
                if entry in sys.path:
                    sys.path.remove(entry)
            self._release()
            self._release = None

    @contextlib.contextmanager
    def in_force(self) -> Iterator[None]:
        """Import as in a process of the script's own. Meanwhile other scripts do not find theirs.

        If two are in force at once, on two threads, the later one leaves alone what the other has: it
        may be given a module of that one's, or of a third's.
        """
        if self._release is None:
            yield
            return
        if _alone_after:
            yield
            self._adopt()
            return
        with _lock:
            hidden, path, aside = self._enter()
        try:
            yield
        finally:
            with _lock:
                self._leave(hidden, path, aside)

    def _enter(self) -> tuple[list[str], Counter[str], dict[str, Modules]]:
        self._crowded = bool(_in_force)
        for other in _in_force:
            other._crowded = True
        for other in self._idle():
            other._adopt()
        hidden = self._hide_folders()
        path = Counter(sys.path)
        aside = self._set_aside()
        sys.modules.update(self.own)
        _in_force.append(self)
        return hidden, path, aside

    def _leave(self, hidden: list[str], path: Counter[str], aside: dict[str, Modules]) -> None:
        _in_force.remove(self)
        self._adopt()
        self._put_back(aside)
        if not self._crowded:
            self._added += Counter(sys.path) - path
        self._show_folders(hidden)

    def _idle(self) -> list[ScriptImports]:
        return [script for script in _open if script is not self and script not in _in_force]

    # -- the import path ----------------------------------------------------------------------

    def _hide_folders(self) -> list[str]:
        here = str(self.folder)
        if here in _hidden:
            _hidden.discard(here)
            sys.path.insert(0, here)
        if _in_force:  # an import that goes on in another thread skips a folder if one before it is taken away
            return []
        hidden = [str(script.folder) for script in reversed(self._idle())]
        hidden = [entry for entry in dict.fromkeys(hidden) if entry != here and entry in sys.path]
        for entry in hidden:
            sys.path.remove(entry)
        _hidden.update(hidden)
        return hidden

    def _show_folders(self, hidden: list[str]) -> None:
        here = str(self.folder)
        after = sys.path.index(here) + 1 if here in sys.path else 0
        sys.path[after:after] = [entry for entry in hidden if entry in _hidden and _first[entry]]
        _hidden.difference_update(hidden)

    # -- modules --------------------------------------------------------------------------------

    def _adopt(self) -> None:
        """Count the modules of this folder as the script's that have come since it was opened."""
        entries = {script.entry for script in _open}
        found = list(_modules_of_only_script()) if _alone_after else sys.modules.copy().items()
        for name, module in found:
            if module is not self._known.get(name) and name not in entries and self._is_home_of(module):
                self.own[name] = module

    def _is_home_of(self, module: ModuleType) -> bool:
        """Whether a module lies in this folder, and in no other script's below it."""
        file = place_of(module)
        if file is None or not is_inside(file, self.folder):
            return False
        depth = len(self.folder.parts)
        return all(len(one.folder.parts) <= depth or not is_inside(file, one.folder) for one in _open)

    def _forget_modules(self) -> None:
        for name, module in self.own.items():
            others = [other.own[name] for other in _open if name in other.own]
            if sys.modules.get(name) is module and module not in others:
                del sys.modules[name]
                if others:
                    sys.modules[name] = others[-1]

    def _set_aside(self) -> dict[str, Modules]:
        """Take away the packages and modules that this script must not be given, by their top names."""
        loaded: dict[str, Modules] = {}
        for name, module in sys.modules.copy().items():
            loaded.setdefault(name.partition(".")[0], {})[name] = module
        aside = {top: modules for top, modules in loaded.items() if self._is_foreign(top, modules)}
        for modules in aside.values():
            for name in modules:
                sys.modules.pop(name, None)
        return aside

    def _is_foreign(self, top: str, modules: Modules) -> bool:
        if self._is_in_use(modules):
            return False
        if top in self.own:
            return modules.get(top) is not self.own[top]
        if self._is_anothers(modules):
            return not finds(top, modules, sys.path)
        if top in _RESERVED or top not in modules or not (place := place_of(modules[top])) or is_installed(place):
            return False
        return self._has_another(top, modules)

    def _is_in_use(self, modules: Modules) -> bool:
        """Whether another script that is in force may be importing them."""
        if not _in_force:
            return False
        places = [place for module in modules.values() if (place := place_of(module)) is not None]
        return any(is_inside(place, script.folder) for script in _in_force for place in places)

    def _is_anothers(self, modules: Modules) -> bool:
        """Whether another script has brought them."""
        # Asked for each of some thousand names. Most scripts have brought nothing, and need no look at all modules.
        others = [script for script in _open if script.own and script is not self]
        if not others:
            return False
        return any(script.own.get(name) is module for script in others for name, module in modules.items())

    def _has_another(self, top: str, modules: Modules) -> bool:
        """Whether there is something else of that name in the folder, which Python would take first."""
        beside = PathFinder.find_spec(top, [str(self.folder)])
        if beside is None:
            return False
        if beside.origin is not None:
            return not finds(top, modules, [str(self.folder)])
        inner = [name.split(".")[1] for name in modules if name.count(".") == 1]
        return not finds(top, modules, [str(self.folder)]) and any(
            PathFinder.find_spec(f"{top}.{name}", [str(self.folder / top)]) for name in inner
        )

    def _put_back(self, aside: Mapping[str, Modules]) -> None:
        for top, modules in aside.items():
            if top in sys.modules and self._is_anothers(modules):
                continue
            for name in [name for name in list(sys.modules) if name.partition(".")[0] == top]:
                sys.modules.pop(name, None)
            sys.modules.update(modules)


_RESERVED = sys.stdlib_module_names | {"__main__", "scoringhost"}
"""Names that the host itself may need: what is loaded already stays, as Python's own script folder has it."""
