"""A model without a script: the script that serves it, written so that it can be read and taken over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from scoringhost.azureml.core.model import Model
from scoringhost.azureml.exceptions import UserErrorException

ENTRY_FILE = "score.py"
FRAMEWORKS = {"ScikitLearn": "sklearn", "Onnx": "onnx", "TensorFlow": "tensorflow", "Multi": None}
"""What Azure ML serves without a script, and how that is called here; Multi: the model's file says what it is."""
_SAME = {"scikit-learn": "sklearn", "sklearn": "sklearn", "onnx": "onnx", "tensorflow": "tensorflow"}

_SCRIPT = '''"""Serves the model {model} ({framework}).

Written by scoringhost for a deployment without an entry script. To change what goes in or comes out, copy it into a
folder of yours, write a run() of your own that calls served.run(), and deploy that with an InferenceConfig.
"""

import os
from pathlib import Path

from scoringhost import runtimes
{imports}
MODEL = {path}
served = runtimes.load(MODEL, {made_by})

init = served.init
run = served.run
'''


def write_script(folder: Path, models: Sequence[Model]) -> str:
    """Write the script of the one model into a folder; returns its name.

    Raises:
        UserErrorException: if it is not one registered model, or of a framework that has to have a script.
    """
    if len(models) != 1:
        raise UserErrorException(
            f"an InferenceConfig is needed to deploy zero or multiple models ({len(models)}); without one a single "
            "registered model is served"
        )
    model = models[0]
    known = {**FRAMEWORKS, **_SAME}
    if model.model_framework not in known:
        raise UserErrorException(
            f"an InferenceConfig is needed to deploy {model.id} with model_framework set to {model.model_framework}: "
            f"without one these are served: {', '.join(FRAMEWORKS)}"
        )
    root, is_folder = model.stored_as
    path, imports = f'Path(os.environ["AZUREML_MODEL_DIR"], {json.dumps(root)})', ""
    if is_folder and known[model.model_framework] != "tensorflow":
        path, imports = f"model_in(str({path}))", "from scoringhost.settings.served import model_in\n"
    framework = known[model.model_framework]
    made_by = "None" if framework is None else f'"{framework}"'
    text = _SCRIPT.format(
        model=model.id,
        framework=model.model_framework,
        imports=imports,
        path=path,
        made_by=made_by,
    )
    (folder / ENTRY_FILE).write_text(text, encoding="utf-8")
    return ENTRY_FILE
