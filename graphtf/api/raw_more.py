"""`tf.raw_ops` of random numbers, transforms, quantisation, sequences and variables: by keyword, as kernels are named.

Invariant: each is the public function of the same meaning. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from graphtf.api import ctc, normalization, quantization, quantized, random, random_rejection, selection, signal
from graphtf.api.random_state import KernelSeeds
from graphtf.api.raw_naming import raw
from graphtf.api.shaping import transpose
from graphtf.api.unary import conj
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.ir.state import Cell
from graphtf.tensor import Tensor

GreedyResult = namedtuple("CTCGreedyDecoder", ["decoded_indices", "decoded_values", "decoded_shape", "log_probability"])

# ---- random ----------------------------------------------------------------------------------------------------------

RandomUniform = raw(
    "RandomUniform",
    lambda *, shape, dtype, seed=0, seed2=0, name=None: random.uniform(
        shape, dtype=dtype, seed=KernelSeeds(seed, seed2)
    ),
)
RandomStandardNormal = raw(
    "RandomStandardNormal",
    lambda *, shape, dtype, seed=0, seed2=0, name=None: random.normal(
        shape, dtype=dtype, seed=KernelSeeds(seed, seed2)
    ),
)
TruncatedNormal = raw(
    "TruncatedNormal",
    lambda *, shape, dtype, seed=0, seed2=0, name=None: random.truncated_normal(
        shape, dtype=dtype, seed=KernelSeeds(seed, seed2)
    ),
)
RandomShuffle = raw(
    "RandomShuffle", lambda *, value, seed=0, seed2=0, name=None: random.shuffle(value, KernelSeeds(seed, seed2))
)
RandomGamma = raw(
    "RandomGamma",
    lambda *, shape, alpha, seed=0, seed2=0, name=None: random_rejection.gamma(
        shape, alpha, dtype=convert_to_tensor(alpha).dtype, seed=KernelSeeds(seed, seed2)
    ),
)
RandomPoissonV2 = raw(
    "RandomPoissonV2",
    lambda *, shape, rate, seed=0, seed2=0, dtype=dt.int64, name=None: random_rejection.poisson(
        shape, rate, dtype, KernelSeeds(seed, seed2)
    ),
)
StatelessRandomBinomial = raw(
    "StatelessRandomBinomial",
    lambda *, shape, seed, counts, probs, dtype=dt.int64, name=None: random_rejection.stateless_binomial(
        shape, seed, counts, probs, dtype
    ),
)
StatelessRandomPoisson = raw(
    "StatelessRandomPoisson",
    lambda *, shape, seed, lam, dtype, name=None: random_rejection.stateless_poisson(shape, seed, lam, dtype),
)
StatelessRandomGammaV2 = raw(
    "StatelessRandomGammaV2",
    lambda *, shape, seed, alpha, name=None: random_rejection.stateless_gamma(
        shape, seed, alpha, dtype=convert_to_tensor(alpha).dtype
    ),
)


def RandomUniformInt(
    *, shape: Any, minval: Any, maxval: Any, seed: int = 0, seed2: int = 0, name: str | None = None
) -> Tensor:
    """Integers in [minval, maxval).

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/RandomUniformInt.
    """
    low = convert_to_tensor(minval)
    return random.uniform(shape, low, convert_to_tensor(maxval, low.dtype), low.dtype, KernelSeeds(seed, seed2))


# ---- transforms ------------------------------------------------------------------------------------------------------

FFT = raw("FFT", lambda *, input, name=None: signal.fft(input))
FFT2D = raw("FFT2D", lambda *, input, name=None: signal.fft2d(input))
FFT3D = raw("FFT3D", lambda *, input, name=None: signal.fft3d(input))
IFFT = raw("IFFT", lambda *, input, name=None: signal.ifft(input))
IFFT2D = raw("IFFT2D", lambda *, input, name=None: signal.ifft2d(input))
IFFT3D = raw("IFFT3D", lambda *, input, name=None: signal.ifft3d(input))
RFFT = raw("RFFT", lambda *, input, fft_length, Tcomplex=dt.complex64, name=None: signal.rfft(input, fft_length))
RFFT2D = raw("RFFT2D", lambda *, input, fft_length, Tcomplex=dt.complex64, name=None: signal.rfft2d(input, fft_length))
RFFT3D = raw("RFFT3D", lambda *, input, fft_length, Tcomplex=dt.complex64, name=None: signal.rfft3d(input, fft_length))
IRFFT = raw("IRFFT", lambda *, input, fft_length, Treal=dt.float32, name=None: signal.irfft(input, fft_length))
IRFFT2D = raw("IRFFT2D", lambda *, input, fft_length, Treal=dt.float32, name=None: signal.irfft2d(input, fft_length))
IRFFT3D = raw("IRFFT3D", lambda *, input, fft_length, Treal=dt.float32, name=None: signal.irfft3d(input, fft_length))
ConjugateTranspose = raw("ConjugateTranspose", lambda *, x, perm, name=None: conj(transpose(x, perm)))
LRN = raw(
    "LRN",
    lambda *, input, depth_radius=5, bias=1, alpha=1, beta=0.5, name=None: normalization.local_response_normalization(
        input, depth_radius, bias, alpha, beta
    ),
)

# ---- quantisation ----------------------------------------------------------------------------------------------------

FakeQuantWithMinMaxArgs = raw(
    "FakeQuantWithMinMaxArgs",
    lambda *, inputs, min=-6, max=6, num_bits=8, narrow_range=False, name=None: (
        quantization.fake_quant_with_min_max_args(inputs, min, max, num_bits, narrow_range)
    ),
)
FakeQuantWithMinMaxVars = raw(
    "FakeQuantWithMinMaxVars",
    lambda *, inputs, min, max, num_bits=8, narrow_range=False, name=None: quantization.fake_quant_with_min_max_vars(
        inputs, min, max, num_bits, narrow_range
    ),
)
FakeQuantWithMinMaxVarsPerChannel = raw(
    "FakeQuantWithMinMaxVarsPerChannel",
    lambda *, inputs, min, max, num_bits=8, narrow_range=False, name=None: (
        quantization.fake_quant_with_min_max_vars_per_channel(inputs, min, max, num_bits, narrow_range)
    ),
)
QuantizeAndDequantizeV2 = raw(
    "QuantizeAndDequantizeV2",
    lambda *, input, input_min, input_max, signed_input=True, num_bits=8, range_given=False,
    round_mode="HALF_TO_EVEN", narrow_range=False, axis=-1, name=None: quantization.quantize_and_dequantize_v2(
        input, input_min, input_max, signed_input, num_bits, range_given, round_mode, None, narrow_range,
        None if axis == -1 else axis,
    ),
)  # fmt: skip
QuantizeV2 = raw(
    "QuantizeV2",
    lambda *, input, min_range, max_range, T, mode="MIN_COMBINED", round_mode="HALF_AWAY_FROM_ZERO",
    narrow_range=False, axis=-1, ensure_minimum_range=0.01, name=None: quantized.quantize(
        input, min_range, max_range, T, mode, round_mode, None, narrow_range, axis, ensure_minimum_range
    ),
)  # fmt: skip
Dequantize = raw(
    "Dequantize",
    lambda *, input, min_range, max_range, mode="MIN_COMBINED", narrow_range=False, axis=-1, dtype=dt.float32,
    name=None: quantized.dequantize(input, min_range, max_range, mode, None, axis, narrow_range, dtype),
)  # fmt: skip

# ---- sequences, updates ----------------------------------------------------------------------------------------------


def CTCGreedyDecoder(
    *, inputs: Any, sequence_length: Any, merge_repeated: bool = False, blank_index: int = -1, name: str | None = None
) -> Any:
    """The likeliest labels of each step, as the parts of a sparse matrix.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/CTCGreedyDecoder.
    """
    decoded, likely = ctc.ctc_greedy_decoder(inputs, sequence_length, merge_repeated, blank_index)
    return GreedyResult(*decoded[0]._components(), likely)


InplaceAdd = raw("InplaceAdd", lambda *, x, i, v, name=None: _rows(selection.tensor_scatter_nd_add, x, i, v))
InplaceSub = raw("InplaceSub", lambda *, x, i, v, name=None: _rows(selection.tensor_scatter_nd_sub, x, i, v))
InplaceUpdate = raw("InplaceUpdate", lambda *, x, i, v, name=None: _rows(selection.tensor_scatter_nd_update, x, i, v))


def _rows(update: Any, x: Any, i: Any, v: Any) -> Tensor:
    """A tensor with some of its rows changed."""
    at = convert_to_tensor(i)
    return update(x, at[..., None], v)  # type: ignore[index,no-any-return]


def Timestamp(*, name: str | None = None) -> Tensor:
    """Seconds since 1970, float64. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/Timestamp."""
    import time

    import numpy as np

    (out,) = on_host(lambda: [np.array(time.time())], [], [dt.float64], [()])
    return out


# ---- variables -------------------------------------------------------------------------------------------------------


def _value(resource: Any, dtype: Any) -> Tensor:
    """The value of a variable, or of a variable's handle."""
    found = p.read(resource) if isinstance(resource, Cell) else convert_to_tensor(resource)
    return convert_to_tensor(found, dtype)


