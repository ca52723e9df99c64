"""The names of operations in TensorFlow's graphs, by the names they have here.

Invariant: a name that is not in the table is written in capitals as TensorFlow writes its own. Entry point: `type_of`.
"""

from __future__ import annotations

_TABLE = (
    "add=AddV2 div=RealDiv floordiv=FloorDiv floormod=FloorMod truncdiv=TruncateDiv truncmod=TruncateMod eq=Equal "
    "ne=NotEqual lt=Less le=LessEqual gt=Greater ge=GreaterEqual isnan=IsNan isinf=IsInf isfinite=IsFinite "
    "select=SelectV2 trunc=Trunc round=Round bitwise_not=Invert shift_left=LeftShift shift_right=RightShift "
    "popcount=PopulationCount nextafter=NextAfter constant=Const dims=Shape shape_of=Shape iota=Range arange=Range "
    "broadcast=BroadcastTo pad=PadV2 concat=ConcatV2 reverse=ReverseV2 gather=GatherV2 scatter=TensorScatterUpdate "
    "reduce_sum=Sum reduce_prod=Prod reduce_max=Max reduce_min=Min reduce_any=Any reduce_all=All argmax=ArgMax "
    "argmin=ArgMin matmul=BatchMatMulV2 conv=Conv2D conv_grad_input=Conv2DBackpropInput "
    "conv_grad_filter=Conv2DBackpropFilter window_sum=AvgPool window_max=MaxPool cumulate=Cumsum top_k=TopKV2 "
    "fft=FFT ifft=IFFT rfft=RFFT irfft=IRFFT solve=MatrixSolve triangular_solve=MatrixTriangularSolve "
    "inv=MatrixInverse det=MatrixDeterminant slogdet=LogMatrixDeterminant expm=MatrixExponential "
    "logm=MatrixLogarithm sqrtm=MatrixSquareRoot eigh=SelfAdjointEigV2 nonzero=Where unique=UniqueV2 "
    "strided_slice=StridedSlice read=ReadVariableOp assign=AssignVariableOp if=If while=While "
    "call=StatefulPartitionedCall print=PrintV2 check_numerics=CheckNumericsV2 host_call=EagerPyFunc "
    "reshape_to=Reshape philox=StatelessRandomUniformV2"
)
_TYPES = dict(entry.split("=") for entry in _TABLE.split())


def type_of(name: str) -> str:
    """TensorFlow's name of an operation.

    >>> type_of("add"), type_of("log1p"), type_of("logical_and")
    ('AddV2', 'Log1p', 'LogicalAnd')
    """
    return _TYPES.get(name) or "".join(part.capitalize() for part in name.split("_"))
