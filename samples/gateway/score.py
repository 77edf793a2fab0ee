"""A service in front of another one: async def run() waits for it without keeping others waiting."""

import os

import httpx
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

from scoringhost import Response

BEHIND: dict[str, httpx.AsyncClient] = {}
SURE = 0.9

BOTTLE = {
    "alcohol": 14.23,
    "malic_acid": 1.71,
    "ash": 2.43,
    "alcalinity_of_ash": 15.6,
    "magnesium": 127.0,
    "total_phenols": 2.8,
    "flavanoids": 3.06,
    "nonflavanoid_phenols": 0.28,
    "proanthocyanins": 2.29,
    "color_intensity": 5.64,
    "hue": 1.04,
    "od280/od315_of_diluted_wines": 3.92,
    "proline": 1065.0,
}


def init():
    url = os.environ.get("WINE_URL", "http://localhost:5002")
    BEHIND["wine"] = httpx.AsyncClient(base_url=url, timeout=2.0)
    print(f"wines are sent to {url}")


@input_schema("bottle", StandardPythonParameterType(BOTTLE))
async def run(bottle):
    try:
        reply = await BEHIND["wine"].post("/score", json={"wines": [bottle]})
    except httpx.TransportError as problem:
        return Response({"message": f"the wine service cannot be reached: {problem}"}, 503, {"Retry-After": "5"})
    if reply.status_code != 200:
        return Response(reply.json(), reply.status_code)
    (found,) = reply.json()
    return {"cultivar": found["cultivar"], "sure": found["probability"] >= SURE}
