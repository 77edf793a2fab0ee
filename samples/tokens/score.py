"""A very small language model: run() is a generator, so the client reads each word as soon as it is made."""

import json
import os
import random

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

MODEL: dict[str, dict[str, int]] = {}
LONGEST = 500


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "letters.json")
    with open(path, encoding="utf-8") as source:
        MODEL.update(json.load(source))
    print(f"letter model loaded from {path}")


@input_schema("prompt", StandardPythonParameterType("the data "))
@input_schema("words", StandardPythonParameterType(20))
@input_schema("seed", StandardPythonParameterType(1))
def run(prompt, words, seed):
    made, chance = 0, random.Random(seed)
    word = ""
    for letter in letters(prompt.lower(), chance):
        word += letter
        if letter == " ":
            yield word
            made, word = made + 1, ""
            if made >= min(words, LONGEST):
                return


def letters(text, chance):
    """Letter by letter what may follow, for ever; from a new start where the model has seen nothing."""
    while True:
        after = MODEL.get(text[-4:])
        if after is None:
            text = chance.choice([before for before in MODEL if before[0] == " "])
            after = MODEL[text]
        letter = chance.choices(list(after), list(after.values()))[0]
        text += letter
        yield letter
