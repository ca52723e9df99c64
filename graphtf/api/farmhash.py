"""Hashes of byte strings that TensorFlow's results depend on: FarmHash64 fingerprints, SipHash, MurmurHash.

Invariant: the same bits as the published algorithms give on little-endian machines; arithmetic is modulo 2⁶⁴. Entry
points: `fingerprint64`, `fingerprint_cat64`, `siphash64`, `hash64`.
"""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_Pair = tuple[int, int]


def _fetch64(s: bytes, at: int = 0) -> int:
    return int.from_bytes(s[at : at + 8], "little")


def _fetch32(s: bytes, at: int = 0) -> int:
    return int.from_bytes(s[at : at + 4], "little")


def _rotate(x: int, by: int) -> int:
    """x with its bits rotated to the right."""
    return ((x >> by) | (x << (64 - by))) & _MASK if by else x


def _mixed(x: int) -> int:
    return x ^ (x >> 47)


# ---- FarmHash64, which never changes --------------------------------------------------------------------------------


def _hash16(u: int, v: int, mul: int) -> int:
    a = _mixed((u ^ v) * mul & _MASK)
    return _mixed((v ^ a) * mul & _MASK) * mul & _MASK


def _up_to_16(s: bytes) -> int:
    n = len(s)
    mul = (_K2 + n * 2) & _MASK
    if n >= 8:
        a, b = (_fetch64(s) + _K2) & _MASK, _fetch64(s, n - 8)
        c = (_rotate(b, 37) * mul + a) & _MASK
        d = (_rotate(a, 25) + b) * mul & _MASK
        return _hash16(c, d, mul)
    if n >= 4:
        return _hash16((n + (_fetch32(s) << 3)) & _MASK, _fetch32(s, n - 4), mul)
    if n == 0:
        return _K2
    y = (s[0] + (s[n >> 1] << 8)) & 0xFFFFFFFF
    z = (n + (s[n - 1] << 2)) & 0xFFFFFFFF
    return _mixed((y * _K2 & _MASK) ^ (z * _K0 & _MASK)) * _K2 & _MASK


def _up_to_32(s: bytes) -> int:
    n = len(s)
    mul = (_K2 + n * 2) & _MASK
    a, b = _fetch64(s) * _K1 & _MASK, _fetch64(s, 8)
    c, d = _fetch64(s, n - 8) * mul & _MASK, _fetch64(s, n - 16) * _K2 & _MASK
    left = (_rotate((a + b) & _MASK, 43) + _rotate(c, 30) + d) & _MASK
    return _hash16(left, (a + _rotate((b + _K2) & _MASK, 18) + c) & _MASK, mul)


def _up_to_64(s: bytes) -> int:
    n = len(s)
    mul = (_K2 + n * 2) & _MASK
    a, b = _fetch64(s) * _K2 & _MASK, _fetch64(s, 8)
    c, d = _fetch64(s, n - 8) * mul & _MASK, _fetch64(s, n - 16) * _K2 & _MASK
    y = (_rotate((a + b) & _MASK, 43) + _rotate(c, 30) + d) & _MASK
    z = _hash16(y, (a + _rotate((b + _K2) & _MASK, 18) + c) & _MASK, mul)
    e, f = _fetch64(s, 16) * mul & _MASK, _fetch64(s, 24)
    g, h = (y + _fetch64(s, n - 32)) * mul & _MASK, (z + _fetch64(s, n - 24)) * mul & _MASK
    left = (_rotate((e + f) & _MASK, 43) + _rotate(g, 30) + h) & _MASK
    return _hash16(left, (e + _rotate((f + a) & _MASK, 18) + g) & _MASK, mul)


def _weak32(s: bytes, at: int, a: int, b: int) -> _Pair:
    w, x, y, z = struct.unpack_from("<4Q", s, at)
    a = (a + w) & _MASK
    b = _rotate((b + a + z) & _MASK, 21)
    c = a
    a = (a + x + y) & _MASK
    b = (b + _rotate(a, 44)) & _MASK
    return (a + z) & _MASK, (b + c) & _MASK


def fingerprint64(s: bytes) -> int:
    """FarmHash64's fingerprint of a byte string.

    >>> hex(fingerprint64(b"data"))
    '0xad296422bbb2f104'
    """
    n = len(s)
    if n <= 16:
        return _up_to_16(s)
    if n <= 32:
        return _up_to_32(s)
    if n <= 64:
        return _up_to_64(s)
    return _longer(s)


