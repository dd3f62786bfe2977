"""Arithmetic on Ed25519's curve, written plainly, to make signatures that no signer makes and points that no key has.

A signature that was made by hand holds under one of the ways to verify and not under another: what it shows is which
one is used. RFC 8032 section 5.1; the cases are those of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Final

from schemas import cbor

P: Final = 2**255 - 19
D: Final = -121665 * pow(121666, -1, P) % P
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
Point = tuple[int, int]
NEUTRAL: Final[Point] = (0, 1)


def add(a: Point, b: Point) -> Point:
    """Edwards addition, affine (RFC 8032 section 5.1.4)."""
    t = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + t, -1, P) % P
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P


def multiply(k: int, point: Point) -> Point:
    """`k` times a point."""
    result = NEUTRAL
    while k:
        if k & 1:
            result = add(result, point)
        point, k = add(point, point), k >> 1
    return result


def on_curve(y: int) -> Point | None:
    """The point at `y` whose x is even; none where the curve has none."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    for root in (x, x * pow(2, (P - 1) // 4, P) % P):
        if root * root % P == square:
            return (P - root if root & 1 else root), y
    return None


def _base() -> Point:
    point = on_curve(4 * pow(5, -1, P) % P)
    assert point is not None  # RFC 8032 names it
    return point


def _torsion() -> dict[int, Point]:
    """The multiples of a point of order eight, found by computing, not copied from a list."""
    for y in range(2, 400):
        point = on_curve(y)
        small = NEUTRAL if point is None else multiply(ORDER, point)
        if multiply(4, small) != NEUTRAL:
            return {k: multiply(k, small) for k in range(8)}
    raise AssertionError("no point of order eight")


BASE: Final = _base()
SMALL: Final = _torsion()
"""The eight points whose order divides eight, by their multiple of one of order eight."""


def encode(point: Point) -> bytes:
    """32 bytes: y, and the lowest bit of x above it (RFC 8032 section 5.1.2)."""
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def challenge(first: bytes, key: bytes, message: bytes) -> int:
    """The hash of R, A and the message, modulo the group's order."""
    return int.from_bytes(hashlib.sha512(first + key + message).digest(), "little") % ORDER


@cache
def of_base(k: int) -> Point:
    """`k` times the base point."""
    return multiply(k, BASE)


@dataclass(frozen=True)
class Forger:
    """A signer who keeps to no rule: a private key, and what is done to its public key, to R and to S.

    `nonce` is r, 0 for none; `torsion` the multiple of a point of order eight that is added to R, `mixed` the one that
    is added to the public key. `spelled` is put in R's place, and `more` added to S.
    """

    seed: bytes
    nonce: int = 2**200 + 1
    torsion: int = 0
    mixed: int = 0
    spelled: bytes | None = None
    more: int = 0

    @property
    def secret(self) -> int:
        """The private key as a number (RFC 8032 section 5.1.5)."""
        number = int.from_bytes(hashlib.sha512(self.seed).digest()[:32], "little")
        return (number & ((1 << 254) - 8) | 1 << 254) % ORDER

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return encode(add(of_base(self.secret), SMALL[self.mixed]))

    @property
    def key_id(self) -> bytes:
        """As `Signer.key_id`."""
        return hashlib.sha256(cbor.encode({1: 1, -1: 6, -2: self.public})).digest()

    def sign(self, message: bytes) -> bytes:
        """R and S, 64 bytes, so that S B - k A is R but for points of small order."""
        first = self.spelled or encode(add(of_base(self.nonce), SMALL[self.torsion]))
        k = challenge(first, self.public, message)
        return first + ((self.nonce + k * self.secret) % ORDER + self.more).to_bytes(32, "little")
