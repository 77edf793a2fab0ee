"""How likely a tumour is malignant: an ONNX model, whatever it was trained with, run by onnxruntime."""

import os

import numpy as np
import onnxruntime
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema

MODEL: dict[str, onnxruntime.InferenceSession] = {}

# Radius, texture, perimeter, area, smoothness, compactness, concavity, concave points, symmetry and fractal
# dimension, each a mean over the nuclei. ONNX models are strict about types: float32, as the model declares.
TUMOURS = np.array(
    [
        [17.99, 10.38, 122.8, 1001.0, 0.1184, 0.2776, 0.3001, 0.1471, 0.2419, 0.07871],
        [13.54, 14.36, 87.46, 566.3, 0.09779, 0.08129, 0.06664, 0.04781, 0.1885, 0.05766],
    ],
    dtype=np.float32,
)


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "tumours.onnx")
    options = onnxruntime.SessionOptions()
    # The host puts the worker's share of the cores there; onnxruntime does not look. 0: a thread for each core.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    MODEL["session"] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    print(f"boosted trees loaded from {path}, threads: {options.intra_op_num_threads}")


@input_schema("tumours", NumpyParameterType(TUMOURS))
@output_schema(NumpyParameterType(np.array([0.996, 0.14], dtype=np.float32)))
def run(tumours):
    (probabilities,) = MODEL["session"].run(["probabilities"], {"X": tumours})
    return probabilities[:, 0]
