"""Our work as a witness: the checkpoint on offer, checked against what we saw before, kept, and only then signed.

Order of each look (C2SP tlog-witness): the note on offer, signed by the log; consistent, by proof, with the head that
we accepted (bureaus/heads.py), where a contradiction is an alarm; not smaller than the head that we witnessed last;
kept in the store, and in a file beside it; signed with our ML-DSA-44 key; sent as evidence over our link.

Rules: kept before signed. A process that is killed between the two signs the same head again, or none; never a second
head of one size, whatever it is shown. Nothing is signed under an alarm, nor by a bureau that the directory in force
does not name with this key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from bureaus import logs
from bureaus.calling import tell
from bureaus.keeper import Keeper
from bureaus.links import Link
from bureaus.mark import WitnessMark
from bureaus.pump import Backoff
from bureaus.settings import Limits
from bureaus.store import Store, witnessing
from bureaus.store.identity import Keys
from schemas import wire
from schemas.claims import Head
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable
from schemas.keys import NoteKey
from schemas.notes import OpenNote, open_note
from schemas.witness import cosign

_log: Final = logs.get(__name__)


class Witness:
    """Cosigns checkpoints, where we are one."""

    def __init__(
        self,
        store: Store,
        link: Link,
        keeper: Keeper,
        keys: Keys,
        clock: Callable[[], int],
        limits: Limits,
        mark: WitnessMark,
    ) -> None:
        """`clock` gives milliseconds since the epoch."""
        self._store, self._mark = store, mark
        self._link = link
        self._keeper = keeper
        self._keys = keys
        self._clock = clock
        self._limits = limits
        self._sent: Head | None = None
        self.signed: Sequence[Callable[[Head], None]] = ()
        """Called with each head that we cosigned."""

    @property
    def key(self) -> NoteKey | None:
        """The key that the policy in force names for us, if it is ours."""
        trust = self._keeper.trust
        public = trust.policy.witnesses.get(str(trust.address))
        return None if public is None else self._keys.witness_key(public)

    async def run(self) -> None:
        """Look and sign, for ever: soon again while checkpoints grow, ever later while they do not."""
        backoff, wait = Backoff(self._limits), self._limits.witness_seconds
        while True:
            try:
                grew = await self.look() is not None
            except Unavailable as error:
                await asyncio.sleep(backoff.next(error.retry_after))
                continue
            except BureaunetError as error:
                _log.error("a checkpoint is not witnessed", bureau=self._keeper.trust.address, reason=error.reason)
                grew = False
            backoff.reset()
            wait = self._limits.witness_seconds if grew else min(2 * wait, self._longest)
            await asyncio.sleep(wait)

    @property
    def _longest(self) -> float:
        return max(self._limits.witness_seconds, self._limits.witness_idle_seconds)

    async def look(self) -> Head | None:
        """One look: the head that we signed, or None where there was nothing new to sign, or it is not ours to.

        Raises:
            Unavailable. Untrusted: `consistency`, it contradicts what we saw; `checkpoint`. Malformed, Forbidden.
        """
        key, trust = self.key, self._keeper.trust
        if key is None or trust.alarm is not None:
            return None
        note = await self._offered()
        opened = None if note is None else open_note(note, trust.policy)
        if opened is None or opened.checkpoint.size == 0:
            return None
        head = Head(opened.checkpoint.size, opened.checkpoint.root)
        if head == self._sent:
            return None
        if not await self._is_next(head, opened):
            return None
        if not await asyncio.to_thread(self._mark.lift, head):
            return None  # a gateway's that is behind, or our store is older than what we signed
        await self._store.run(witnessing.advance, head, opened.text)
        body = cosign(opened.checkpoint, key, self._clock() // 1000)
        await self._link.acknowledge(body)
        self._sent = head
        tell(self.signed, head)
        return head

    async def _offered(self) -> str | None:
        try:
            return (await self._link.get(wire.CANDIDATE)).decode()
        except UnicodeDecodeError:
            raise Malformed(Reason.CHECKPOINT, "a checkpoint is text") from None
        except (Forbidden, Unavailable) as error:
            if error.reason is Reason.NOT_FOUND:  # the policy asks for no witnesses, or nothing was published yet
                return None
            raise

    async def _is_next(self, head: Head, opened: OpenNote) -> bool:
        """Whether a head may be signed: it and all that we witnessed lie in the one history that we accepted.

        What we witnessed was accepted first, so that a head which agrees with the accepted one agrees with those too.
        """
        await self._keeper.take_head(opened.text)
        last = await self._store.run(witnessing.last)
        return last is None or head.size >= last[0].size  # a smaller one is a gateway's that is a moment behind
