"""MLflow's deployments API as a skin over the hub: names, documents and errors, and nothing that it decides.

`deployments` is the module that MLflow loads for the target `scoringhost`. It alone, `refusals` and `model_uris` know
MLflow; pandas and NumPy are imported where there is something of theirs.
"""
