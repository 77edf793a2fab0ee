"""The YAML that `az ml` (version 2) takes: an online endpoint and its deployment, and the same for batch.

The words are those of https://learn.microsoft.com/azure/machine-learning/reference-yaml-overview.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMAS = "https://azuremlschemas.azureedge.net/latest"


@dataclass(frozen=True, slots=True)
class Words:
    """What differs from service to service. timeout_ms: of one request."""

    endpoint: str
    script: str
    has_model: bool
    auth_mode: str
    instance_type: str
    compute: str
    timeout_ms: int
    port: int


def files(words: Words) -> dict[str, str]:
    """The text of each file, by its name."""
    return {
        "online-endpoint.yml": online_endpoint(words),
        "online-deployment.yml": online_deployment(words),
        "batch-endpoint.yml": batch_endpoint(words),
        "batch-deployment.yml": batch_deployment(words),
    }


def online_endpoint(words: Words) -> str:
    """The address, and what callers have to bring."""
    return f"""\
# az ml online-endpoint create --file online-endpoint.yml
$schema: {SCHEMAS}/managedOnlineEndpoint.schema.json
name: {words.endpoint}
auth_mode: {words.auth_mode}
"""


def online_deployment(words: Words) -> str:
    """The container behind the address."""
    return f"""\
# az ml online-deployment create --file online-deployment.yml --all-traffic
$schema: {SCHEMAS}/managedOnlineDeployment.schema.json
name: blue
endpoint_name: {words.endpoint}
{_model(words.endpoint, "model") if words.has_model else ""}code_configuration:
  code: code
  scoring_script: {words.script}
environment:
  name: {words.endpoint}
  build:
    path: environment
  inference_config:
    # Live as soon as it listens, so that a long init() is not taken for a failure; ready when that has returned.
    liveness_route:
      port: {words.port}
      path: /livez
    readiness_route:
      port: {words.port}
      path: /readyz
    scoring_route:
      port: {words.port}
      path: /score
instance_type: {words.instance_type}
instance_count: 1
request_settings:
  # One run() goes on at a time in each worker, and the rest wait for their turn.
  max_concurrent_requests_per_instance: 16
  request_timeout_ms: {words.timeout_ms}
readiness_probe:
  initial_delay: 5
  period: 5
  timeout: 2
  failure_threshold: 120
liveness_probe:
  initial_delay: 30
  period: 10
  timeout: 5
  failure_threshold: 6
environment_variables:
  # A run() whose caller has been sent away is broken off.
  SCORINGHOST_SCORING_TIMEOUT_MS: "{words.timeout_ms}"
"""


def batch_endpoint(words: Words) -> str:
    """The address of jobs; they are called with a token of Microsoft Entra, whatever the online endpoint takes."""
    return f"""\
# az ml batch-endpoint create --file batch-endpoint.yml
$schema: {SCHEMAS}/batchEndpoint.schema.json
name: {words.endpoint}-batch
auth_mode: aad_token
"""


def batch_deployment(words: Words) -> str:
    """What a job runs, and how it is divided. There must be a model: without any it is the script.

    Without `type: model`, which would want the last of these below `settings`: this way all versions
    of the command take it, and so does the client's function that reads it.
    """
    return f"""\
# az ml batch-deployment create --file batch-deployment.yml --set-default
$schema: {SCHEMAS}/batchDeployment.schema.json
name: rows
endpoint_name: {words.endpoint}-batch
{_model(words.endpoint, "model" if words.has_model else "code")}code_configuration:
  code: code
  # {words.script} itself, if its run() takes a mini_batch.
  scoring_script: batch_driver.py
environment:
  name: {words.endpoint}-batch
  build:
    path: batch-environment
compute: azureml:{words.compute}
resources:
  instance_count: 1
max_concurrency_per_instance: 1
mini_batch_size: 10
output_action: append_row
output_file_name: predictions.csv
retry_settings:
  max_retries: 3
  timeout: 3600
error_threshold: -1
logging_level: info
"""


def conda(python: str) -> str:
    """The conda environment of batch jobs."""
    return f"""\
channels:
  - conda-forge
dependencies:
  - python={python}
  - pip
  - pip:
      - -r requirements.txt
"""


def _model(name: str, folder: str) -> str:
    return f"""\
model:
  name: {name}
  type: custom_model
  path: {folder}
"""
