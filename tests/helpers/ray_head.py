"""A Ray cluster of one node in a process of its own, which ends with its stdin.

`python ray_head.py CPUS` prints the cluster's address. Whatever ends the tests closes the pipe, so
that no process of Ray outlives them.
"""

import sys


def main():
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        # The other two would run all the time: the autoscaler, and the copy of the workers' output.
        head_node_args={"num_cpus": int(sys.argv[1]), "include_dashboard": False,
                        "no_monitor": True, "include_log_monitor": False},
    )  # fmt: skip
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
