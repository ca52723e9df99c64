"""Linear algebra and Fourier transforms: what factors multiply to, gradients of what has a free phase, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import binding
from graphtf.ir.dims import floordiv, minimum, sym
from graphtf.ir.errors import InvalidArgumentError, MissingGradient
from graphtf.ir.ops import OPS
from graphtf.ir.ops.linalg import adjoint, columns, like, product
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor

from .tape import Box, Tape

WIDE = pytest.mark.parametrize("complex_part", [False, True], ids=["real", "complex"])


def matrices(*shape: int, complex_part: bool = False, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if complex_part else x


def hermitian(*shape: int, complex_part: bool = False) -> Any:
    x = matrices(*shape, complex_part=complex_part)
    return x @ np.swapaxes(x, -1, -2).conj() + np.eye(shape[-1])


# ---- factors ---------------------------------------------------------------------------------------------------------


@WIDE
@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 3), (3, 5), (0, 2, 2), (2, 0, 3)])
@pytest.mark.parametrize("full", [False, True])
def test_orthogonal_factors(complex_part: bool, shape: Any, full: bool) -> None:
    x = matrices(*shape, complex_part=complex_part)
    q, r = OPS["qr"].ref(x, full_matrices=full)
    np.testing.assert_allclose(q @ r, x, atol=1e-12)
    np.testing.assert_allclose(np.swapaxes(q, -1, -2).conj() @ q, np.broadcast_to(np.eye(q.shape[-1]), (
        *shape[:-2], q.shape[-1], q.shape[-1])), atol=1e-12)  # fmt: skip
    s, u, v = OPS["svd"].ref(x, full_matrices=full, compute_uv=True)
    k = s.shape[-1]
    np.testing.assert_allclose((u[..., :k] * s[..., None, :]) @ np.swapaxes(v[..., :k], -1, -2).conj(), x, atol=1e-12)
    assert (u.shape[-1], v.shape[-1]) == ((shape[-2], shape[-1]) if full else (k, k))
    (alone,) = OPS["svd"].ref(x, full_matrices=full, compute_uv=False)
    np.testing.assert_allclose(alone, s, atol=1e-12)


@WIDE
def test_other_factors(complex_part: bool) -> None:
    a, x = hermitian(2, 4, 4, complex_part=complex_part), matrices(2, 4, 4, complex_part=complex_part)
    lower = OPS["cholesky"].ref(a)
    np.testing.assert_allclose(lower @ np.swapaxes(lower, -1, -2).conj(), a, atol=1e-12)
    w, v = OPS["eigh"].ref(a, vectors=True)
    np.testing.assert_allclose((v * w[..., None, :]) @ np.swapaxes(v, -1, -2).conj(), a, atol=1e-12)
    w, v = OPS["eig"].ref(x, vectors=True)
    np.testing.assert_allclose(x @ v, v * w[..., None, :], atol=1e-12)
    packed, order = OPS["lu"].ref(x, dtype=dt.int32)
    both = (np.tril(packed, -1) + np.eye(4)) @ np.triu(packed)
    np.testing.assert_allclose(both, np.take_along_axis(x, order[..., None], -2), atol=1e-12)


def test_only_the_lower_triangle_is_read() -> None:
    a = hermitian(3, 3)
    other = a + np.triu(np.ones((3, 3)), 1)
    np.testing.assert_array_equal(OPS["cholesky"].ref(other), OPS["cholesky"].ref(a))
    np.testing.assert_array_equal(OPS["eigh"].ref(other, vectors=False), OPS["eigh"].ref(a, vectors=False))
    b = matrices(3, 1)
    for lower in (True, False):
        other = a + (np.triu if lower else np.tril)(np.full((3, 3), 9.0), 1 if lower else -1)
        expected = OPS["triangular_solve"].ref(a, b, lower=lower, adjoint=False)
        np.testing.assert_array_equal(OPS["triangular_solve"].ref(other, b, lower=lower, adjoint=False), expected)


def test_functions_of_matrices() -> None:
    a = hermitian(2, 3, 3)
    root = OPS["sqrtm"].ref(a)
    np.testing.assert_allclose(root @ root, a, atol=1e-12)
    np.testing.assert_allclose(OPS["expm"].ref(OPS["logm"].ref(a.astype(complex))), a, atol=1e-12)


def test_determinants() -> None:
    x = matrices(4, 3, 3, complex_part=True)
    sign, size = OPS["slogdet"].ref(x)
    np.testing.assert_allclose(sign * np.exp(size), OPS["det"].ref(x), atol=1e-12)
    assert sign.dtype == np.complex128 and size.dtype == np.float64
    sign, size = OPS["slogdet"].ref(np.zeros((2, 2), np.float32))
    assert sign == 0 and size == -np.inf and size.dtype == np.float32


# ---- gradients that no sample covers ---------------------------------------------------------------------------------

STEP = 1e-6


def check(f: Callable[[Any], Any], x: Any, symmetric: bool = False) -> None:
    """The gradient of Re Σ conj(c) f(x), for a fixed c, against its difference."""
    rng = np.random.default_rng(9)

    def run(a: Any) -> tuple[Tape, Box, Any]:
        tape, box = Tape(), Box(a)
        with binding(tape):
            out = f(box)
        return tape, box, out

    tape, box, out = run(x)
    c = rng.normal(size=out.array.shape) + (1j * rng.normal(size=out.array.shape) if out.array.dtype.kind == "c" else 0)
    (g,) = tape.gradient([out], [Box(c.astype(out.array.dtype))], [box])
    assert g is not None and g.array.dtype == x.dtype

    def value(a: Any) -> float:
        return float(np.sum(np.conj(c) * run(a)[2].array).real)

    for _ in range(3):
        v = rng.normal(size=x.shape) + (1j * rng.normal(size=x.shape) if x.dtype.kind == "c" else 0)
        v = v + np.swapaxes(v, -1, -2).conj() if symmetric else v
        expected = (value(x + STEP * v) - value(x - STEP * v)) / (2 * STEP)
        np.testing.assert_allclose(np.sum(np.conj(g.array) * v).real, expected, rtol=2e-5, atol=2e-7)


@WIDE
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2)])
def test_gradient_of_singular_vectors(complex_part: bool, shape: Any) -> None:
    def cubed(x: Any) -> Any:
        s, u, v = p.svd(x, full_matrices=False, compute_uv=True)
        return product(p.mul(u, like(columns(p.mul(s, p.mul(s, s))), u)), adjoint(v))

    check(cubed, matrices(*shape, complex_part=complex_part))


@WIDE
def test_gradient_of_eigenvectors(complex_part: bool) -> None:
    def power(x: Any) -> Any:
        w, v = p.eigh(x, vectors=True)
        return product(p.mul(v, like(columns(p.exp(w)), v)), adjoint(v))

    def power_of_any(x: Any) -> Any:
        w, v = p.eig(x, vectors=True)
        return product(p.mul(v, columns(p.exp(w))), p.inv(v))

    check(power, hermitian(3, 3, complex_part=complex_part), symmetric=True)
    check(power_of_any, matrices(3, 3, complex_part=complex_part))


@WIDE
def test_gradient_of_cholesky_is_hermitian(complex_part: bool) -> None:
    a = hermitian(2, 3, 3, complex_part=complex_part)
    check(lambda x: p.cholesky(x), a, symmetric=True)
    tape, box = Tape(), Box(a)
    (out,) = tape.apply(OPS["cholesky"], [box], {})
    (g,) = tape.gradient([out], [Box(matrices(2, 3, 3, complex_part=complex_part, seed=3))], [box])
    assert g is not None
    np.testing.assert_allclose(g.array, np.swapaxes(g.array, -1, -2).conj(), atol=1e-14)


def test_gradients_that_do_not_exist_say_so() -> None:
    x = Box(matrices(4, 2))
    for name, attrs in (("qr", {}), ("svd", {"compute_uv": True})):
        tape = Tape()
        outs = tape.apply(OPS[name], [x], {"full_matrices": True, **attrs})
        with pytest.raises(MissingGradient, match=name):
            tape.gradient(outs, [Box(np.ones(o.array.shape)) for o in outs], [x])


def test_equal_eigenvalues_give_finite_gradients() -> None:
    tape, x = Tape(), Box(np.eye(3))
    outs = tape.apply(OPS["eigh"], [x], {"vectors": True})
    (g,) = tape.gradient(outs, [Box(np.ones(o.array.shape)) for o in outs], [x])
    assert g is not None and np.isfinite(g.array).all()


# ---- refusals and types ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "operands", "attrs", "message"),
    [
        ("inv", [np.zeros((2, 2))], {}, "inv: Input is not invertible."),
        ("solve", [np.ones((2, 2)), np.ones((2, 1))], {"adjoint": False}, "solve: Input matrix is not invertible."),
        (
            "triangular_solve", [np.tril(np.ones((2, 2)), -1), np.ones((2, 1))], {"adjoint": False, "lower": True},
            "triangular_solve: Input matrix is not invertible.",
        ),
        ("lu", [np.zeros((2, 2))], {"dtype": dt.int32}, "lu: Input is not invertible."),
        ("logm", [np.zeros((2, 2), complex)], {}, "logm: Input is not valid."),
        ("expm", [np.full((2, 2), np.nan)], {}, "expm: Input is not valid."),
        ("svd", [np.full((2, 2), np.nan)], {"full_matrices": True, "compute_uv": True}, "svd: SVD did not converge"),
    ],
)  # fmt: skip
def test_refusals(name: str, operands: Any, attrs: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        OPS[name].ref(*operands, **attrs)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("dtype", [dt.float16, dt.bfloat16], ids=lambda d: d.short)
def test_narrow_floats_go_through_single_precision(dtype: dt.DType) -> None:
    a = hermitian(3, 3).astype(dtype.np)
    wide = a.astype(np.float32)
    assert OPS["inv"].ref(a).tobytes() == OPS["inv"].ref(wide).astype(dtype.np).tobytes()
    w, v = OPS["eigh"].ref(a, vectors=True)
    assert w.dtype == v.dtype == dtype.np
    assert OPS["eig"].ref(a, vectors=False)[0].dtype == np.complex64


def test_types() -> None:
    n, m = sym("n"), sym("m")
    x = tensor("complex64", 2, n, m)
    k = minimum(n, m)
    assert OPS["svd"].infer(x, full_matrices=False, compute_uv=True) == (
        tensor("float32", 2, k), tensor("complex64", 2, n, k), tensor("complex64", 2, m, k)
    )  # fmt: skip
    assert OPS["qr"].infer(x, full_matrices=True) == (tensor("complex64", 2, n, n), x)
    square = tensor("float32", n, 3, 3)
    assert OPS["eig"].infer(square, vectors=False) == (tensor("complex64", n, 3),)
    assert OPS["slogdet"].infer(square) == (tensor("float32", n), tensor("float32", n))
    assert OPS["lu"].infer(square, dtype=dt.int64) == (square, tensor("int64", n, 3))
    assert OPS["solve"].infer(tensor("float32", 3, 3), tensor("float32", n, 3, 1), adjoint=False) == tensor(
        "float32", n, 3, 1
    )


# ---- Fourier transforms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 3, 4)])
def test_transforms_are_the_sums_they_say(shape: Any) -> None:
    x = matrices(*shape, complex_part=True)
    rank = len(shape)
    expected = np.zeros(shape, complex)
    for k in np.ndindex(*shape):
        for j in np.ndindex(*shape):
            expected[k] += x[j] * np.exp(-2j * np.pi * sum(a * b / n for a, b, n in zip(j, k, shape)))
    np.testing.assert_allclose(OPS["fft"].ref(x, rank=rank), expected, atol=1e-10)
    np.testing.assert_allclose(OPS["ifft"].ref(expected, rank=rank), x, atol=1e-12)
    half = OPS["rfft"].ref(x.real.copy(), rank=rank)
    np.testing.assert_allclose(half, np.fft.fftn(x.real)[..., : shape[-1] // 2 + 1], atol=1e-10)
    np.testing.assert_allclose(OPS["irfft"].ref(half, rank=rank, length=shape[-1]), x.real, atol=1e-12)


def test_precision_and_sizes_of_transforms() -> None:
    n = sym("n")
    assert OPS["fft"].ref(np.ones(4, np.complex64), rank=1).dtype == np.complex64
    assert OPS["rfft"].ref(np.ones(4, np.float32), rank=1).dtype == np.complex64
    assert OPS["irfft"].ref(np.ones(3, np.complex64), rank=1, length=4).dtype == np.float32
    assert OPS["rfft"].infer(tensor("float32", 3, n), rank=1) == tensor("complex64", 3, floordiv(n, 2) + 1)
    half = tensor("complex64", 3, floordiv(n, 2) + 1)
    assert OPS["irfft"].infer(half, rank=2, length=n) == tensor("float32", 3, n)


def test_no_cholesky_factor_is_nan() -> None:
    x = np.stack([np.eye(2), [[1.0, 2.0], [2.0, 1.0]]])
    np.testing.assert_array_equal(OPS["cholesky"].ref(x), [np.eye(2), [[np.nan, 0], [np.nan, np.nan]]])
