"""The public names: for each file of graphtf/api (and a few of graphtf), the `tf.*` names it gives, by namespace.

Invariant: nothing listed here is imported before it is first asked for. "new=old" publishes `old` as `new`. Entry points:
`TABLE`, `INDEX` (dotted name → module and attribute), `Namespace`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_ELEMENTWISE = (
    "abs acos acosh asin asinh atan atan2 atanh cos cosh exp floor negative round sigmoid sign sin sinh sqrt square tan tanh"
)

TABLE: dict[str, dict[str, str]] = {
    "graphtf.tensor": {"": "Tensor", "errors": "OperatorNotAllowedInGraphError"},
    "graphtf.tensor_shape": {"": "TensorShape broadcast_static_shape"},
    "graphtf.variable": {"": "Variable VariableAggregation VariableSynchronization"},
    "graphtf.spec": {"": "TensorSpec TypeSpec type_spec_from_value"},
    "graphtf.indexed_slices": {"": "IndexedSlices IndexedSlicesSpec"},
    "graphtf.tape": {"": "GradientTape UnconnectedGradients", "autodiff": "GradientTape"},
    "graphtf.scopes": {"": "name_scope device control_dependencies variable_creator_scope"},
    "graphtf.functions.trace": {"": "init_scope"},
    "graphtf.functions.function": {
        "": "function", "config": "run_functions_eagerly functions_run_eagerly",
        "types.experimental": "GenericFunction=Function PolymorphicFunction=Function",
    },
    "graphtf.functions.concrete": {"types.experimental": "ConcreteFunction"},
    "graphtf.convert": {"": "constant convert_to_tensor register_tensor_conversion_function"},
    "graphtf.nest": {
        "nest": "assert_same_structure flatten is_nested map_structure pack_sequence_as",
    },
    "graphtf.ir.dtypes": {
        "": "DType as_dtype float16 float32 float64 bfloat16 complex64 complex128 int8 int16 int32 int64 uint8 uint16 uint32 "
        "uint64 bool=bool_ string half=float16 double=float64",
        "dtypes": "DType as_dtype float16 float32 float64 bfloat16 complex64 complex128 int8 int16 int32 int64 uint8 uint16 "
        "uint32 uint64 bool=bool_ string half=float16 double=float64",
        "dtypes.experimental": "float8_e4m3fn float8_e5m2",
    },
    "graphtf.ir.errors": {
        "errors": "OpError CancelledError UnknownError InvalidArgumentError DeadlineExceededError NotFoundError "
        "AlreadyExistsError PermissionDeniedError ResourceExhaustedError FailedPreconditionError AbortedError OutOfRangeError "
        "UnimplementedError InternalError UnavailableError DataLossError UnauthenticatedError",
    },
    "graphtf.api.arithmetic": {
        "": "add subtract multiply divide pow maximum minimum add_n realdiv truncatediv truncatemod truediv",
        "math": "add subtract multiply divide divide_no_nan=div_no_nan multiply_no_nan pow maximum minimum add_n accumulate_n "
        "truediv floordiv floormod mod=floormod squared_difference",
    },
    "graphtf.api.unary": {
        "": _ELEMENTWISE + " complex",
        "math": _ELEMENTWISE + " angle ceil conj digamma erf erfc erfcinv erfinv expm1 imag lgamma log log1p log_sigmoid "
        "ndtri real reciprocal reciprocal_no_nan rint rsqrt softplus softsign",
        "nn": "sigmoid softplus softsign tanh",
        "dtypes": "complex",
    },
    "graphtf.api.compare": {
        "": "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not",
        "math": "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor logical_not "
        "approximate_equal is_nan is_inf is_finite",
        "bitwise": "bitwise_and bitwise_or bitwise_xor invert left_shift right_shift",
    },
    "graphtf.api.reduce": {
        "": "reduce_sum reduce_mean reduce_prod reduce_max reduce_min reduce_any reduce_all reduce_logsumexp argmax argmin "
        "cumsum",
        "math": "reduce_sum reduce_mean reduce_prod reduce_max reduce_min reduce_any reduce_all reduce_logsumexp argmax argmin "
        "cumsum cumprod cumulative_logsumexp reduce_variance reduce_std reduce_euclidean_norm count_nonzero zero_fraction",
        "nn": "zero_fraction",
    },
    "graphtf.api.shaping": {
        "": "shape shape_n size rank identity identity_n stop_gradient ensure_shape reshape expand_dims squeeze transpose "
        "broadcast_to broadcast_dynamic_shape concat stack unstack split tile pad reverse roll reverse_sequence repeat meshgrid",
    },
    "graphtf.api.creation": {
        "": "zeros ones fill zeros_like ones_like eye range linspace=linspace_nd one_hot sequence_mask cast saturate_cast bitcast",
        "dtypes": "cast saturate_cast",
        "linalg": "eye",
    },
    "graphtf.api.selection": {
        "": "where boolean_mask gather gather_nd scatter_nd tensor_scatter_nd_update tensor_scatter_nd_add "
        "tensor_scatter_nd_sub tensor_scatter_nd_max tensor_scatter_nd_min slice strided_slice sort argsort unique "
        "unique_with_counts",
        "math": "top_k",
        "nn": "top_k",
    },
    "graphtf.api.activation": {
        "nn": "relu relu6 leaky_relu elu selu gelu silu swish=silu crelu softmax log_softmax",
        "math": "softmax log_softmax",
    },
    "graphtf.api.losses": {
        "nn": "softmax_cross_entropy_with_logits sparse_softmax_cross_entropy_with_logits sigmoid_cross_entropy_with_logits "
        "weighted_cross_entropy_with_logits l2_loss log_poisson_loss compute_average_loss scale_regularization_loss",
    },
    "graphtf.api.normalization": {
        "nn": "bias_add moments sufficient_statistics normalize_moments weighted_moments batch_normalization "
        "batch_norm_with_global_normalization l2_normalize local_response_normalization lrn=local_response_normalization",
        "math": "l2_normalize",
        "linalg": "l2_normalize",
    },
    "graphtf.api.conv": {
        "nn": "conv1d conv2d conv3d convolution conv1d_transpose conv2d_transpose conv3d_transpose conv_transpose atrous_conv2d "
        "atrous_conv2d_transpose depthwise_conv2d depthwise_conv2d_backprop_input depthwise_conv2d_backprop_filter "
        "separable_conv2d",
    },
    "graphtf.api.pooling": {
        "nn": "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d max_pool avg_pool pool space_to_depth "
        "depth_to_space",
    },
    "graphtf.api.random": {
        "random": "uniform normal truncated_normal shuffle stateless_uniform stateless_normal stateless_truncated_normal "
        "split fold_in",
        "random.experimental": "stateless_split=split stateless_fold_in=fold_in",
        "nn": "dropout",
        "nn.experimental": "stateless_dropout",
    },
    "graphtf.api.random_state": {"random": "set_seed"},
    "graphtf.api.linalg": {
        "": "matmul",
        "linalg": "matmul matvec matrix_transpose adjoint",
    },
}


def _index() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for module, spaces in TABLE.items():
        for space, names in spaces.items():
            for entry in names.split():
                public, _, own = entry.partition("=")
                found[f"{space}.{public}" if space else public] = (module, own or public)
    return found


INDEX = _index()
NAMESPACES = frozenset(
    ".".join(parts[:k]) for name in INDEX for parts in [name.split(".")] for k in range(1, len(parts))
)


def resolve(path: str) -> Any:
    """The object published under a dotted name ("math.add"), or the namespace. Raises AttributeError for neither."""
    if path in INDEX:
        module, own = INDEX[path]
        return getattr(importlib.import_module(module), own)
    if path in NAMESPACES:
        return namespace(path)
    raise AttributeError(f"graphtf has no tf.{path}: it is not a name of TensorFlow 2, or not implemented")


def names_in(space: str) -> list[str]:
    """The public names of a namespace ("" is tf itself)."""
    lead = f"{space}." if space else ""
    inside = (n[len(lead) :] for n in (*INDEX, *NAMESPACES) if n.startswith(lead))
    return sorted({n for n in inside if "." not in n})


class Namespace(ModuleType):
    """`tf.math` and the like: a module whose names are imported when they are first asked for."""

    def __init__(self, path: str) -> None:
        super().__init__(f"graphtf.{path}", f"The names of tf.{path}.")
        self.__dict__["_path"] = path
        self.__dict__["__path__"] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        found = resolve(f"{self._path}.{name}")
        self.__dict__[name] = found
        return found

    def __dir__(self) -> list[str]:
        return names_in(self._path)


_namespaces: dict[str, Namespace] = {}


def namespace(path: str) -> Namespace:
    """The one `Namespace` of a dotted path, importable as a module too."""
    if path not in _namespaces:
        _namespaces[path] = Namespace(path)
        sys.modules.setdefault(f"graphtf.{path}", _namespaces[path])
    return _namespaces[path]