def _longer(s: bytes) -> int:
    n, seed = len(s), 81
    x, y = seed, (seed * _K1 + 113) & _MASK
    z = _mixed((y * _K2 + 113) & _MASK) * _K2 & _MASK
    v: _Pair = (0, 0)
    w: _Pair = (0, 0)
    x = (x * _K2 + _fetch64(s)) & _MASK
    end = (n - 1) // 64 * 64
    for at in range(0, end, 64):
        x = _rotate((x + y + v[0] + _fetch64(s, at + 8)) & _MASK, 37) * _K1 & _MASK
        y = _rotate((y + v[1] + _fetch64(s, at + 48)) & _MASK, 42) * _K1 & _MASK
        x ^= w[1]
        y = (y + v[0] + _fetch64(s, at + 40)) & _MASK
        z = _rotate((z + w[0]) & _MASK, 33) * _K1 & _MASK
        v = _weak32(s, at, v[1] * _K1 & _MASK, (x + w[0]) & _MASK)
        w = _weak32(s, at + 32, (z + w[1]) & _MASK, (y + _fetch64(s, at + 16)) & _MASK)
        z, x = x, z
    mul = (_K1 + ((z & 0xFF) << 1)) & _MASK
    at = n - 64
    w = (w[0] + ((n - 1) & 63)) & _MASK, w[1]
    v = (v[0] + w[0]) & _MASK, v[1]
    w = (w[0] + v[0]) & _MASK, w[1]
    x = _rotate((x + y + v[0] + _fetch64(s, at + 8)) & _MASK, 37) * mul & _MASK
    y = _rotate((y + v[1] + _fetch64(s, at + 48)) & _MASK, 42) * mul & _MASK
    x ^= w[1] * 9 & _MASK
    y = (y + v[0] * 9 + _fetch64(s, at + 40)) & _MASK
    z = _rotate((z + w[0]) & _MASK, 33) * mul & _MASK
    v = _weak32(s, at, v[1] * mul & _MASK, (x + w[0]) & _MASK)
    w = _weak32(s, at + 32, (z + w[1]) & _MASK, (y + _fetch64(s, at + 16)) & _MASK)
    z, x = x, z
    left = (_hash16(v[0], w[0], mul) + _mixed(y) * _K0 + z) & _MASK
    return _hash16(left, (_hash16(v[1], w[1], mul) + x) & _MASK, mul)


def fingerprint_cat64(a: int, b: int) -> int:
    """The fingerprint of two fingerprints."""
    mul = 0xC6A4A7935BD1E995
    out = a ^ mul
    out ^= _mixed(b * mul & _MASK) * mul & _MASK
    out = out * mul & _MASK
    out = _mixed(out) * mul & _MASK
    return _mixed(out)


# ---- SipHash-2-4 with a key of 128 bits ------------------------------------------------------------------------------


def siphash64(key: _Pair, s: bytes) -> int:
    """SipHash-2-4, which nobody can steer who does not know the key.

    >>> hex(siphash64((0x0706050403020100, 0x0F0E0D0C0B0A0908), bytes(range(15))))
    '0xa129ca6149be45e5'
    """
    k0, k1 = key
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    whole = len(s) // 8 * 8
    words = [*struct.unpack(f"<{whole // 8}Q", s[:whole]), _fetch64(s, whole) | (len(s) & 0xFF) << 56]
    for m in words:
        v[3] ^= m
        _rounds(v, 2)
        v[0] ^= m
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], count: int) -> None:
    a, b, c, d = v
    for _ in range(count):
        a = (a + b) & _MASK
        b = _rotate(b, 51) ^ a
        a = _rotate(a, 32)
        c = (c + d) & _MASK
        d = _rotate(d, 48) ^ c
        a = (a + d) & _MASK
        d = _rotate(d, 43) ^ a
        c = (c + b) & _MASK
        b = _rotate(b, 47) ^ c
        c = _rotate(c, 32)
    v[:] = a, b, c, d


# ---- MurmurHash 64A --------------------------------------------------------------------------------------------------


def hash64(s: bytes, seed: int = 0xDECAFCAFFE) -> int:
    """MurmurHash64A, the hash of `tf.strings.to_hash_bucket`."""
    m = 0xC6A4A7935BD1E995
    h = seed ^ (len(s) * m & _MASK)
    whole = len(s) // 8 * 8
    for k in struct.unpack(f"<{whole // 8}Q", s[:whole]):
        k = k * m & _MASK
        k = (k ^ (k >> 47)) * m & _MASK
        h = (h ^ k) * m & _MASK
    rest = s[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & _MASK
    h = (h ^ (h >> 47)) * m & _MASK
    return h ^ (h >> 47)
