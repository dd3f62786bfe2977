"""The tree head that the bureau accepted, and what is proven under heads that extend it.

Rules: a head replaces the one before only when it extends it, and is kept before it is used; two heads that contradict
each other are an alarm, with a proof of misbehaviour where one can be made (bureaus/gossip.py). A directory version
counts once its entry is proven to be in the ledger under such a head: what the authority signed for one bureau alone
would have to stand where everybody sees it. The log's line is what counts here; witnesses' lines are asked where
receipts are shown (bureaus/proofs.py), since a policy may be newer or older than a note.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from bureaus.gossip import contradiction
from bureaus.links import Link
from bureaus.settings import Limits
from bureaus.store import Store, verified
from schemas import cbor, wire
from schemas.claims import Head
from schemas.directory import Current, Directory
from schemas.errors import Forbidden, Malformed, Reason, Unavailable, Untrusted
from schemas.evidence import Event, read_entry
from schemas.merkle import EMPTY, verify_consistency
from schemas.misbehaviour import SLACK, Evidence, Source, Statement
from schemas.network import Network
from schemas.notes import OpenNote, open_note
from schemas.receipts import read_proof

Alarm: TypeAlias = Callable[[Reason, str, bytes], Awaitable[None]]
"""Keeps the evidence and stops all sealing: (reason, in words, evidence)."""
_PAUSE: Final = 0.25
"""Seconds between two looks for a checkpoint that covers a new version."""


class Heads:
    """The largest tree head that we accepted."""

    def __init__(self, store: Store, link: Link, network: Network, limits: Limits, alarm: Alarm) -> None:
        self._store = store
        self._link = link
        self._network = network
        self._policy = network.policy
        self._limits = limits
        self._alarm = alarm
        self._turn = asyncio.Lock()
        self._agreed: set[Head] = set()
        """Smaller heads that ours was seen to extend, some of the last."""
        self.head = Head(0, EMPTY)
        self.note = ""
        """The note of our head; empty before the first."""
        self._time = 0

    async def load(self) -> None:
        """Read what was accepted before."""
        note = await self._store.run(verified.checkpoint)
        if note is not None:
            self._adopt(open_note(note, self._policy))

    def _adopt(self, opened: OpenNote) -> None:
        self.head, self.note, self._time = _head(opened), opened.text, opened.time

    async def refresh(self) -> None:
        """Look for a larger head.

        Raises:
            Unavailable. Untrusted: `consistency`, `checkpoint`. Malformed.
        """
        try:
            note = (await self._link.get(wire.CHECKPOINT)).decode()
        except UnicodeDecodeError:
            raise Malformed(Reason.CHECKPOINT, "a checkpoint is text") from None
        except (Forbidden, Unavailable) as error:
            if error.reason is Reason.NOT_FOUND:  # none was published yet
                return
            raise
        opened = open_note(note, self._policy)
        if opened.checkpoint.size >= self.head.size:
            await self.take(note)
        elif opened.time > self._time + SLACK:
            await self._went_back(Statement(Source.NOTE, note.encode()))
        # else another gateway is a moment behind

    async def _went_back(self, smaller: Statement) -> None:
        said = "the gateway signed a smaller tree after the one that we have: its ledger lost entries"
        evidence = Evidence(smaller, Statement(Source.NOTE, self.note.encode()), (), await self._directories())
        await self._alarm(Reason.CONSISTENCY, said, evidence.encode())
        raise Untrusted(Reason.CONSISTENCY, said)

    async def prove(self, directory: Directory) -> None:
        """Check that a version's entry is in the ledger, waiting a little for a checkpoint that covers a new one.

        Raises:
            Unavailable: none does yet. Untrusted: `inclusion`, `consistency`, `checkpoint`. Malformed.
        """
        raw = await self._covered(f"{wire.DIRECTORY}/{directory.version}/{wire.DIRECTORY_PROOF}")
        match cbor.decode(raw):
            case [bytes(entry), str(text)]:
                pass
            case _:
                raise Malformed(Reason.RECEIPT_FORM, "a version's proof is [entry, tlog-proof]")
        stated, proof = read_entry(entry), read_proof(text)
        if (stated.event, stated.digest) != (Event.DIRECTORY_UPDATED, directory.hash):
            raise Untrusted(Reason.INCLUSION, "the entry is not that of this directory version")
        proof.open(entry, self._policy)
        await self.take(proof.note)

    async def _covered(self, path: str) -> bytes:
        try:
            async with asyncio.timeout(self._limits.covered_seconds):
                while True:
                    try:
                        return await self._link.get(path)
                    except Unavailable as error:
                        if error.reason is not Reason.NOT_FOUND:
                            raise
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            raise Unavailable(Reason.NOT_FOUND, "no checkpoint covers the directory version yet") from None

    async def take(self, note: str) -> None:
        """Accept a head that extends ours; one that ours extends is accepted and changes nothing.

        Raises:
            Untrusted: `consistency`, after an alarm; `checkpoint`. Unavailable. Malformed.
        """
        async with self._turn:
            opened = open_note(note, self._policy)
            head = _head(opened)
            try:
                await self._compare(head)
            except Untrusted as error:
                here = Statement(Source.NOTE, note.encode())
                await self._accuse(here, head, error)
                raise
            if head.size > self.head.size:
                await self._store.run(verified.keep_checkpoint, note)
                self._adopt(opened)

    async def _accuse(self, statement: Statement, head: Head, error: Untrusted) -> None:
        try:
            found = await self._shown(statement, head)
        except Unavailable:  # the alarm does not wait for what would show it to others
            found = None
        said = "two tree heads of the ledger contradict each other"
        await self._alarm(error.reason, said, statement.data if found is None else found.encode())

    async def _shown(self, statement: Statement, head: Head) -> Evidence | None:
        ours = (Statement(Source.NOTE, self.note.encode()), self.head)
        return await contradiction(self._link, (statement, head), ours, self._policy, await self._directories())

    async def _compare(self, head: Head) -> None:
        old, new = (self.head, head) if self.head.size <= head.size else (head, self.head)
        path: list[bytes] = []
        if 0 < old.size < new.size:
            path = _path(await self._link.get(f"{wire.CONSISTENCY}/{old.size}/{new.size}"))
        verify_consistency(old.size, old.root, new.size, new.root, path)

    async def heard(self, head: Head, statement: Statement) -> Evidence | None:
        """Hold a head that somebody else signed against ours: what contradicts it, or None where it agrees.

        Raises:
            Unavailable: ours is smaller, and the gateway shows no larger one yet. Untrusted: it contradicts ours, and
                nothing that can be shown was had; or ours was contradicted meanwhile. Malformed.
        """
        if head in self._agreed or head in (self.head, Head(0, EMPTY)):
            return None
        if head.size > self.head.size:
            await self.refresh()
            if head.size > self.head.size:
                raise Unavailable(Reason.NOT_FOUND, f"we are shown no tree as large as {head.size} entries")
        async with self._turn:
            try:
                await self._compare(head)
            except Untrusted:
                found = await self._shown(statement, head)
                if found is None:
                    raise
                return found
        if len(self._agreed) >= _KEPT:
            self._agreed.clear()
        self._agreed.add(head)
        return None

    async def confirm(self, raw: bytes, current: Current) -> None:
        """Hold the head in the gateway's own verified word against ours.

        Raises:
            Untrusted: `consistency`, after an alarm. Unavailable, Malformed.
        """
        statement = Statement(Source.CURRENT, raw)
        if current.head.size < self.head.size and current.time > self._time + SLACK:
            await self._went_back(statement)
        try:
            found = await self.heard(current.head, statement)
        except Unavailable as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return  # it is signed anew within the hour; until then another gateway may be a moment ahead
        if found is not None:
            said = "the gateway states a tree head that contradicts the one that we have"
            await self._alarm(Reason.CONSISTENCY, said, found.encode())
            raise Untrusted(Reason.CONSISTENCY, said)

    async def _directories(self) -> tuple[bytes, ...]:
        """The versions that give the keys and witnesses of a proof of misbehaviour."""
        return tuple(await self._store.run(verified.chain, cbor.encode(self._network.holders.to_value())))


_KEPT: Final = 1024
"""Heads."""


def _head(opened: OpenNote) -> Head:
    return Head(opened.checkpoint.size, opened.checkpoint.root)


def _path(data: bytes) -> list[bytes]:
    match cbor.decode(data):
        case [*nodes]:
            return [node for node in nodes if isinstance(node, bytes)]
    raise Malformed(Reason.CONSISTENCY, "a consistency proof is an array of hashes")
