"""Names of `tf.raw_ops`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.raw": {
        "raw_ops": "Abs Add AddV2 ArgMax ArgMin Bucketize Ceil Cos Erf Exp Floor FloorDiv FloorMod Greater GreaterEqual "
        "ImageProjectiveTransformV3 IsFinite IsInf IsNan Less LessEqual Log Log1p LogicalAnd LogicalNot "
        "LogicalOr MatMul Maximum Minimum Mul Neg Pow RealDiv Rsqrt Sigmoid Sign Sin Sqrt Sub Tanh UniqueV2 "
        "UniqueWithCountsV2",
    },
}
