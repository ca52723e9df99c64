"""Names of `tf.distribute`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.distribution.strategy": {
        "distribute": "Strategy StrategyExtended MirroredStrategy OneDeviceStrategy MultiWorkerMirroredStrategy "
        "TPUStrategy ParameterServerStrategy ReplicaContext ReduceOp get_strategy has_strategy get_replica_context "
        "in_cross_replica_context experimental_set_strategy",
    },
    "graphtf.distribution.values": {
        "distribute": "DistributedValues DistributedDataset DistributedIterator",
        "types.experimental.distributed": "PerReplica Mirrored",
    },
    "graphtf.distribution.dtensor": {
        "experimental.dtensor": "UNSHARDED MATCH Mesh Layout create_mesh create_distributed_mesh",
    },
    "graphtf.distribution.inputs": {
        "distribute": "InputContext InputOptions InputReplicationMode RunOptions",
    },
}
