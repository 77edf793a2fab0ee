"""The same services under BentoML."""

import os
import time

import bentoml
import numpy as np

WORK = os.environ["BENCH_WORKLOAD"]


@bentoml.service(workers=1)
class Service:
    @bentoml.api
    def text(self, text: str) -> dict:
        return {"length": len(text)}

    @bentoml.api(batchable=WORK == "fixed_cost", max_batch_size=64, max_latency_ms=5000)
    def data(self, data: np.ndarray) -> np.ndarray:
        if WORK == "fixed_cost":
            time.sleep(0.005)
        return np.asarray(data).sum(axis=1)
