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
}
