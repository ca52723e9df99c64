"""Names of sparse and ragged tensors, and of sets."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.row_partitions": {
        "experimental": "RowPartition",
    },
    "graphtf.composite_spec": {
        "": "SparseTensorSpec RaggedTensorSpec",
    },
    "graphtf.api.sparse": {
        "sparse": "from_dense to_dense to_indicator eye map_values retain reorder transpose expand_dims reshape slice "
        "concat split fill_empty_rows reset_shape add maximum minimum reduce_sum reduce_max sparse_dense_matmul "
        "softmax",
    },
}
