"""What a bureau's program is told without asking: the part of the client that registers who listens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bureaus.voided import Voided


class Telling:
    """Registers who is told; before the bureau is entered."""

    def __init__(self) -> None:
        self._void: list[Callable[[Voided], None]] = []
        self._misbehaved: list[Callable[[Path, str], None]] = []

    def on_void(self, tell: Callable[[Voided], None]) -> None:
        """Call this with each message that becomes void."""
        self._void.append(tell)

    def on_misbehaviour(self, tell: Callable[[Path, str], None]) -> None:
        """Call this with each proof of misbehaviour: its file, and what happened in words.

        Two signed statements that cannot both be true: `bureaunet misbehaviour FILE --network FILE` checks it anywhere.
        """
        self._misbehaved.append(tell)
