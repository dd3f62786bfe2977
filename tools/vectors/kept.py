"""Randomness that vectors keep. HPKE's encapsulation and ML-DSA draw their own, so what came out of them once is kept.

`Kept` looks a result up by what went in (key, message, info) and makes it only where it was never made. With the
results in `tests/vectors/kept.json` the generator gives the same files each time, and anything that changes shows as
drift. The tests do not trust what is kept: they open and verify it like everything else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from schemas.identity import NoteSigner
from schemas.keys import ENCAPSULATED_SIZE, SealingPublic, Suite


class Kept:
    """Results by the hash of what went in; `used` are those that this run asked for."""

    def __init__(self, path: Path) -> None:
        self._known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self.used: dict[str, str] = {}

    def get(self, what: str, inputs: bytes, make: Callable[[], bytes]) -> bytes:
        """What was made of these inputs, now or before."""
        name = f"{what}-{hashlib.sha256(inputs).hexdigest()[:32]}"
        if name not in self.used:
            self.used[name] = self._known.get(name) or make().hex()
        return bytes.fromhex(self.used[name])

    def render(self) -> str:
        """The file of what was used."""
        return json.dumps(self.used, indent=0, sort_keys=True) + "\n"


@dataclass(frozen=True, slots=True)
class KeptSealing(SealingPublic):
    """A public key whose wraps are kept."""

    kept: Kept = field(kw_only=True, compare=False, repr=False)

    def wrap(self, key: bytes, info: bytes) -> tuple[bytes, bytes]:
        """As `SealingPublic.wrap`, the same each time."""
        joined = self.kept.get("wrap", self.raw + key + info, lambda: b"".join(SealingPublic.wrap(self, key, info)))
        size = ENCAPSULATED_SIZE[Suite(self.suite)]
        return joined[:size], joined[size:]


@dataclass(frozen=True, slots=True)
class KeptNoteSigner:
    """A `NoteSigner` whose signatures are kept."""

    inner: NoteSigner
    kept: Kept

    @property
    def name(self) -> str:
        """As `NoteSigner.name`."""
        return self.inner.name

    @property
    def raw(self) -> bytes:
        """As `NoteSigner.raw`."""
        return self.inner.raw

    def sign(self, message: bytes) -> bytes:
        """As `NoteSigner.sign`, the same each time."""
        return self.kept.get("note", self.raw + message, lambda: self.inner.sign(message))
