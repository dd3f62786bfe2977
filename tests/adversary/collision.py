"""One AES-GCM ciphertext whose tag holds under two keys (NIST SP 800-38D section 6.4): AES-GCM does not commit.

The tag is linear in the ciphertext's blocks. All blocks but one are chosen, for the first key to give the plaintext;
the one that is left is solved for, so that both keys' tags are the same.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB

_R: Final = 0xE1 << 120
_ONE: Final = 1 << 127


def _times(x: int, y: int) -> int:
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (_R if y & 1 else 0)
    return product


def _power(x: int, exponent: int) -> int:
    result = _ONE
    while exponent:
        if exponent & 1:
            result = _times(result, x)
        x, exponent = _times(x, x), exponent >> 1
    return result


def _blocks(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 16].ljust(16, b"\0")) for at in range(0, len(data), 16)]


def _block(key: bytes, data: bytes) -> bytes:
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305  # one block: GHASH's key and the tag's mask
    return encryptor.update(data) + encryptor.finalize()


def colliding(keys: tuple[bytes, bytes], iv: bytes, additional: bytes, plaintext: bytes, free: int) -> bytes:
    """Ciphertext and tag that verify under both keys; under the first all but block `free` is `plaintext`."""
    encryptor = Cipher(AES(keys[0]), CTR(iv + (2).to_bytes(4))).encryptor()
    text = bytearray(encryptor.update(plaintext) + encryptor.finalize())
    head = _blocks(additional)
    text[free * 16 : free * 16 + 16] = bytes(16)
    lengths = (len(additional) * 8) << 64 | len(text) * 8
    sums = []
    for key in keys:
        secret = int.from_bytes(_block(key, bytes(16)))
        total = 0
        for block in [*head, *_blocks(bytes(text)), lengths]:
            total = _times(total ^ block, secret)
        mask = int.from_bytes(_block(key, iv + (1).to_bytes(4)))
        sums.append((total ^ mask, _power(secret, len(_blocks(bytes(text))) - free + 1)))
    (one, weight), (two, other) = sums
    solved = _times(one ^ two, _power(weight ^ other, 2**128 - 2))
    text[free * 16 : free * 16 + 16] = solved.to_bytes(16)
    return bytes(text) + (one ^ _times(solved, weight)).to_bytes(16)
