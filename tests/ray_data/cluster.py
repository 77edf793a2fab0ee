"""A Ray cluster of this machine whose nodes are processes of this program, which ends with its standard input.

    python tests/ray_data/cluster.py CPUS [CPUS ...]

Starts one node for each number and prints the address. On standard input `add CPUS` starts a further node, and `kill`
takes the last one down as a power failure would. It stops nothing but what it has started, as `ray stop` would.
A node aborts if its agents, two interpreters, are not there after 15 s (Ray 2.60 has no setting for it): on a machine
with a load of 20 on two cores none starts.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import Any

STORE_BYTES = 150 << 20


def node_of(cpus: float) -> dict[str, Any]:
    """What a node is started with."""
    return {"num_cpus": cpus, "object_store_memory": STORE_BYTES}


def main() -> None:
    """Start, obey, end."""
    os.environ["RAY_TMPDIR"] = folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets have short names
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # 15 by default: on a busy machine its workers get next to nothing. Ray has its own spelling.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    os.environ["RAY_raylet_start_wait_time_s"] = "300"  # noqa: SIM112
    from ray.cluster_utils import Cluster

    cpus = [float(text) for text in sys.argv[1:]]
    cluster = Cluster(initialize_head=True, head_node_args={"include_dashboard": False, **node_of(cpus[0])})
    try:
        more = [cluster.add_node(**node_of(number)) for number in cpus[1:]]
        print(cluster.address, flush=True)
        for line in sys.stdin:
            verb, *rest = line.split()
            if verb == "add":
                more.append(cluster.add_node(**node_of(float(rest[0]))))
            else:
                cluster.remove_node(more.pop(), allow_graceful=False)
            print("done", flush=True)
    finally:
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
