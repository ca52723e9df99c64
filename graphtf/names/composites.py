"""Functions that take sparse or ragged tensors too: for each file of graphtf/api, what its functions do with them.

`values`: apply to the values, of sparse tensors too; `ragged`: to those of ragged ones only; a digit: broadcast so many
arguments; else `module:function` of graphtf/api that takes the call, with what it is made with after a space (see
graphtf/dispatch.py). Entry point: `KINDS`.
"""

from __future__ import annotations

_TABLE: dict[str, dict[str, str]] = {
    "unary": {
        "values": "abs asin asinh atan atanh erf negative sign sin sqrt square tan tanh",
        "ragged": "acos acosh angle ceil conj cos cosh digamma erfc erfinv exp expm1 floor imag lgamma log log1p "
        "log_sigmoid ndtri real reciprocal reciprocal_no_nan rint round rsqrt sigmoid sinh softplus softsign",
        "2": "atan2 complex",
    },
    "arithmetic": {
        "ragged_sums:ragged_add_n": "add_n",
        "2": "add subtract multiply divide truediv realdiv div_no_nan floordiv floormod truncatediv truncatemod "
        "multiply_no_nan maximum minimum pow squared_difference",
    },
    "compare": {
        "2": "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor bitwise_and "
        "bitwise_or bitwise_xor left_shift right_shift",
        "ragged": "logical_not invert is_finite is_inf is_nan",
    },
    "safe": {"2": "nextafter xdivy xlog1py xlogy"},
    "activation": {"ragged": "relu relu6 leaky_relu elu selu gelu silu", "ragged_sums:ragged_softmax": "softmax"},
    "losses": {"2": "sigmoid_cross_entropy_with_logits"},
    "normalization": {"ragged_sums:ragged_moments": "moments"},
    "clip": {"ragged": "clip_by_value"},
    "debugging": {"ragged": "check_numerics"},
    "creation": {
        "ragged": "zeros_like ones_like saturate_cast one_hot bitcast",
        "ragged_dynamic:ragged_zeros": "zeros",
        "ragged_dynamic:ragged_ones": "ones",
        "ragged_dynamic:ragged_fill": "fill",
    },
    "linalg": {"ragged_sums:ragged_matmul": "matmul"},
    "search": {"ragged_parts:ragged_dynamic_partition": "dynamic_partition"},
    "segments": {
        "ragged_sums:segments_of unsorted_segment": "unsorted_segment_sum unsorted_segment_prod unsorted_segment_max "
        "unsorted_segment_min unsorted_segment_mean unsorted_segment_sqrt_n",
    },
    "shaping": {
        "ragged_shape:ragged_expand_dims": "expand_dims",
        "ragged_shape:ragged_squeeze": "squeeze",
        "ragged_shape:ragged_concat": "concat",
        "ragged_shape:ragged_stack": "stack",
        "ragged_shape:ragged_tile": "tile",
        "ragged_shape:ragged_reverse": "reverse",
        "ragged_shape:ragged_size": "size",
        "ragged_shape:ragged_rank_of": "rank",
        "ragged_dynamic:ragged_shape": "shape",
        "ragged_parts:ragged_reshape": "reshape",
        "ragged_dynamic:ragged_broadcast_to": "broadcast_to",
        "ragged_parts:ragged_split": "split",
    },
    "selection": {
        "ragged_index:ragged_gather": "gather",
        "ragged_parts:ragged_gather_nd": "gather_nd",
        "ragged:where": "where",
    },
    "reduce": {
        "ragged_math:reduced sum": "reduce_sum",
        "ragged_math:reduced prod": "reduce_prod",
        "ragged_math:reduced max": "reduce_max",
        "ragged_math:reduced min": "reduce_min",
        "ragged_math:reduced_mean": "reduce_mean",
        "ragged_math:reduced_variance": "reduce_variance",
        "ragged_math:reduced_std": "reduce_std",
        "ragged_math:reduced_all": "reduce_all",
        "ragged_math:reduced_any": "reduce_any",
        "ragged_sums:ragged_logsumexp": "reduce_logsumexp",
        "ragged_sums:ragged_cumsum": "cumsum",
    },
    "random": {"ragged": "dropout"},
    "strings": {"ragged": "as_string", "ragged_math:joined_strings": "join"},
    "string_parts": {"ragged": "length lower strip substr to_number upper"},
    "string_regex": {"ragged": "regex_full_match regex_replace"},
    "string_hash": {"ragged": "to_hash_bucket to_hash_bucket_fast to_hash_bucket_strong"},
    "string_unicode": {"ragged": "unicode_transcode unicode_script"},
    "files.tensors": {"ragged": "encode_base64 decode_base64"},
    "files.whole": {"ragged": "decode_compressed"},
}

KINDS: dict[tuple[str, str], str] = {
    (f"graphtf.{home}" if home.startswith("files.") else f"graphtf.api.{home}", name): kind
    for home, kinds in _TABLE.items()
    for kind, names in kinds.items()
    for name in names.split()
}
