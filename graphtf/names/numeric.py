"""Names of arithmetic, reductions, shapes, selection and linear algebra."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.arithmetic": {
        "": "add subtract multiply divide pow maximum minimum add_n realdiv truncatediv truncatemod truediv",
        "math": "add subtract multiply divide divide_no_nan=div_no_nan multiply_no_nan pow maximum minimum add_n "
        "accumulate_n truediv floordiv floormod mod=floormod squared_difference",
    },
    "graphtf.api.unary": {
        "": "abs acos acosh asin asinh atan atan2 atanh cos cosh exp floor negative round sigmoid sign sin sinh "
        "sqrt square tan tanh complex",
        "math": "abs acos acosh asin asinh atan atan2 atanh cos cosh exp floor negative round sigmoid sign sin sinh "
        "sqrt square tan tanh angle ceil conj digamma erf erfc erfcinv erfinv expm1 imag lgamma log log1p "
        "log_sigmoid ndtri real reciprocal reciprocal_no_nan rint rsqrt softplus softsign",
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
        "": "reduce_sum reduce_mean reduce_prod reduce_max reduce_min reduce_any reduce_all reduce_logsumexp "
        "argmax argmin cumsum",
        "math": "reduce_sum reduce_mean reduce_prod reduce_max reduce_min reduce_any reduce_all reduce_logsumexp "
        "argmax argmin cumsum cumprod cumulative_logsumexp reduce_variance reduce_std reduce_euclidean_norm "
        "count_nonzero zero_fraction",
        "nn": "zero_fraction",
    },
    "graphtf.api.padding": {
        "": "pad",
    },
    "graphtf.api.shaping": {
        "": "shape shape_n size rank identity identity_n stop_gradient ensure_shape reshape expand_dims squeeze "
        "transpose broadcast_to broadcast_dynamic_shape concat stack unstack split tile reverse roll "
        "reverse_sequence repeat meshgrid",
    },
    "graphtf.api.creation": {
        "": "zeros ones fill zeros_like ones_like eye range linspace=linspace_nd one_hot sequence_mask cast "
        "saturate_cast bitcast",
        "dtypes": "cast saturate_cast",
        "linalg": "eye",
    },
    "graphtf.api.selection": {
        "": "where boolean_mask gather gather_nd scatter_nd tensor_scatter_nd_update tensor_scatter_nd_add "
        "tensor_scatter_nd_sub tensor_scatter_nd_max tensor_scatter_nd_min slice strided_slice sort argsort "
        "unique unique_with_counts",
        "math": "top_k",
        "nn": "top_k",
    },
    "graphtf.api.linalg": {
        "": "matmul",
        "linalg": "matmul matvec matrix_transpose adjoint",
    },
    "graphtf.api.special": {
        "math": "bessel_i0 bessel_i0e bessel_i1 bessel_i1e betainc igamma igammac lbeta polygamma sobol_sample zeta",
        "math.special": "bessel_i0 bessel_i0e bessel_i1 bessel_i1e bessel_j0 bessel_j1 bessel_k0 bessel_k0e bessel_k1 "
        "bessel_k1e bessel_y0 bessel_y1 dawsn expint fresnel_cos fresnel_sin spence",
    },
    "graphtf.api.safe": {
        "": "scalar_mul",
        "math": "nextafter polyval scalar_mul xdivy xlog1py xlogy",
    },
    "graphtf.api.segments": {
        "math": "bincount confusion_matrix segment_max segment_mean segment_min segment_prod segment_sum "
        "unsorted_segment_max unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n "
        "unsorted_segment_sum",
    },
    "graphtf.api.clip": {
        "": "clip_by_global_norm clip_by_norm clip_by_value",
        "linalg": "global_norm",
    },
    "graphtf.api.search": {
        "": "dynamic_partition dynamic_stitch histogram_fixed_width histogram_fixed_width_bins searchsorted "
        "unravel_index",
        "math": "in_top_k invert_permutation is_non_decreasing is_strictly_increasing",
        "nn": "in_top_k",
    },
    "graphtf.api.strings": {
        "": "as_string",
        "strings": "unsorted_segment_join as_string join",
    },
    "graphtf.api.kernels": {
        "": "CriticalSection approx_top_k check_pinned conv conv2d_backprop_filter_v2 conv2d_backprop_input_v2 "
        "extract_volume_patches parallel_stack",
        "nn": "collapse_repeated",
        "random": "stateless_parameterized_truncated_normal",
    },
    "graphtf.api.ragged_fill": {
        "": "ragged_fill_empty_rows ragged_fill_empty_rows_grad",
    },
    "graphtf.api.sampled_product": {
        "sparse": "sampled_addmm",
    },
    "graphtf.data.structure": {
        "": "NoneTensorSpec",
    },
    "graphtf.api.blocks": {
        "": "batch_to_space required_space_to_batch_paddings space_to_batch space_to_batch_nd",
        "nn": "space_to_batch with_space_to_batch",
    },
    "graphtf.api.inspect": {
        "": "executing_eagerly get_current_name_scope get_static_value inside_function is_symbolic_tensor is_tensor "
        "timestamp",
        "debugging": "is_numeric_tensor",
    },
    "graphtf.api.linalg_parts": {
        "linalg": "band_part cross diag diag_part set_diag tensor_diag tensor_diag_part trace",
    },
    "graphtf.api.einsum": {
        "": "einsum tensordot",
        "linalg": "einsum tensordot",
    },
    "graphtf.api.factorize": {
        "": "eig eigvals matrix_square_root=sqrtm",
        "linalg": "cholesky det eig eigh eigh_tridiagonal eigvals eigvalsh expm inv logdet logm lu lu_matrix_inverse "
        "lu_reconstruct lu_solve qr slogdet sqrtm svd",
    },
    "graphtf.api.solve": {
        "linalg": "banded_triangular_solve cholesky_solve lstsq matrix_rank pinv solve triangular_solve "
        "tridiagonal_matmul tridiagonal_solve",
        "linalg.experimental": "conjugate_gradient",
    },
    "graphtf.api.norm": {
        "": "norm",
        "linalg": "norm normalize",
    },
    "graphtf.api.linear_operator": {
        "linalg": "LinearOperator LinearOperatorDiag LinearOperatorFullMatrix LinearOperatorHouseholder "
        "LinearOperatorIdentity LinearOperatorLowerTriangular LinearOperatorPermutation LinearOperatorScaledIdentity "
        "LinearOperatorToeplitz LinearOperatorTridiag LinearOperatorZeros",
    },
    "graphtf.api.linear_operator_composed": {
        "linalg": "LinearOperatorAdjoint LinearOperatorBlockDiag LinearOperatorBlockLowerTriangular "
        "LinearOperatorCirculant LinearOperatorCirculant2D LinearOperatorCirculant3D "
        "LinearOperatorComposition LinearOperatorInversion LinearOperatorKronecker "
        "LinearOperatorLowRankUpdate",
    },
}