def _assign(resource: Any, value: Any) -> None:
    if isinstance(resource, Cell):
        p.assign(resource, convert_to_tensor(value))
    else:
        resource.assign(value)


def ReadVariableOp(*, resource: Any, dtype: Any, name: str | None = None) -> Tensor:
    """The value of a variable. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ReadVariableOp."""
    return _value(resource, dtype)


def AssignVariableOp(*, resource: Any, value: Any, validate_shape: bool = False, name: str | None = None) -> None:
    """A new value for a variable.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/AssignVariableOp.
    """
    _assign(resource, value)


def AssignAddVariableOp(*, resource: Any, value: Any, name: str | None = None) -> None:
    """Add to a variable. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/AssignAddVariableOp."""
    old = _value(resource, None)
    _assign(resource, p.add(old, convert_to_tensor(value, old.dtype)))


def AssignSubVariableOp(*, resource: Any, value: Any, name: str | None = None) -> None:
    """Subtract from a variable. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/AssignSubVariableOp."""
    old = _value(resource, None)
    _assign(resource, p.sub(old, convert_to_tensor(value, old.dtype)))


def ResourceGather(
    *, resource: Any, indices: Any, dtype: Any, batch_dims: int = 0, validate_indices: bool = True,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Rows of a variable. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceGather."""
    return selection.gather(_value(resource, dtype), indices, batch_dims=batch_dims)
