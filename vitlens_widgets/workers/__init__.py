"""Work over a data set by several processes, here or on a cluster.

`shards.Shards` runs a job on whatever takes a function, and gives back what each batch came to, in
the order of one run; `cluster` starts workers on this machine.
"""

from vitlens_widgets.workers.clusters import Cluster, cluster

__all__ = ["Cluster", "cluster"]
