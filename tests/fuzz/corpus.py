"""The first corpus: every vector's bytes, under each reader of each target that might take them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway import two_people
from gateway.two_people import Act, Request
from schemas import cbor, cose, threshold
from tests import vector_runs
from tests.fuzz.targets import OPERATORS, TARGETS, readers, world
from tests.world import AUTHORITY

MAX_SEED: Final = 16_384
"""Bytes: longer vectors show bounds, and would slow every execution that starts from them."""


def pieces() -> Iterator[bytes]:
    """Each byte string and text that a vector gives."""
    for name in vector_runs.names():
        for value in vector_runs.load(name)["given"].values():
            if isinstance(value, str) and 0 < len(value) <= 2 * MAX_SEED:
                try:
                    yield bytes.fromhex(value)
                except ValueError:
                    yield value.encode("utf-8", "surrogatepass")
    context = vector_runs.context()
    yield from (bytes.fromhex(context[name]) for name in ("network", "directory", "operation"))
    yield from operators()


def operators() -> Iterator[bytes]:
    """What the gateway's operators sign, of which there are no vectors: it never leaves the gateway's house."""
    here = world()
    cards = [cose.sign1(two_people.OPERATOR_TYP, cbor.encode(["ada", key.public.raw]), key) for key in OPERATORS]
    asked = Request(Act.DIRECTORY_LOAD, hashlib.sha256().digest(), here.now // 1000, bytes(16))
    parts = (threshold.sign_part(two_people.REQUEST_TYP, asked.encode(), key, here.network.id) for key in OPERATORS)
    yield from cards
    yield two_people.sign_list(cards, 2, [AUTHORITY], here.network)
    yield threshold.join(parts, two_people.REQUEST_TYP)


def write(folder: Path) -> int:
    """Write the seeds below `folder`, one folder for each target: how many there are."""
    count = 0
    found = sorted(set(pieces()))
    for target in TARGETS:
        place = folder / target
        place.mkdir(parents=True, exist_ok=True)
        for at in range(len(readers(target))):
            for piece in found:
                seed = bytes((at,)) + piece
                (place / hashlib.sha256(seed).hexdigest()[:40]).write_bytes(seed)
                count += 1
    return count
