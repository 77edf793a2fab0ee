"""What `mlflow deployments help -t scoringhost` prints."""

HELP = """\
Deploys models to scoringhost: each runs in processes of its own, below a hub that goes on when this command has ended.

Targets (-t)
  scoringhost                  your hub, started if it does not run; its state is in SCORINGHOST_HOME (~/.scoringhost)
  scoringhost:NAME             the one of another workspace
  scoringhost:/path/to/folder  the one of a folder
  scoringhost://host:5002      one that runs there; its key is in SCORINGHOST_HUB_KEY
  scoringhost:/http://host:5002

Model URIs (-m)
  models:/NAME/VERSION, runs:/RUN/PATH and whatever else MLflow can download; paths of MLflow model folders, of .onnx,
  .joblib, .pkl and other model files, of folders with a score.py. They are copied when they are deployed.

Config (-C KEY=VALUE)
  The settings of scoringhost by their names (scoringhost serve --help): workers=2, threads=4, max_batch_size=32,
  scoring_timeout_ms=1000; environment=PATH of a requirements.txt, a conda.yml or a python for packages of its own.
  An endpoint's are the per cent of its requests that each deployment answers: blue=90 -C green=10.
  run-local takes port=5001 and host=127.0.0.1, too.

Endpoints
  scoringhost endpoint create NAME (mlflow deployments create-endpoint raises a TypeError of its own), then
  mlflow deployments create -t scoringhost --endpoint NAME --name blue -m URI. The first one answers all requests.

`scoringhost status`, `logs`, `events` and `undeploy` show and change the same deployments.
"""
