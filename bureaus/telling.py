"""What a bureau's program is told without asking, and the tree heads that it holds against others'."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bureaus import attested
from bureaus.steps import Step
from bureaus.store import receiving
from bureaus.voided import Voided
from schemas.attestations import EVENTS, Attestation
from schemas.claims import Head

if TYPE_CHECKING:
    from bureaus.desk import OpenBureau


class Telling:
    """The part of a `Bureau` that registers who is told; before the bureau is entered."""

    def __init__(self) -> None:
        self._void: list[Callable[[Voided], None]] = []
        self._misbehaved: list[Callable[[Path, str], None]] = []
        self._witnessed: list[Callable[[Head], None]] = []
        self._stepped: list[Callable[[Step], None]] = []
        self._attested: list[Callable[[Attestation], None]] = []

    @property
    def _parts(self) -> OpenBureau:
        raise NotImplementedError

    def on_void(self, tell: Callable[[Voided], None]) -> None:
        """Call this with each message that becomes void."""
        self._void.append(tell)

    def on_misbehaviour(self, tell: Callable[[Path, str], None]) -> None:
        """Call this with each proof of misbehaviour: its file, and what happened in words.

        Two signed statements that cannot both be true: `bureaunet misbehaviour FILE --network FILE` checks it anywhere.
        """
        self._misbehaved.append(tell)

    def on_witnessed(self, tell: Callable[[Head], None]) -> None:
        """Call this with each tree head that we cosign as a witness."""
        self._witnessed.append(tell)

    def on_attestation(self, tell: Callable[[Attestation], None]) -> None:
        """Call this once with each attestation of the gateway's that concerns us, verified (protocol section 5.7).

        A bureau asked hears reminders and that its answer is overdue; an asker hears of silence and refusals; the
        bureau that serves `IPSG/ccc` hears of every escalation.
        """
        self._attested.append(tell)

    async def attested(self, since: int) -> list[tuple[int, Attestation]]:
        """What the gateway attested to us that came in at `since` or later, in order: (when, what).

        Times are milliseconds since the epoch. Whoever keeps its own record reads here what it was told while it was
        cut off.
        """
        kept = await self._parts.store.run(receiving.attested_since, since)
        trust = self._parts.keeper.trust
        return [(arrived, attested.read(raw, trust)) for arrived, event, raw in kept if event in EVENTS]

    def on_step(self, tell: Callable[[Step], None]) -> None:
        """Call this with each step of a message that ended here: for traces, see `bureaus.tracing.Tracing`."""
        self._stepped.append(tell)

    def _tie(self, parts: OpenBureau) -> None:
        """Join those who listen to the parts of the bureau that is being opened."""
        parts.voiding.tell = self._void
        parts.keeper.when_misbehaved = self._misbehaved
        parts.witness.signed = self._witnessed
        parts.outbox.stepped = parts.handlers.stepped = self._stepped
        parts.told = self._attested

    @property
    def witnesses(self) -> bool:
        """Whether the directory in force names us, with a key that we hold, as a witness."""
        return self._parts.witness.key is not None

    async def compare(self, note: str) -> Head:
        """Hold a checkpoint that somebody else was shown against the one that we accepted: ours, after that.

        Raises:
            Untrusted: `consistency`, the two contradict each other: an alarm, with a proof of misbehaviour;
                `checkpoint`, the log did not sign it. Malformed: it is no checkpoint. Unavailable: the gateway shows
                nothing that covers both yet.
        """
        await self._parts.keeper.take_head(note)
        return self._parts.keeper.trust.head
