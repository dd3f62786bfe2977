"""Tells of messages that became void: a revocation reaches back to a ledger index, and we took something in since then.

Order of work: whenever a directory version is adopted, and when the bureau is opened, what we hold of each revoked
key's owner is looked through; what is newly void is kept as such, and whoever wants to know is told. The signed version
is the evidence. Rules: a message that arrives after its key was revoked never gets here: check 3 refuses it. What was
done with a void message is for people to undo; nothing is taken back by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bureaus import logs
from bureaus.calling import tell
from bureaus.store import Store, voiding
from schemas import envelope
from schemas.directory import Directory, Participant
from schemas.identity import Address
from schemas.receipts import Acceptance

_log: Final = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Voided:
    """A message that we took in and that does not count any more: its key was revoked from before its index on."""

    digest: bytes
    sender: Address
    kind: str
    operation: str
    index: int
    """Ledger index at which it was accepted."""
    key_id: bytes
    version: int
    """The directory version that says so."""


class Voiding:
    """Looks for void messages, and tells of them."""

    def __init__(self, store: Store, read: Callable[[bytes], Acceptance]) -> None:
        """`read` verifies a kept receipt."""
        self._store = store
        self._read = read
        self.tell: list[Callable[[Voided], None]] = []
        """Called with each message that was found void."""

    async def look(self, directory: Directory) -> list[Voided]:
        """Find what became void by a directory version: those found now for the first time.

        Raises:
            Unavailable: `store`.
        """
        found: list[Voided] = []
        for row in directory.participants:
            void = dict(_void_keys(row))
            if void:
                held = await self._store.run(voiding.held_of, str(row.address))
                one_by_one = (self._voided(one, void, directory.version) for one in held)
                found += [voided for voided in one_by_one if voided is not None]
        await self._store.run(voiding.keep, [voided.digest for voided in found], directory.version)
        for voided in found:
            _log.warning("a message is void", digest=voided.digest.hex(), sender=voided.sender, index=voided.index)
            tell(self.tell, voided)
        return found

    async def all(self) -> list[Voided]:
        """Every message that we know to be void, in the order in which they came."""
        return [self._view(held, version) for version, held in await self._store.run(voiding.voided)]

    def _voided(self, held: voiding.Held, void: dict[bytes, int], version: int) -> Voided | None:
        since = void.get(envelope.read(held.statement).key_id)
        if since is None:
            return None
        voided = self._view(held, version)
        return voided if voided.index >= since else None

    def _view(self, held: voiding.Held, version: int) -> Voided:
        statement, index = envelope.read(held.statement), self._read(held.receipt).index
        header = statement.header
        place = -1 if index is None else index
        return Voided(held.digest, header.iss, header.kind, header.sub, place, statement.key_id, version)


def _void_keys(row: Participant) -> Iterator[tuple[bytes, int]]:
    for entry in row.signing:
        if entry.validity.void_from is not None:
            yield entry.key.key_id, entry.validity.void_from
