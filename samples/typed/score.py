"""The species of an iris from four measurements: annotations say what comes in and what goes out."""

import json
import math
import os
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from pydantic import BaseModel, Field

import scoringhost

MODEL = {}


class Species(Enum):
    SETOSA = "setosa"
    VERSICOLOR = "versicolor"
    VIRGINICA = "virginica"


@dataclass
class Flower:
    """One flower; all lengths in centimetres."""

    sepal_length: Annotated[float, Field(gt=0, examples=[5.1])]
    sepal_width: Annotated[float, Field(gt=0, examples=[3.5])]
    petal_length: Annotated[float, Field(gt=0, examples=[1.4])]
    petal_width: Annotated[float, Field(gt=0, examples=[0.2])]


class Guess(BaseModel):
    """The likeliest species, or none if even that is not likely enough."""

    species: Species | None
    probability: float = Field(ge=0, le=1)


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "iris.json")
    with open(path, encoding="utf-8") as source:
        MODEL.update(json.load(source))
    print(f"logistic regression loaded from {path}")


@scoringhost.typed
def run(flowers: list[Flower], at_least: Annotated[float, Field(ge=0, le=1)] = 0.5) -> list[Guess]:
    return [guess(flower, at_least) for flower in flowers]


def guess(flower: Flower, at_least: float) -> Guess:
    likely = probabilities(flower)
    best = max(Species, key=lambda species: likely[species])
    return Guess(species=best if likely[best] >= at_least else None, probability=likely[best])


def probabilities(flower: Flower) -> dict[Species, float]:
    lengths = (flower.sepal_length, flower.sepal_width, flower.petal_length, flower.petal_width)
    scores = {}
    for species, weights, intercept in zip(Species, MODEL["coefficients"], MODEL["intercepts"], strict=True):
        scores[species] = intercept + sum(weight * length for weight, length in zip(weights, lengths, strict=True))
    highest = max(scores.values())
    powers = {species: math.exp(score - highest) for species, score in scores.items()}
    return {species: power / sum(powers.values()) for species, power in powers.items()}
