"""What Microsoft's own client of the MLServer class sees of a hub; run with an environment that has it.

Its address, a name and a password are the arguments. It is changed in one thing: the function that makes a method with
given parameters is replaced, which fails on all versions of Python from 3.8 on; an empty `imp` stands in from 3.12 on.
The last line is what it has seen, as JSON.
"""

import json
import sys
import types

sys.modules.setdefault("imp", types.ModuleType("imp"))  # gone from the library since 3.12; only imported there

import azureml.deploy.server.service as service_module  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402


def function_beget(function, name, params, doc):
    """A method of that name, with these parameters: all it has to do is to hand them on."""
    names = params[1:]

    def method(self, *values, **named):
        given = dict(zip(names, values, strict=False), **named)
        if set(given) != set(names):
            raise TypeError(f"{name}() takes {', '.join(names)}")
        return self._consume(given)

    method.__name__, method.__doc__ = name, doc
    return method


service_module.function_beget = function_beget

from azureml.common.http_client import HttpException  # noqa: E402
from azureml.deploy import DeployClient  # noqa: E402
from azureml.deploy.server import MLServer  # noqa: E402

host, user, password = sys.argv[1:4]
seen = {}


def refused(action):
    """The status and the message of a refusal."""
    try:
        action()
    except HttpException as problem:
        return [problem.status, str(problem.body)[:300]]
    return "nothing was refused"


seen["wrong password"] = refused(lambda: DeployClient(host, use=MLServer, auth=(user, "another")))[0]
client = DeployClient(host, use=MLServer, auth=(user, password))


def init():
    global ready, math
    import math

    ready = True


def score(x, y, name, flag, values):
    print("scoring", name)  # noqa: T201
    with open("note.txt", "w") as file:
        file.write(name)
    return float(math.floor(x) + y + values.sum() + offset["by"] + model.sum() + (100 if flag else 0))  # noqa: F821


def scaled(factor):
    def inner(value):
        return value * factor

    return inner


service = client.deploy_service(
    "drill",
    version="v1",
    description="first",
    code_fn=score,
    init_fn=init,
    objects={"offset": {"by": 10}, "times": scaled(3)},
    models={"model": np.array([1.0, 2.0])},
    inputs={"x": float, "y": int, "name": str, "flag": bool, "values": np.array},
    outputs={"answer": float},
    artifacts=["note.txt", "never.txt"],
)
seen["class"] = type(service).__name__
answer = service.score(1.5, 2, "me", True, np.array([1, 2, 3]))
seen["answer"] = answer.output("answer")
seen["printed"] = answer.console_output
seen["files"] = [answer.artifact("note.txt", encoding="utf-8"), answer.artifact("never.txt")]
seen["error"] = answer.error
seen["capabilities"] = service.capabilities()["inputs_encoded"]
seen["swagger"] = json.loads(service.swagger())["info"]

# -- all types, both ways -------------------------------------------------------------------------------
types_service = client.deploy_service(
    "types",
    version="v1",
    code_str="o_frame = i_frame.assign(z=i_frame.x * 2)\no_matrix = i_matrix * 2\no_vector = i_vector + 1\n"
    "o_int, o_bool, o_str = i_int, i_bool, i_str",
    inputs={"i_frame": pd.DataFrame, "i_matrix": "numpy.matrix", "i_vector": np.array, "i_int": int, "i_bool": bool,
            "i_str": str},
    outputs={"o_frame": pd.DataFrame, "o_matrix": "numpy.matrix", "o_vector": np.array, "o_int": int, "o_bool": bool,
             "o_str": str},
)  # fmt: skip
found = types_service.consume(
    pd.DataFrame({"x": [1.0, 2.5], "a": ["p", "q"]}), np.matrix([[1, 2], [3, 4]]), np.array([1, 2]), 7, False, "t"
)
seen["frame"] = found.output("o_frame").to_dict("list")
seen["columns"] = list(found.output("o_frame").columns)
seen["matrix"] = found.output("o_matrix").tolist()
seen["vector"] = found.output("o_vector").tolist()
seen["plain"] = [found.output(name) for name in ("o_int", "o_bool", "o_str")]

# -- what fails -----------------------------------------------------------------------------------------
failing = client.deploy_service("failing", version="v1", code_str="raise ValueError('seven')")
seen["raises"] = refused(failing.consume)
seen["does not load"] = refused(
    lambda: client.deploy_service("broken", version="v1", code_str="x = 1", init_str="raise RuntimeError('no model')")
)
seen["nothing is left"] = client.list_services("broken")
seen["again"] = refused(lambda: client.deploy_service("failing", version="v1", code_str="x = 1"))[0]

# -- changing, listing, deleting ------------------------------------------------------------------------
client.redeploy_service("drill", version="v1", description="second")
seen["model stays"] = client.get_service("drill").score(1.5, 2, "me", False, np.array([1])).output("answer")
client.redeploy_service("drill", version="v1", objects={"offset": {"by": 20}})
seen["object changes"] = client.get_service("drill").score(1.5, 2, "me", False, np.array([1])).output("answer")
client.deploy_service("drill", version="v0", code_str="y = 1", outputs={"y": int})
seen["newest"] = client.get_service("drill").capabilities()["version"]
seen["list"] = [(one["name"], one["version"]) for one in client.list_services()]
seen["description"] = client.list_services("drill", version="v1")[0]["description"]
seen["deleted"] = client.delete_service("drill", version="v0")
seen["gone"] = refused(lambda: client.get_service("drill", version="v0"))[0]
unnamed = client.deploy_service("unnamed", code_str="y = x + 1", inputs={"x": int}, outputs={"y": int})
seen["guid"] = len(unnamed.capabilities()["version"])

# -- batches --------------------------------------------------------------------------------------------
doubling = client.deploy_service(
    "doubling",
    version="v1",
    code_str="if x == 3: raise ValueError('three')\nopen('r.txt', 'w').write(str(x))\ny = x * 2",
    inputs={"x": int},
    outputs={"y": int},
    artifacts=["r.txt"],
)
batch = doubling.batch({"x": [1, 2, 3, 4, 5]}, parallel_count=2).start()
results = batch.results()
while results.state not in ("Complete", "Failed"):
    results = batch.results()
seen["batch"] = [results.state, results.completed_item_count, results.total_item_count]
seen["batch outputs"] = [results.execution(i).output("y") for i in range(5)]
seen["batch error"] = results.execution(2).error
seen["batch files"] = [batch.list_artifacts(1), batch.artifact(1, "r.txt").decode(), batch.list_artifacts(2)]
seen["batches"] = batch.execution_id in doubling.list_batch_executions()
batch.cancel()
seen["batch gone"] = refused(batch.results)[0]

# -- a model without code -------------------------------------------------------------------------------
if len(sys.argv) > 4:
    with open(sys.argv[4], "rb") as file:
        blob = b'blob\0scoringhost\0{"format":"onnx"}\n' + file.read()
    realtime = client.deploy_realtime("realtime", version="v1", serialized_model=blob)
    frame = pd.DataFrame({"b": [1.0, 2.0], "a": [10.0, 20.0], "more": ["x", "y"]})
    seen["realtime"] = realtime.consume(frame).output("outputData").to_dict("list")
    seen["no column"] = refused(lambda: realtime.consume(frame[["a"]]))
    seen["revoscale"] = refused(lambda: client.deploy_realtime("theirs", serialized_model=b"blob1234"))
    client.redeploy_realtime("realtime", version="v1", serialized_model=blob, description="again")
    seen["realtime again"] = client.get_service("realtime").capabilities()["description"]

print(json.dumps(seen))  # noqa: T201
