"""The first corpus: every vector's bytes, under each reader of each target that might take them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests import vector_runs
from tests.fuzz.targets import TARGETS, readers

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
