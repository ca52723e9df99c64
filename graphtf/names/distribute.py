"""Names of `tf.distribute`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.distribution.strategy": {
        "distribute": "Strategy StrategyExtended OneDeviceStrategy TPUStrategy ParameterServerStrategy "
        "experimental_set_strategy ReplicaContext get_strategy has_strategy get_replica_context "
        "in_cross_replica_context",
        "distribute.experimental": "TPUStrategy ParameterServerStrategy",
    },
    "graphtf.distribution.mirrored": {
        "distribute": "MirroredStrategy MultiWorkerMirroredStrategy",
        "distribute.experimental": "MultiWorkerMirroredStrategy",
    },
    "graphtf.distribution.cross_device": {
        "distribute": "ReduceOp CrossDeviceOps NcclAllReduce HierarchicalCopyAllReduce ReductionToOneDevice",
    },
    "graphtf.distribution.values": {
        "distribute": "DistributedValues",
        "types.experimental.distributed": "PerReplica Mirrored",
    },
    "graphtf.distribution.datasets": {
        "distribute": "DistributedDataset DistributedIterator",
    },
    "graphtf.distribution.dtensor": {
        "experimental.dtensor": "UNSHARDED MATCH Mesh Layout create_mesh create_distributed_mesh",
    },
    "graphtf.distribution.inputs": {
        "distribute": "InputContext InputOptions InputReplicationMode RunOptions",
        "distribute.experimental": "ValueContext",
    },
}
