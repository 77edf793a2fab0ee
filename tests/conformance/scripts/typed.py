"""A typed run(), and what it may answer besides."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import scoringhost


@dataclass
class Row:
    """What comes in."""

    age: Annotated[int, Field(ge=0, examples=[30])]
    note: str | None = None


class Answer(BaseModel):
    """What goes out."""

    age: int = Field(serialization_alias="Age")
    likely: float


def init():
    """Nothing to load."""


@scoringhost.typed
def run(
    rows: list[Row], act: str = "score", weights: NDArray[np.float32] | None = None, request_headers=None
) -> list[Answer] | None:
    """Do what `act` says."""
    if act == "wrong":
        return [{"age": "old", "likely": 1}]
    if act == "refuse":
        return scoringhost.Response("not this one", 422)
    if act == "none":
        return None
    if act == "headers":
        return [Answer(age=1, likely=float(request_headers["X-Likely"]))]
    share = 1.0 if weights is None else float(weights.sum())
    return [Answer(age=row.age, likely=share) for row in rows]
