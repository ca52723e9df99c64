"""Angles reduced to the nearest multiple of π/2, of any size.

Invariant: the rest is the exact one, rounded to twice the format's precision, so sin of 10³⁰⁰ is as accurate as sin
of 1. Small angles subtract n·π/2 with π/2 as a sum of exact products; huge ones, which are rare, multiply by the bits
of 2/π that matter for them (Payne and Hanek's method). Entry point: `reduce_angle`.
"""

from __future__ import annotations

import math

from graphtf.llvm.mathlib.lanes import Body, Int, Lanes, Real

_TWO_OVER_PI = 0.6366197723675814
# π/2 as sums: for fused products, and with parts whose products with numbers below 2²⁰ are exact.
_HALF_PI_FUSED = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
_HALF_PI_PARTS = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32)
_LIMIT_FUSED, _LIMIT_PARTS = 2.0**30, 2.0**20
# 64 zeros and 1216 bits of 2/π
_BITS = (
    0x0, 0x0, 0xA2F9836E, 0x4E441529, 0xFC2757D1, 0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB, 0xDEBBC561,
    0xB7246E3A, 0x424DD2E0, 0x06492EEA, 0x09D1921C, 0xFE1DEB1C, 0xB129A73E, 0xE88235F5, 0x2EBB4484, 0xE99C7026,
    0xB45F7E41, 0x3991D639, 0x835339F4, 0x9C845F8B, 0xBDF9283B, 0x1FF897FF, 0xDE05980F, 0xEF2F118B, 0x5A0A6D1F,
    0x6D367ECF, 0x27CB09B7, 0x4F463F66, 0x9E5FEA2D, 0x7527BAC7, 0xEBE5F17B, 0x3D0739F7, 0x8A5292EA, 0x6BFB5FB1,
    0x1F8D5D08, 0x56033046, 0xFC7B6BAB,
)  # fmt: skip
_TABLE = "gtf_two_over_pi"
_LOW_HALF = (1 << 32) - 1


def reduce_angle(k: Lanes, x: Real, precise: bool) -> tuple[Int, Real, Real | None]:
    """(n, r, low): x = n·π/2 + r + low with |r| ≤ π/4, the quarter turns in the lowest two bits of n.

    `k` is in double. If not `precise`, there is no low, and r is good for a float that was widened.
    """
    t = k.mad(x, _TWO_OVER_PI, k.format.magic)
    n = t - k.format.magic
    r, low = _subtract(k, x, n)
    limit = _LIMIT_FUSED if k.fused else _LIMIT_PARTS
    symbol = _define_huge(k)
    size = abs(x)
    huge = size >= limit

    def far() -> list[Real]:
        found = k.by_lane(symbol, k.select(huge, x, limit), 3)
        finite = size < math.inf  # infinities stay with what they have: NaN
        return [k.select(finite, new, old) for new, old in zip(found, (t, r, low))]

    t, r, low = k.rarely(huge, [t, r, low], far)
    return t.bits(), r, low if precise else None


def _subtract(k: Lanes, x: Real, n: Real) -> tuple[Real, Real]:
    """x - n·π/2 as a sum of two."""
    if k.fused:
        first, second, third = _HALF_PI_FUSED
        exact = k.mad(n, -first, x)
        r = k.mad(n, -second, exact)
        return r, k.mad(n, -third, k.mad(n, -second, exact - r))
    first, second, third, fourth = _HALF_PI_PARTS
    exact = x - n * first
    r, low = _difference(exact, n * second)
    r, more = _difference(r, n * third)
    low = low + more - n * fourth
    return k.sum(r, low)


def _difference(a: Real, b: Real) -> tuple[Real, Real]:
    """a - b and its rounding error, exactly, whatever their sizes."""
    total = a - b
    back = total - a
    return total, (a - (total - back)) - (b + back)


def _define_huge(k: Lanes) -> str:
    """The symbol of a scalar function of one double, 2¹⁰ ≤ |x| ≤ ∞: (1.5·2⁵² + n, r, low) of `reduce_angle`."""
    symbol = "gtf_reduce_huge"
    definitions = k.body.definitions
    if symbol not in definitions:
        words = ", ".join(f"i32 {w}" for w in _BITS)
        definitions[_TABLE] = f"@{_TABLE} = internal constant [{len(_BITS)} x i32] [{words}]\n"
        body = Body()
        one = Lanes(body, 64, 1, k.fused)
        parts = _reduce_huge(one, Real(one, "%x"))
        record = "{ double, double, double }"
        found = "poison"
        for i, part in enumerate(parts):
            found = body.value(f"insertvalue {record} {found}, double {part.name}, {i}")
        head = f"define internal {record} @{symbol}(double %x) noinline nounwind willreturn memory(none) {{"
        definitions[symbol] = "\n".join([head, "entry:", *body.lines, f"  ret {record} {found}", "}", ""])
        k.body.declares.update(body.declares)
    return symbol


def _reduce_huge(k: Lanes, x: Real) -> tuple[Real, Real, Real]:
    """With |x| = M·2^e: M times the 192 bits of 2/π that are neither multiples of 4 turns nor too small, modulo 4."""
    bits = abs(x).bits()
    exponent = bits >> 52
    mantissa = (bits & ((1 << 52) - 1)) | (1 << 52)
    product = _times(k, mantissa, _window(k, exponent - 1013))
    # The highest two bits are quarter turns, the others a fraction of one: round, and make the fraction signed.
    turns = (product[5] << 32) | product[4]
    n = (turns + (1 << 61)) >> 62
    fraction = turns - (n << 62)
    pieces = [fraction.shift_signed(32), fraction & _LOW_HALF, *product[3:0:-1]]
    total, rest = k.real(0.0), k.real(0.0)
    for i, piece in enumerate(pieces):
        total, error = k.sum(total, piece.to_real() * 2.0 ** (-30 - 32 * i))
        rest = rest + error
    first, second, _ = _HALF_PI_FUSED
    r, error = k.product(total, first)
    r, low = k.sum(r, k.mad(total, second, k.mad(rest, first, error)))
    sign = k.copysign(1.0, x)
    return k.mad(n.to_real(), sign, k.format.magic), r * sign, low * sign


def _window(k: Lanes, position: Int) -> list[Int]:
    """192 bits of the table from bit `position` on, as six numbers of 32, the lowest first."""
    word, shift = position >> 5, position & 31
    words = [_load(k, word + i) for i in range(7)]
    return [((((words[i] << 32) | words[i + 1]) << shift) >> 32) & _LOW_HALF for i in range(5, -1, -1)]


def _load(k: Lanes, index: Int) -> Int:
    body = k.body
    at = body.value(f"getelementptr inbounds i32, ptr @{_TABLE}, i64 {index.name}")
    return Int(k, body.value(f"zext i32 {body.value(f'load i32, ptr {at}, align 4')} to i64"))


def _times(k: Lanes, mantissa: Int, limbs: list[Int]) -> list[Int]:
    """The lowest 192 bits of a product with 53 bits, as six numbers of 32, the lowest first."""
    halves = mantissa & _LOW_HALF, mantissa >> 32
    carries = [k.int(0), k.int(0)]
    found = []
    for i, limb in enumerate(limbs):
        first = halves[0] * limb + carries[0]
        carries[0], digit = first >> 32, first & _LOW_HALF
        if i:
            second = halves[1] * limbs[i - 1] + digit + carries[1]
            carries[1], digit = second >> 32, second & _LOW_HALF
        found.append(digit)
    return found
