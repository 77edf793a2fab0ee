"""The same services under LitServe."""

import os
import sys
import time

import litserve
import numpy as np

WORK, PORT = os.environ["BENCH_WORKLOAD"], int(sys.argv[1])


class Api(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return len(request["text"]) if WORK == "text" else np.array(request["data"])

    def batch(self, inputs):
        return np.concatenate(inputs)

    def unbatch(self, output):
        return [[value] for value in output]

    def predict(self, value):
        if WORK == "text":
            return {"length": value}
        if WORK == "fixed_cost":
            time.sleep(0.005)
        return value.sum(axis=1)

    def encode_response(self, output):
        return output if isinstance(output, (dict, list)) else output.tolist()


if __name__ == "__main__":
    batch = {"max_batch_size": 64, "batch_timeout": 0.005} if WORK == "fixed_cost" else {}
    server = litserve.LitServer(Api(**batch), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, num_api_servers=1, log_level="error")
