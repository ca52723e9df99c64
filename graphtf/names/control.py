"""Names of control flow, debugging and calls of Python."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.control": {
        "": "cond case switch_case group no_op tuple=tuple_ guarantee_const",
    },
    "graphtf.api.loops": {
        "": "while_loop",
    },
    "graphtf.api.mapping": {
        "": "map_fn vectorized_map scan foldl foldr",
    },
    "graphtf.tensor_array": {
        "": "TensorArray TensorArraySpec",
    },
    "graphtf.api.debugging": {
        "": "Assert assert_equal assert_greater assert_less",
        "debugging": "Assert assert_all_finite assert_equal assert_greater assert_greater_equal assert_integer "
        "assert_less assert_less_equal assert_near assert_negative assert_non_negative "
        "assert_non_positive assert_none_equal assert_positive assert_proper_iterable "
        "assert_same_float_dtype assert_type check_numerics",
    },
    "graphtf.api.assert_shape": {
        "": "assert_rank",
        "debugging": "assert_rank assert_rank_at_least assert_rank_in assert_scalar assert_shapes",
    },
    "graphtf.api.custom": {
        "": "custom_gradient recompute_grad grad_pass_through",
    },
    "graphtf.api.gradients": {
        "": "gradients hessians AggregationMethod",
    },
    "graphtf.api.python": {
        "": "py_function numpy_function",
    },
    "graphtf.api.printing": {
        "": "print=print_",
    },
}
