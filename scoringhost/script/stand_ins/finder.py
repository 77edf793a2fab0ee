"""Hands the stand-ins to entry scripts.

They are found last, so that whatever is installed goes before them, and only by the modules of
entry scripts: a library that looks whether azureml-core is there, as mlflow and others do, is told
the truth. Once a script has imported one it is among the modules of the process, as every module
is, until the last script's world is left.
"""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType

from scoringhost.script.imports import is_of_a_script
from scoringhost.script.stand_ins.table import STAND_INS, StandIn

_log = logging.getLogger("azmlinfsrv")
_lock = threading.Lock()
_made: dict[str, ModuleType] = {}
"""The stand-ins that have been imported."""
_said: dict[str, str] = {}
"""What the log has been told of, by the name of the module that was the first to do it."""
_lent = 0


class _Loader:
    """Makes the module of a stand-in."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill it, and say so in the log, once for each of the clauses that say what it does."""
        stand_in = self._stand_in
        if stand_in.is_another:
            # Python takes whatever is in sys.modules when this returns
            # (https://docs.python.org/3/reference/import.html#loading).
            module = sys.modules[stand_in.name] = importlib.import_module(stand_in.source)
        elif stand_in.is_package:
            module.__path__ = []
        vars(module).update(stand_in.content())
        _made[stand_in.name] = module
        if stand_in.says not in _said.values():
            _said[stand_in.name] = stand_in.says
            _log.info("%s is answered by scoringhost: %s", stand_in.name, stand_in.says)


class _Finder:
    """Finds stand-ins for entry scripts."""

    def __init__(self, stand_ins: Mapping[str, StandIn]) -> None:
        self._stand_ins = stand_ins

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a stand-in, if a module of a script asks for it."""
        stand_in = self._stand_ins.get(name)
        if stand_in is None or not _is_asked_by_a_script():
            return None
        return ModuleSpec(name, _Loader(stand_in), is_package=stand_in.is_package)  # type: ignore[arg-type]


_FIRST = _Finder({name: one for name, one in STAND_INS.items() if one.even_if_installed})
_LAST = _Finder(STAND_INS)


def _is_asked_by_a_script() -> bool:
    """Whether the import that goes on is written in a module of an entry script."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.partition(".")[0] not in ("importlib", "_frozen_importlib", "_frozen_importlib_external"):
            module = sys.modules.get(name)
            return module is not None and is_of_a_script(module)
        frame = frame.f_back
    return False


def stand_ins_in_use() -> dict[str, str]:
    """What scripts have been given, by the first name that asked for it, and what it does."""
    return dict(_said)


def lend_stand_ins() -> Callable[[], None]:
    """Let entry scripts import the stand-ins; answers what ends that, once nobody else wants it."""
    global _lent
    with _lock:
        _lent += 1
        if _lent == 1:
            sys.meta_path.insert(0, _FIRST)
            sys.meta_path.append(_LAST)
    return _take_back


def _take_back() -> None:
    global _lent
    with _lock:
        _lent -= 1
        if _lent:
            return
        sys.meta_path.remove(_FIRST)
        sys.meta_path.remove(_LAST)
        for name, module in _made.items():
            parent, _, child = name.rpartition(".")
            if sys.modules.get(name) is module:
                del sys.modules[name]
            above = sys.modules.get(parent)
            if above is not None and vars(above).get(child) is module:
                delattr(above, child)
        _made.clear()
        _said.clear()
