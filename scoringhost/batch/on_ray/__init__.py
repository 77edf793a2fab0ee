"""Mini-batches on a Ray cluster: `engine` is what the command does, `nodes` what the nodes of the cluster do."""

from scoringhost.batch.on_ray.engine import ClusterUnusable as ClusterUnusable
from scoringhost.batch.on_ray.engine import RayEngine as RayEngine
from scoringhost.batch.on_ray.nodes import RayCluster as RayCluster
