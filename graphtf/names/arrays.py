"""Names of `tf.experimental.numpy`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.numpy.arrays": {
        "experimental.numpy": "arange array asanyarray asarray ascontiguousarray copy diag diag_indices diagflat "
        "diagonal e empty empty_like eye finfo full full_like geomspace identity iinfo inf "
        "isscalar issubdtype ix_ linspace logspace meshgrid ndarray ndim newaxis ones "
        "ones_like pi promote_types result_type shape size tri tril triu vander zeros "
        "zeros_like",
    },
    "graphtf.api.numpy.elementwise": {
        "experimental.numpy": "abs absolute add angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh around "
        "bitwise_and bitwise_not bitwise_or bitwise_xor cbrt ceil clip conj conjugate cos "
        "cosh deg2rad divide divmod equal exp exp2 expm1 fabs fix float_power floor "
        "floor_divide gcd greater greater_equal heaviside hypot imag isclose iscomplex "
        "iscomplexobj isfinite isinf isnan isneginf isposinf isreal isrealobj lcm less "
        "less_equal log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not "
        "logical_or logical_xor maximum minimum mod multiply negative nextafter not_equal "
        "positive power rad2deg real reciprocal remainder round select sign signbit sin sinc "
        "sinh sqrt square subtract tan tanh true_divide where",
    },
    "graphtf.api.numpy.reduction": {
        "experimental.numpy": "all allclose amax amin any argmax argmin argsort array_equal average count_nonzero "
        "cumprod cumsum max mean min nanmean nanprod nansum prod ptp sort std sum trace var",
    },
    "graphtf.api.numpy.shaping": {
        "experimental.numpy": "append atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_to compress "
        "concatenate diff dsplit dstack expand_dims flatten flip fliplr flipud hsplit hstack "
        "moveaxis nonzero pad ravel repeat reshape roll rot90 split squeeze stack swapaxes "
        "take take_along_axis tile transpose vsplit vstack",
    },
    "graphtf.api.numpy.linear": {
        "experimental.numpy": "cross dot einsum inner kron matmul outer polyval tensordot vdot",
    },
    "graphtf.api.numpy.random": {
        "experimental.numpy.random": "poisson rand randint randn random seed standard_normal uniform",
    },
    "graphtf.api.numpy.types": {
        "experimental.numpy": "bool_ complex128 complex64 complex_ experimental_enable_numpy_behavior float16 float32 "
        "float64 float_ inexact int16 int32 int64 int8 int_ object_ string_ uint16 uint32 uint64 uint8 unicode_",
    },
}
