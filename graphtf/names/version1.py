"""Names of `tf.compat.v1` where it differs from TensorFlow 2: all others, as those of `tf.compat.v2`, are its own."""

from __future__ import annotations

_REDUCTIONS = "reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_any reduce_all reduce_logsumexp"

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.version1": {
        "compat.v1": f"{_REDUCTIONS} argmax argmin arg_max=argmax arg_min=argmin assign assign_add assign_sub "
        "batch_to_space boolean_mask cond confusion_matrix count_nonzero disable_eager_execution disable_v2_behavior "
        "div enable_control_flow_v2 enable_eager_execution enable_resource_variables enable_tensor_equality "
        "enable_v2_behavior enable_v2_tensorshape expand_dims gather multinomial norm ones_like pad random_normal "
        "random_shuffle random_uniform set_random_seed shape size space_to_batch squeeze to_bfloat16 to_complex128 "
        "to_complex64 to_double to_float to_int32 to_int64 transpose truncated_normal where zeros_like",
        "compat.v1.math": f"{_REDUCTIONS} argmax argmin confusion_matrix count_nonzero",
        "compat.v1.linalg": "norm",
        "compat.v1.random": "multinomial set_random_seed",
    },
    "graphtf.api.creation": {
        "compat.v1": "linspace=linspace_nd",
    },
    "graphtf.api.linalg_parts": {
        "compat.v1": "matrix_band_part=band_part matrix_diag=diag matrix_diag_part=diag_part matrix_set_diag=set_diag "
        "diag=tensor_diag diag_part=tensor_diag_part trace cross",
    },
    "graphtf.api.factorize": {
        "compat.v1": "cholesky matrix_determinant=det matrix_inverse=inv qr self_adjoint_eig=eigh "
        "self_adjoint_eigvals=eigvalsh svd",
    },
    "graphtf.api.unary": {
        "compat.v1": "log log1p log_sigmoid erf erfc expm1 lgamma digamma rsqrt ceil conj imag real angle rint",
    },
    "graphtf.api.compare": {
        "compat.v1": "is_nan is_inf is_finite logical_xor",
    },
    "graphtf.api.arithmetic": {
        "compat.v1": "floordiv floor_div=floordiv floormod mod=floormod squared_difference accumulate_n",
    },
    "graphtf.api.search": {
        "compat.v1": "invert_permutation",
    },
    "graphtf.api.reduce": {
        "compat.v1": "cumprod",
    },
    "graphtf.api.segments": {
        "compat.v1": "bincount segment_max segment_mean segment_min segment_prod segment_sum unsorted_segment_max "
        "unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n unsorted_segment_sum",
    },
    "graphtf.tensor_shape": {
        "compat.v1": "Dimension",
    },
    "graphtf.logging_version1": {
        "compat.v1.logging": "DEBUG ERROR FATAL INFO TaskLevelStatusMessage WARN debug error fatal flush get_verbosity "
        "info log log_if set_verbosity vlog warn warning",
    },
}
