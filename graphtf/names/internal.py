"""Names of TensorFlow's internals that packages built on it use, and of `tf.compat.v1`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.tensor": {
        "__internal__": "EagerTensor SymbolicTensor",
        "__internal__.types": "Tensor=AbstractTensor",
        "python.framework.tensor": "Tensor",
        "python.framework.ops": "EagerTensor",
    },
    "graphtf.nest": {
        "__internal__": "CompositeTensor",
    },
    "graphtf.tracking": {
        "__internal__.tracking": "Trackable AutoTrackable no_automatic_dependency_tracking",
        "python.trackable.data_structures": "ListWrapper _DictWrapper=DictWrapper",
    },
    "graphtf.internal.graphs": {
        "__internal__": "FuncGraph",
        "compat.v1": "placeholder sparse_placeholder reset_default_graph",
    },
    "graphtf.internal.context": {
        "__internal__.eager_context": "eager_mode",
        "__internal__.tf2": "enabled",
        "python.eager.context": "async_wait context _reset_context=reset_context",
        "python.framework.config": "enable_op_determinism disable_op_determinism is_op_determinism_enabled",
        "config.experimental": "enable_op_determinism",
    },
    "graphtf.internal.functions": {
        "__internal__.smart_cond": "smart_cond",
        "__internal__.decorator": "unwrap",
        "compiler.tf2xla.python.xla": "dynamic_update_slice",
        "python.framework.tensor_util": "constant_value is_tf_type",
        "python.data.experimental.ops.distribute": "compute_batch_size",
    },
    "graphtf.internal.type_specs": {
        "python.framework.type_spec_registry": "get_name lookup register",
    },
    "graphtf.internal.sparse_matrix": {
        "python.ops.linalg.sparse.sparse_csr_matrix_ops": "sparse_tensor_to_csr_sparse_matrix "
        "csr_sparse_matrix_to_sparse_tensor sparse_matrix_sparse_mat_mul",
    },
    "graphtf.composite": {
        "python.framework.sparse_tensor": "SparseTensor",
        "python.ops.ragged.ragged_tensor": "RaggedTensor",
    },
    "graphtf.data.dataset": {
        "python.data.ops.dataset_ops": "DatasetV2=Dataset",
    },
    "graphtf.distribution.datasets": {
        "python.distribute.input_lib": "DistributedDataset",
    },
    "graphtf.api.compare": {
        "python.ops.math_ops": "is_nan",
    },
    "graphtf.distribution.strategy": {
        "__internal__.distribute.interim": "maybe_merge_call",
        "__internal__.distribute": "strategy_supports_no_merge_call",
    },
}
