"""Kinds of `LinearOperator` that are made of others: adjoints, inverses, products, blocks, Kronecker products, updates;
and circulant matrices.

Invariant: as in graphtf/api/linear_operator.py. Entry points: the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.api.factorize import slogdet
from graphtf.api.fourier import along
from graphtf.api.linalg import matmul, matrix_transpose
from graphtf.api.linalg_parts import diag
from graphtf.api.linear_operator import LinearOperator, LinearOperatorDiag, LinearOperatorIdentity
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.tensor import Tensor


def _all_say(operators: Sequence[LinearOperator], hint: str) -> bool | None:
    return True if all(getattr(o, hint) for o in operators) else None


class LinearOperatorAdjoint(LinearOperator):
    """The conjugate transpose of an operator."""

    def __init__(
        self, operator: LinearOperator, is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        self.operator = operator
        hints = (is_non_singular, is_self_adjoint, is_positive_definite, is_square)
        own = (operator.is_non_singular, operator.is_self_adjoint, operator.is_positive_definite, operator.is_square)
        merged = [b if a is None else a for a, b in zip(hints, own)]
        super().__init__(operator.dtype, None, *merged, name or f"{operator.name}_adjoint")

    def _dense(self) -> Tensor:
        return matrix_transpose(self.operator.to_dense(), conjugate=True)

    def _apply(self, x: Tensor, adjoint: bool) -> Tensor:
        return self.operator.matmul(x, adjoint=not adjoint)  # type: ignore[no-any-return]

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return self.operator.solve(rhs, adjoint=not adjoint)  # type: ignore[no-any-return]

    def adjoint(self, name: str = "adjoint") -> LinearOperator:
        return self.operator


class LinearOperatorInversion(LinearOperator):
    """The inverse of an operator."""

    def __init__(
        self, operator: LinearOperator, is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        if is_non_singular is False or operator.is_non_singular is False:
            raise ValueError("operator and supplied hints must have `is_non_singular=True` or `None`")
        self.operator = operator
        symmetric = operator.is_self_adjoint if is_self_adjoint is None else is_self_adjoint
        definite = operator.is_positive_definite if is_positive_definite is None else is_positive_definite
        super().__init__(operator.dtype, None, True, symmetric, definite, True, name or f"{operator.name}_inv")

    def _dims(self) -> tuple[Dim, ...]:
        return self.operator._dims()

    def _dense(self) -> Tensor:
        return self.operator.solve(diag(p.broadcast(convert_to_tensor(1, self.dtype), shape=self._dims()[-1:])))  # type: ignore[no-any-return]

    def _apply(self, x: Tensor, adjoint: bool) -> Tensor:
        return self.operator.solve(x, adjoint=adjoint)  # type: ignore[no-any-return]

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        return self.operator.matmul(rhs, adjoint=adjoint)  # type: ignore[no-any-return]

    def _signed(self) -> tuple[Tensor, Tensor]:
        sign, log = self.operator._signed()
        return sign, p.neg(log)

    def inverse(self, name: str = "inverse") -> LinearOperator:
        return self.operator


class _OfSeveral(LinearOperator):
    """An operator made of a list of others."""

    def __init__(
        self, operators: Sequence[LinearOperator], is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        self.operators = list(operators)
        if not self.operators:
            raise ValueError("Expected a non-empty list of operators. Found: []")
        dtype = self.operators[0].dtype
        for o in self.operators:
            if o.dtype is not dtype:
                raise TypeError(
                    f"Expected all operators to have the same dtype, got {[x.dtype.name for x in operators]}"
                )
        given = _all_say(self.operators, "is_non_singular") if is_non_singular is None else is_non_singular
        super().__init__(dtype, None, given, is_self_adjoint, is_positive_definite, is_square, name)

    def _signed_total(self, powers: Sequence[Any] | None = None) -> tuple[Tensor, Tensor]:
        """Sign and logarithm of the product of determinants."""
        pairs = [o._signed() for o in self.operators]
        sign, log = pairs[0]
        for s, g in pairs[1:]:
            sign, log = p.mul(sign, s), p.add(log, g)
        return sign, log


class LinearOperatorComposition(_OfSeveral):
    """The product of operators."""

    def _dense(self) -> Tensor:
        out = self.operators[-1].to_dense()
        for o in self.operators[-2::-1]:
            out = o.matmul(out)
        return out

    def _apply(self, x: Tensor, adjoint: bool) -> Tensor:
        for o in self.operators if adjoint else reversed(self.operators):
            x = o.matmul(x, adjoint=adjoint)
        return x

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        for o in reversed(self.operators) if adjoint else self.operators:
            rhs = o.solve(rhs, adjoint=adjoint)
        return rhs

    def _signed(self) -> tuple[Tensor, Tensor]:
        square = all(o.is_square for o in self.operators)
        return self._signed_total() if square else tuple(slogdet(self._dense()))  # type: ignore[return-value]


def _beside(parts: Sequence[Tensor], axis: int) -> Tensor:
    return p.concat(*parts, axis=axis) if len(parts) > 1 else parts[0]


def _zeros(lead: tuple[Dim, ...], rows: Dim, columns: Dim, dtype: dt.DType) -> Tensor:
    return p.broadcast(convert_to_tensor(0, dtype), shape=(*lead, rows, columns))


class LinearOperatorBlockDiag(_OfSeveral):
    """Operators as blocks on the diagonal."""

    def __init__(
        self, operators: Sequence[LinearOperator], is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = True, name: str | None = None,
    ) -> None:  # fmt: skip
        symmetric = _all_say(operators, "is_self_adjoint") if is_self_adjoint is None else is_self_adjoint
        definite = _all_say(operators, "is_positive_definite") if is_positive_definite is None else is_positive_definite
        super().__init__(operators, is_non_singular, symmetric, definite, is_square, name)

    def _dense(self) -> Tensor:
        blocks = [o.to_dense() for o in self.operators]
        lead = blocks[0].ir_type.dims[:-2]
        rank = len(lead) + 2
        rows = []
        for i, block in enumerate(blocks):
            height = block.ir_type.dims[-2]
            parts = [
                block if i == j else _zeros(lead, height, b.ir_type.dims[-1], self.dtype) for j, b in enumerate(blocks)
            ]
            rows.append(_beside(parts, rank - 1))
        return _beside(rows, rank - 2)

    def _signed(self) -> tuple[Tensor, Tensor]:
        return self._signed_total()


class LinearOperatorBlockLowerTriangular(LinearOperator):
    """Rows of operators: row i has i + 1 blocks."""

    def __init__(
        self, operators: Sequence[Sequence[LinearOperator]], is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str = "LinearOperatorBlockLowerTriangular",
    ) -> None:  # fmt: skip
        self.operators = [list(row) for row in operators]
        if not self.operators or any(len(row) != k + 1 for k, row in enumerate(self.operators)):
            raise ValueError("The `i`-th row of `operators` must contain `i + 1` blocks.")
        super().__init__(
            self.operators[0][0].dtype, None, is_non_singular, is_self_adjoint, is_positive_definite, is_square, name
        )

    def _dense(self) -> Tensor:
        last = [o.to_dense() for o in self.operators[-1]]
        rank = len(last[0].ir_type.dims)
        rows = []
        for row in self.operators:
            blocks = [o.to_dense() for o in row]
            lead, height = blocks[0].ir_type.dims[:-2], blocks[0].ir_type.dims[-2]
            blocks += [_zeros(lead, height, b.ir_type.dims[-1], self.dtype) for b in last[len(blocks) :]]
            rows.append(_beside(blocks, rank - 1))
        return _beside(rows, rank - 2)


class LinearOperatorKronecker(_OfSeveral):
    """The Kronecker product of operators."""

    def __init__(
        self, operators: Sequence[LinearOperator], is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        symmetric = _all_say(operators, "is_self_adjoint") if is_self_adjoint is None else is_self_adjoint
        definite = _all_say(operators, "is_positive_definite") if is_positive_definite is None else is_positive_definite
        super().__init__(operators, is_non_singular, symmetric, definite, is_square, name)

    def _dense(self) -> Tensor:
        out = self.operators[0].to_dense()
        for o in self.operators[1:]:
            out = _kronecker(out, o.to_dense())
        return out


def _kronecker(a: Tensor, b: Tensor) -> Tensor:
    (m, n), (k, j) = a.ir_type.dims[-2:], b.ir_type.dims[-2:]
    wide = p.mul(
        p.reshape(a, shape=(*a.ir_type.dims[:-2], m, 1, n, 1)), p.reshape(b, shape=(*b.ir_type.dims[:-2], 1, k, 1, j))
    )
    return p.reshape(wide, shape=(*wide.ir_type.dims[:-4], m * k, n * j))


class LinearOperatorLowRankUpdate(LinearOperator):
    """L + u D vᴴ, for a base operator L, a diagonal D and matrices of few columns."""

    def __init__(
        self, base_operator: LinearOperator, u: Any, diag_update: Any = None, v: Any = None,
        is_diag_update_positive: Any = None, is_non_singular: Any = None, is_self_adjoint: Any = None,
        is_positive_definite: Any = None, is_square: Any = None, name: str = "LinearOperatorLowRankUpdate",
    ) -> None:  # fmt: skip
        self.base_operator = base_operator
        self.u = convert_to_tensor(u, base_operator.dtype)
        self.v = self.u if v is None else convert_to_tensor(v, base_operator.dtype)
        self.diag_update = None if diag_update is None else convert_to_tensor(diag_update, base_operator.dtype)
        rank = self.u.shape[-1]
        self.diag_operator: LinearOperator = (
            LinearOperatorIdentity(rank, dtype=base_operator.dtype) if self.diag_update is None
            else LinearOperatorDiag(self.diag_update, is_positive_definite=is_diag_update_positive)
        )  # fmt: skip
        symmetric = v is None and base_operator.is_self_adjoint
        super().__init__(
            base_operator.dtype, None, is_non_singular, symmetric or is_self_adjoint, is_positive_definite,
            base_operator.is_square if is_square is None else is_square, name,
        )  # fmt: skip

    def _dims(self) -> tuple[Dim, ...]:
        return self.base_operator._dims()

    def _dense(self) -> Tensor:
        return p.add(self.base_operator.to_dense(), matmul(self.u, self.diag_operator.matmul(self.v, adjoint_arg=True)))

    def _apply(self, x: Tensor, adjoint: bool) -> Tensor:
        u, v = (self.v, self.u) if adjoint else (self.u, self.v)
        inner = self.diag_operator.matmul(matmul(v, x, adjoint_a=True), adjoint=adjoint)
        return p.add(self.base_operator.matmul(x, adjoint=adjoint), matmul(u, inner))

    def _capacitance(self) -> Tensor:
        """D⁻¹ + vᴴ L⁻¹ u"""
        inner = matmul(self.v, self.base_operator.solve(self.u), adjoint_a=True)
        return p.add(self.diag_operator.inverse().to_dense(), inner)

    def _signed(self) -> tuple[Tensor, Tensor]:
        sign, log = tuple(slogdet(self._capacitance()))
        for part in (self.diag_operator, self.base_operator):
            s, g = part._signed()
            sign, log = p.mul(sign, s), p.add(log, g)
        return sign, log


class _Circulant(LinearOperator):
    """A matrix that discrete Fourier transforms of `axes` axes diagonalise."""

    axes = 1

    def __init__(
        self, spectrum: Any, input_output_dtype: Any = dt.complex64, is_non_singular: Any = None,
        is_self_adjoint: Any = None, is_positive_definite: Any = None, is_square: Any = True, name: str | None = None,
    ) -> None:  # fmt: skip
        s = convert_to_tensor(spectrum)
        if not s.dtype.is_complex:
            s = p.cast(s, dtype=dt.complex128 if s.dtype is dt.float64 else dt.complex64)
        self.spectrum = s
        super().__init__(
            as_dtype(input_output_dtype), None, is_non_singular, is_self_adjoint, is_positive_definite, True, name
        )

    def _grid(self) -> tuple[Dim, ...]:
        return self.spectrum.ir_type.dims[-self.axes :]

    def _dims(self) -> tuple[Dim, ...]:
        size: Dim = 1
        for d in self._grid():
            size = size * d
        return (*self.spectrum.ir_type.dims[: -self.axes], size, size)

    def _dense(self) -> Tensor:
        size = self._dims()[-1]
        return self._apply(diag(p.broadcast(convert_to_tensor(1, self.dtype), shape=(size,))), False)

    def _filtered(self, x: Tensor, spectrum: Tensor) -> Tensor:
        """x, [… rows, columns], its columns filtered by a spectrum."""
        *lead, rows, columns = x.ir_type.dims
        wide = x if x.dtype is spectrum.dtype else p.cast(x, dtype=spectrum.dtype)
        flat = p.reshape(
            p.transpose(wide, perm=(*range(len(lead)), len(lead) + 1, len(lead))), shape=(*lead, columns, *self._grid())
        )
        places = tuple(range(len(flat.ir_type.dims) - self.axes, len(flat.ir_type.dims)))
        spectrum = p.reshape(spectrum, shape=(*spectrum.ir_type.dims[: -self.axes], 1, *self._grid()))
        found = p.mul(_transformed(flat, places, False), spectrum)
        made = _transformed(found, places, True)
        made = p.reshape(made, shape=(*made.ir_type.dims[: -self.axes], rows))
        rank = len(made.ir_type.dims)
        out = p.transpose(made, perm=(*range(rank - 2), rank - 1, rank - 2))
        if self.dtype.is_complex:
            return out if out.dtype is self.dtype else p.cast(out, dtype=self.dtype)
        real = p.real(out)
        return real if real.dtype is self.dtype else p.cast(real, dtype=self.dtype)

    def _apply(self, x: Tensor, adjoint: bool) -> Tensor:
        return self._filtered(x, p.conj(self.spectrum) if adjoint else self.spectrum)

    def _solved(self, rhs: Tensor, adjoint: bool) -> Tensor:
        s = p.conj(self.spectrum) if adjoint else self.spectrum
        return self._filtered(rhs, p.div(scalar_like(s, 1), s))

    def determinant(self, name: str = "det") -> Tensor:
        axes = tuple(range(len(self.spectrum.ir_type.dims) - self.axes, len(self.spectrum.ir_type.dims)))
        out = p.reduce_prod(self.spectrum, axes=axes)
        return p.cast(out if self.dtype.is_complex else p.real(out), dtype=self.dtype)


def _transformed(x: Tensor, axes: tuple[int, ...], inverse: bool) -> Tensor:
    """The discrete Fourier transform along axes."""
    return along(x, axes, inverse)


class LinearOperatorCirculant(_Circulant):
    """A circulant matrix, given by its spectrum."""


class LinearOperatorCirculant2D(_Circulant):
    """A block circulant matrix, given by its spectrum of two axes."""

    axes = 2


class LinearOperatorCirculant3D(_Circulant):
    """A nested block circulant matrix, given by its spectrum of three axes."""

    axes = 3

