"""Names of `tf.raw_ops` and `tf.quantization`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.raw": {
        "raw_ops": "Abs Add AddV2 ArgMax ArgMin Bucketize Ceil Cos Erf Exp Floor FloorDiv FloorMod Greater "
        "GreaterEqual ImageProjectiveTransformV3 IsFinite IsInf IsNan Less LessEqual Log Log1p LogicalAnd LogicalNot "
        "LogicalOr MatMul Maximum Minimum Mul Neg Pow RealDiv Rsqrt Sigmoid Sign Sin Sqrt Sub Tanh UniqueV2 "
        "UniqueWithCountsV2",
    },
    "graphtf.api.quantization": {
        "quantization": "fake_quant_with_min_max_args fake_quant_with_min_max_args_gradient "
        "fake_quant_with_min_max_vars fake_quant_with_min_max_vars_gradient fake_quant_with_min_max_vars_per_channel "
        "fake_quant_with_min_max_vars_per_channel_gradient quantize_and_dequantize quantize_and_dequantize_v2",
    },
}
