"""Whether reviews praise or complain: a text classifier of Hugging Face's transformers, from the model folder alone."""

import os

import torch
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def init():
    global TOKENIZER, MODEL
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    disable_progress_bar()
    folder = os.environ["AZUREML_MODEL_DIR"]
    # local_files_only: what is served is what lies there, and never what a hub says today
    TOKENIZER = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    MODEL = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).to(DEVICE).eval()
    run(["The first call is slower than all others, so make it here."])


@input_schema("texts", StandardPythonParameterType(["The soup was delicious."]))
@output_schema(StandardPythonParameterType([{"label": "positive", "score": 0.99}]))
def run(texts):
    tokens = TOKENIZER(texts, padding=True, truncation=True, return_tensors="pt").to(DEVICE)
    with torch.inference_mode():
        likely = MODEL(**tokens).logits.softmax(dim=1)
    scores, labels = likely.max(dim=1)
    return [
        {"label": MODEL.config.id2label[label], "score": round(score, 4)}
        for label, score in zip(labels.tolist(), scores.tolist(), strict=True)
    ]
