"""What is to be done in the child of every fork, on systems that have forks."""

from __future__ import annotations

import os
from collections.abc import Callable


def in_child(work: Callable[[], object]) -> None:
    """Have some work done in every process that this one forks from now on, for good.

    Not to be called while a module is imported: importing has no effects. On Windows, which has no
    forks, nothing needs to be done.
    """
    register = getattr(os, "register_at_fork", None)
    if register is not None:
        register(after_in_child=work)
