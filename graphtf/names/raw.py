"""Names of `tf.raw_ops` and `tf.quantization`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.raw": {
        "raw_ops": "Abs Add AddV2 ArgMax ArgMin Bucketize Ceil Cos Erf Exp Floor FloorDiv FloorMod Greater "
        "GreaterEqual ImageProjectiveTransformV3 IsFinite IsInf IsNan Less LessEqual Log Log1p LogicalAnd LogicalNot "
        "LogicalOr MatMul Maximum Minimum Mul Neg Pow RealDiv Rsqrt Sigmoid Sign Sin Sqrt Sub Tanh UniqueV2 "
        "UniqueWithCountsV2",
    },
    "graphtf.api.raw_elementwise": {
        "raw_ops": "Acos Acosh Angle ApproximateEqual Asin Asinh Atan Atan2 Atanh BesselI0 BesselI0e BesselI1 "
        "BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK0e BesselK1 BesselK1e BesselY0 BesselY1 Betainc BitwiseAnd "
        "BitwiseOr BitwiseXor Cast ClipByValue Complex ComplexAbs Conj Cosh Dawsn Digamma DivNoNan Elu Equal "
        "Erfc Erfinv Expint Expm1 FresnelCos FresnelSin Igamma Igammac Imag Inv Invert LeakyRelu LeftShift "
        "Lgamma Mod MulNoNan Ndtri NextAfter NotEqual OnesLike Polygamma Real Reciprocal Relu Relu6 "
        "RightShift Rint Round Select SelectV2 Selu Sinh Softplus Softsign Spence Square SquaredDifference "
        "Tan TruncateDiv TruncateMod Xdivy Xlog1py Xlogy ZerosLike Zeta",
    },
    "graphtf.api.raw_arrays": {
        "raw_ops": "AddN All Any BatchToSpace BatchToSpaceND Bitcast BroadcastArgs BroadcastTo CheckNumerics "
        "CheckNumericsV2 Concat ConcatV2 Copy Cumprod Cumsum CumulativeLogsumexp DynamicPartition "
        "DynamicStitch Empty EnsureShape EuclideanNorm ExpandDims Fill Gather GatherNd GatherV2 "
        "HistogramFixedWidth Identity IdentityN InTopK InTopKV2 InvertPermutation LinSpace LowerBound Max "
        "Mean Min MirrorPad OneHot Pack Pad PadV2 ParallelDynamicStitch PlaceholderWithDefault Prod Range "
        "Rank Reshape ReverseSequence ReverseV2 Roll ScatterNd SegmentMax SegmentMean SegmentMin SegmentProd "
        "SegmentSum SegmentSumV2 Shape ShapeN Size Slice Snapshot SpaceToBatch SpaceToBatchND Split SplitV "
        "Squeeze StopGradient StridedSlice Sum TensorScatterAdd TensorScatterMax TensorScatterMin "
        "TensorScatterSub TensorScatterUpdate Tile TopK TopKV2 Transpose Unique UniqueWithCounts Unpack "
        "UnravelIndex UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum UpperBound "
        "Where",
    },
    "graphtf.api.raw_linalg": {
        "raw_ops": "BatchMatMul BatchMatMulV2 BatchMatMulV3 Cholesky Cross Diag DiagPart Einsum LogMatrixDeterminant "
        "Lu MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 "
        "MatrixDiagV2 MatrixDiagV3 MatrixExponential MatrixInverse MatrixLogarithm MatrixSetDiag "
        "MatrixSetDiagV3 MatrixSolve MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve Qr "
        "TridiagonalMatMul TridiagonalSolve",
    },
    "graphtf.api.raw_nn": {
        "raw_ops": "AvgPool AvgPool3D BiasAdd Conv2D Conv3D DepthToSpace DepthwiseConv2dNative "
        "DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput Dilation2D IsotonicRegression "
        "L2Loss LogSoftmax MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax Softmax SpaceToDepth "
        "StatelessMultinomial StatelessRandomNormal StatelessRandomUniform StatelessRandomUniformInt "
        "StatelessTruncatedNormal",
    },
    "graphtf.api.raw_gradients": {
        "raw_ops": "AvgPoolGrad BiasAddGrad BroadcastGradientArgs Conv2DBackpropFilter Conv2DBackpropInput "
        "Conv3DBackpropFilterV2 Conv3DBackpropInputV2 DataFormatDimMap DataFormatVecPermute EluGrad "
        "FusedBatchNormV3 InvGrad LeakyReluGrad MaxPoolGrad NoOp PopulationCount PreventGradient "
        "ReciprocalGrad Relu6Grad ReluGrad RsqrtGrad SelfAdjointEigV2 SeluGrad SigmoidGrad "
        "SoftmaxCrossEntropyWithLogits SoftplusGrad SoftsignGrad SparseSoftmaxCrossEntropyWithLogits SqrtGrad "
        "Svd TanhGrad",
    },
    "graphtf.api.raw_text": {
        "raw_ops": "AsString Assert DecodeBase64 DecodeCompressed DecodePaddedRaw DecodeRaw EditDistance EncodeBase64 "
        "Fingerprint MatchingFiles ParseTensor Print ReadFile ReduceJoin RegexFullMatch RegexReplace "
        "SerializeTensor StaticRegexFullMatch StaticRegexReplace StringFormat StringJoin StringLength "
        "StringLower StringSplitV2 StringStrip StringToHashBucket StringToHashBucketFast "
        "StringToHashBucketStrong StringToNumber StringUpper Substr UnicodeDecode UnicodeEncode UnicodeScript "
        "UnicodeTranscode UnsortedSegmentJoin WriteFile",
    },
    "graphtf.api.raw_images": {
        "raw_ops": "AdjustContrastv2 AdjustHue AdjustSaturation CombinedNonMaxSuppression CropAndResize DecodeBmp "
        "DecodeGif DecodeImage DecodeJpeg DecodePng DrawBoundingBoxesV2 EncodeJpeg EncodePng ExtractGlimpse "
        "ExtractImagePatches ExtractJpegShape HSVToRGB NonMaxSuppression NonMaxSuppressionV2 "
        "NonMaxSuppressionV3 NonMaxSuppressionV4 RGBToHSV ResizeBilinear ResizeNearestNeighbor",
    },
    "graphtf.api.raw_sparse": {
        "raw_ops": "Bincount DenseToDenseSetOperation ListDiff RaggedRange RaggedTensorToSparse SerializeManySparse "
        "SerializeSparse SetSize SparseAdd SparseConcat SparseDenseCwiseDiv SparseDenseCwiseMul "
        "SparseReduceMax SparseReduceSum SparseReorder SparseReshape SparseSegmentMean SparseSegmentSqrtN "
        "SparseSegmentSum SparseSlice SparseSoftmax SparseSparseMaximum SparseSparseMinimum SparseSplit "
        "SparseTensorDenseAdd SparseTensorDenseMatMul SparseToDense",
    },
    "graphtf.api.raw_resources": {
        "raw_ops": "ResourceGatherNd ResourceScatterAdd ResourceScatterMax ResourceScatterMin ResourceScatterMul "
        "ResourceScatterNdAdd ResourceScatterNdMax ResourceScatterNdMin ResourceScatterNdSub "
        "ResourceScatterNdUpdate ResourceScatterSub ResourceScatterUpdate VarIsInitializedOp VariableShape",
    },
    "graphtf.api.raw_optimizers": {
        "raw_ops": "ResourceApplyAdaMax ResourceApplyAdadelta ResourceApplyAdagrad ResourceApplyAdagradV2 "
        "ResourceApplyAdam ResourceApplyAdamWithAmsgrad ResourceApplyCenteredRMSProp "
        "ResourceApplyGradientDescent ResourceApplyKerasMomentum ResourceApplyMomentum ResourceApplyRMSProp",
    },
    "graphtf.api.raw_more": {
        "raw_ops": "AssignAddVariableOp AssignSubVariableOp AssignVariableOp CTCGreedyDecoder ConjugateTranspose "
        "Dequantize FFT FFT2D FFT3D FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars "
        "FakeQuantWithMinMaxVarsPerChannel IFFT IFFT2D IFFT3D IRFFT IRFFT2D IRFFT3D InplaceAdd InplaceSub "
        "InplaceUpdate LRN QuantizeAndDequantizeV2 QuantizeV2 RFFT RFFT2D RFFT3D RandomGamma RandomPoissonV2 "
        "RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt ReadVariableOp ResourceGather "
        "StatelessRandomBinomial StatelessRandomGammaV2 StatelessRandomPoisson Timestamp TruncatedNormal",
    },
    "graphtf.api.quantized": {
        "quantization": "dequantize quantize quantized_concat",
    },
    "graphtf.api.quantization": {
        "quantization": "fake_quant_with_min_max_args fake_quant_with_min_max_args_gradient "
        "fake_quant_with_min_max_vars fake_quant_with_min_max_vars_gradient fake_quant_with_min_max_vars_per_channel "
        "fake_quant_with_min_max_vars_per_channel_gradient quantize_and_dequantize quantize_and_dequantize_v2",
    },
}
