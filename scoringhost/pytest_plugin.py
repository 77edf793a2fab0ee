"""The fixture of scoringhost for pytest. Nothing but pytest is imported before a test asks for it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scoringhost.testing import Client


@pytest.fixture(scope="module")
def serve_script() -> Iterator[Callable[..., Client]]:
    """serve_script("score.py", **settings): a client of an entry script that is served until the module's end."""
    from scoringhost.testing import serve

    with contextlib.ExitStack() as stack:

        def serve_script(script: str | os.PathLike[str] = "score.py", **settings: object) -> Client:
            return stack.enter_context(serve(script, **settings))  # type: ignore[arg-type]

        yield serve_script
