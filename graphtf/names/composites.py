"""Functions that take sparse or ragged tensors too: for each file of graphtf/api, what its functions do with them.

`values`: apply to the values; a digit: broadcast so many arguments; else `module:function` of graphtf/api that takes
the call, with what it is made with after a space (see graphtf/dispatch.py). Entry point: `KINDS`.
"""

from __future__ import annotations

_TABLE: dict[str, dict[str, str]] = {
    "unary": {
        "values": "abs acos acosh angle asin asinh atan atanh ceil conj cos cosh digamma erf erfc erfinv exp expm1 "
        "floor imag lgamma log log1p log_sigmoid ndtri negative real reciprocal "
        "reciprocal_no_nan rint round rsqrt sigmoid sign sin sinh softplus softsign sqrt square tan tanh",
        "2": "atan2 complex",
    },
    "arithmetic": {
        "2": "add subtract multiply divide truediv realdiv div_no_nan floordiv floormod truncatediv truncatemod "
        "multiply_no_nan maximum minimum pow squared_difference",
    },
    "compare": {
        "2": "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor bitwise_and "
        "bitwise_or bitwise_xor left_shift right_shift",
        "values": "logical_not invert is_finite is_inf is_nan",
    },
    "safe": {"2": "nextafter xdivy xlog1py xlogy"},
    "activation": {"values": "relu relu6 leaky_relu elu selu gelu silu"},
    "clip": {"values": "clip_by_value"},
    "debugging": {"values": "check_numerics"},
    "creation": {
        "values": "zeros_like ones_like saturate_cast one_hot",
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
        "ragged_shape:ragged_shape": "shape",
    },
    "selection": {
        "ragged_index:ragged_gather": "gather",
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
    },
    "random": {"values": "dropout"},
    "strings": {"values": "as_string", "ragged_math:joined_strings": "join"},
    "string_parts": {"values": "length lower strip substr to_number upper"},
    "string_regex": {"values": "regex_full_match regex_replace"},
    "string_hash": {"values": "to_hash_bucket to_hash_bucket_fast to_hash_bucket_strong"},
    "string_unicode": {"values": "unicode_transcode"},
}

KINDS: dict[tuple[str, str], str] = {
    (f"graphtf.api.{home}", name): kind
    for home, kinds in _TABLE.items()
    for kind, names in kinds.items()
    for name in names.split()
}
