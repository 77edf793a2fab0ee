"""What a run() declares: what it carries if it was made for a model, by its annotations if it is marked with @typed, by
inference-schema's decorators otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scoringhost.script import azureml_names
from scoringhost.script.signature import DECLARED_MARK, RAW_MARK, TYPED_MARK, Declarations, marked


def declarations_of(run: Callable[..., Any]) -> Declarations:
    """The declarations of a run().

    Raises:
        ValueError: if it is marked with @typed and another decorator says what it takes, too, or its annotations
            cannot be used.
        MissingExtra: if it is marked with @typed and pydantic is not installed.
    """
    own = getattr(run, DECLARED_MARK, None)
    if isinstance(own, Declarations):
        return own
    by_decorators = azureml_names.declarations_of(run)
    if not marked(run, TYPED_MARK):
        return by_decorators
    if by_decorators.decorated or marked(run, RAW_MARK):
        other = "@input_schema or @output_schema" if by_decorators.decorated else "@rawhttp"
        raise ValueError(f"run() cannot be decorated with both @typed and {other}")
    from scoringhost.script import typed  # what it needs is not loaded for other scripts

    return typed.declarations_of(run)
