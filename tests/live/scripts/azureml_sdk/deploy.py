# ruff: noqa: T201, SIM105
"""A script for Azure ML's SDK v1, as people write it; the test that runs it changes its imports, and nothing else."""

import json

import joblib
import numpy as np
import sklearn
from azureml.core import Dataset, Environment, Webservice, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.model import InferenceConfig, Model
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.core.webservice import AciWebservice, LocalWebservice
from azureml.data import dataset_type_definitions
from azureml.exceptions import WebserviceException
from sklearn.linear_model import Ridge

ws = Workspace.from_config()
print(ws.name, ws.resource_group, ws.location, ws.subscription_id, sep="\t")

rows = np.arange(30.0).reshape(10, 3)
joblib.dump(Ridge(alpha=0.0).fit(rows, rows.sum(axis=1)), "sklearn_regression_model.pkl")
np.savetxt("features.csv", rows, delimiter=",")
datastore = ws.get_default_datastore()
datastore.upload_files(files=["./features.csv"], target_path="sklearn_regression/", overwrite=True)
input_dataset = Dataset.Tabular.from_delimited_files(path=[(datastore, "sklearn_regression/features.csv")])

model = Model.register(
    workspace=ws,
    model_name="my-sklearn-model",
    model_path="./sklearn_regression_model.pkl",
    model_framework=Model.Framework.SCIKITLEARN,
    model_framework_version=sklearn.__version__,
    sample_input_dataset=input_dataset,
    resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
    description="Ridge regression",
    tags={"area": "numbers", "type": "regression"},
)
print("Name:", model.name, "Version:", model.version)

# -- without a script -------------------------------------------------------------------------------

try:
    Webservice(ws, "my-sklearn-service").delete()
except WebserviceException:
    pass
service = Model.deploy(ws, "my-sklearn-service", [model])
service.wait_for_deployment(show_output=True)
payload = json.dumps({"data": rows[:2].tolist(), "method": "predict"})
print("no code", [round(one, 3) for one in service.run(payload)])

# -- with a script, an environment and keys -----------------------------------------------------------

environment = Environment("my-sklearn-environment")
environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["scikit-learn", "joblib", "numpy"])
environment.register(workspace=ws)
inference_config = InferenceConfig(entry_script="score.py", environment=environment)
deployment_config = AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1, auth_enabled=True, tags={"a": "b"})
service = Model.deploy(
    workspace=ws,
    name="my-custom-service",
    models=[model],
    inference_config=inference_config,
    deployment_config=deployment_config,
    overwrite=True,
)
service.wait_for_deployment(show_output=True)
assert service.state == "Healthy", service.get_logs()
print("custom", [round(one, 3) for one in service.run(input_data=payload)])
primary, secondary = service.get_keys()
service.regen_key("Primary")
assert service.get_keys()[0] != primary
assert service.get_keys()[1] == secondary
print("custom", [round(one, 3) for one in service.run(payload)])

# -- locally, and again -------------------------------------------------------------------------------

local = Model.deploy(ws, "my-local-service", [model], inference_config, LocalWebservice.deploy_configuration())
local.wait_for_deployment()
local.reload(wait=True)
print("local", [round(one, 3) for one in local.run(payload)])

# -- a profile ----------------------------------------------------------------------------------------

with open("sample_request_data.txt", "w") as f:
    f.write("\n".join([payload] * 20))
datastore.upload_files(["./sample_request_data.txt"], target_path="sample_request_data")
sample = Dataset.Tabular.from_delimited_files(
    [(datastore, "sample_request_data/sample_request_data.txt")],
    separator="\n",
    infer_column_types=True,
    header=dataset_type_definitions.PromoteHeadersBehavior.NO_HEADERS,
).register(workspace=ws, name="sample_request_data", create_new_version=True)
profile = Model.profile(ws, "my-profile", [model], inference_config, input_dataset=sample, cpu=1.0, memory_in_gb=0.5)
profile.wait_for_completion(True)
details = profile.get_details()
print("profile", details["requestedCpu"], details["requestedMemoryInGb"], details["successRate"])

package = Model.package(ws, [model], inference_config, generate_dockerfile=True)
package.wait_for_creation(show_output=False)
package.save("./imagefiles")

print(sorted(ws.webservices), sorted(ws.models))
for one in Webservice.list(ws):
    one.delete()
model.delete()
