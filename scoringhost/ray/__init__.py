"""An entry script as a deployment of Ray Serve: on many nodes, and on their GPUs.

    import scoringhost.ray
    from ray import serve

    scoring = scoringhost.ray.deployment("score.py", replicas=(1, 8), num_cpus=0.5)
    serve.run(scoring.bind(), name="diabetes", route_prefix="/diabetes")

`scoringhost deploy --target ray` does that for a script and its model, and `scoringhost package
--target ray` writes what `serve deploy` takes. Ray is imported when one of them is called.
"""

from scoringhost.ray.made import application, deployment

__all__ = ["application", "deployment"]
