"""A Ray cluster of two nodes in a process of its own, until its stdin ends.

Prints its address and that for Ray's client. The GPUs are counted by Ray, not there.
"""

import json
import socket
import sys

HEAD, WORKER = 5, 7
"""The threads of each node: what tells in a trial's environment where it ran."""
GB = 10**9


def main():
    from ray.cluster_utils import Cluster

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    head = {"num_cpus": 1, "num_gpus": 1, "memory": GB // 4, "ray_client_server_port": port,
            "include_dashboard": False, "env_vars": {"OMP_NUM_THREADS": str(HEAD)}}  # fmt: skip
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(
        num_cpus=2, num_gpus=2, memory=4 * GB, env_vars={"OMP_NUM_THREADS": str(WORKER)}
    )
    print(json.dumps([cluster.address, f"ray://127.0.0.1:{port}"]), flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
