"""Sparse and ragged tensors under one name. Entry points: `Composite`, `SparseTensor`, `RaggedTensor`, their specs."""

from graphtf.composite_spec import RaggedTensorSpec, SparseTensorSpec
from graphtf.ragged_tensor import RaggedTensor
from graphtf.sparse_tensor import SparseTensor
from graphtf.with_values import Composite

__all__ = ["Composite", "RaggedTensor", "RaggedTensorSpec", "SparseTensor", "SparseTensorSpec"]
