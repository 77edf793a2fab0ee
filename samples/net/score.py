"""Which digits are on images of 8 x 8 pixels: a PyTorch net, on a GPU where there is one.

torch takes as many threads as the host has cores for this worker: the host sets OMP_NUM_THREADS before torch is
imported, so run() never fights other workers for cores.
"""

import os

import numpy as np
import torch
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema
from net import Net

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
NET = Net()


def init():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "digits.pt")
    # weights_only: the file holds tensors and cannot run code when it is loaded
    NET.load_state_dict(torch.load(path, map_location=DEVICE, weights_only=True))
    NET.to(DEVICE).eval()
    print(f"{path} on {DEVICE}, {torch.get_num_threads()} threads")


@input_schema("images", NumpyParameterType(np.zeros((1, 8, 8), dtype=np.float32)))
@output_schema(NumpyParameterType(np.array([0])))
def run(images):
    with torch.inference_mode():
        scores = NET(torch.from_numpy(images).unsqueeze(1).to(DEVICE))
    return scores.argmax(dim=1).cpu().numpy()
