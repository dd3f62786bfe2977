"""The gateway's side of the witnesses: which checkpoint they are asked to sign, what they signed, which notes count.

Order of work: `offer`, a chore of one process, names a published checkpoint as the next that witnesses sign, at most
one each `pace`, so that all sign the same one; `take` verifies a cosignature that came over a link and keeps it; the
read side gives the notes: `candidate` to witnesses, `witnessed` to whoever needs the quorum, `covering` for proofs.

Rules: a checkpoint is judged by the policy that its size falls under (schemas/witness.py); a line counts only over a
root that this ledger published, and a witness' first line over a size stands; a valid line over another root is kept
as evidence in the log, since either that witness or a second copy of our log key made it. What is missing from the
quorum is said, in a warning and a metric, and never passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from gateway.ports import Clock, Watcher
from gateway.ports_witnesses import Cosignatures, Offered
from schemas.directory import Directory, read_directory
from schemas.errors import Forbidden, Reason, Untrusted
from schemas.identity import Address
from schemas.network import Network
from schemas.notes import Checkpoint, Policy, add_line, read_body
from schemas.witness import claimed_cosignature, policy_at, read_cosignature

FRESH: Final = 1000
"""Milliseconds that an answer of the read side may be old."""
_LOOKED: Final = 8
"""Offered checkpoints looked at for the newest that the quorum signed, before all that are kept."""
KEPT: Final = 64
"""Offered checkpoints whose cosignatures are kept: a proof is always made under the newest, so older ones are spare."""


class Versions(Protocol):
    """Directory versions as they stand in the ledger: part of `gateway.ports.Store`."""

    async def directories(self, after: int = -1) -> list[tuple[int, bytes]]:
        """(ledger index, bytes) of the versions with an index above `after`, ascending."""


class Policies:
    """Which witness policy a checkpoint of a size falls under: every version is verified as it is read, and kept."""

    def __init__(self, versions: Versions, network: Network) -> None:
        self._versions, self._network = versions, network
        self._read: list[tuple[int, Directory]] = []

    async def at(self, size: int) -> Policy:
        """The policy for a checkpoint of this size.

        Raises:
            Unavailable: `store`. Malformed, Untrusted: a stored version does not verify.
        """
        after = self._read[-1][0] if self._read else -1
        for index, raw in await self._versions.directories(after):
            last = self._read[-1] if self._read else None
            if last is None or index > last[0]:  # else another call read it meanwhile
                self._read.append((index, read_directory(raw, self._network, last and last[1])))
        return policy_at(self._network.policy, self._read, size)


class Witnesses:
    """What witnesses are asked, what they signed, and the notes that follow from it."""

    def __init__(
        self, kept: Cosignatures, policies: Policies, clock: Clock, watcher: Watcher, pace: float = 10.0
    ) -> None:
        """`pace` is in seconds: from one checkpoint on offer to the next."""
        self._kept, self.policies = kept, policies
        self._clock, self._watcher = clock, watcher
        self._pace = round(pace * 1000)
        self._best: tuple[str, int] | None = None
        """The newest note that the quorum signed, and its size, as last looked at."""
        self._open: tuple[str, int] | None = None
        """The newest note on offer with the lines that it has, and its size."""
        self._looked = -FRESH
        self._turn = asyncio.Lock()

    # ---- what is asked

    async def offer(self) -> None:
        """Put the newest checkpoint on offer, if the policy has witnesses and the last on offer is old enough.

        Raises:
            Unavailable: `store`.
        """
        note = await self._kept.newest()
        if note is None:
            return
        size, now = read_body(note)[0].size, self._clock.now()
        last = next(iter(await self._kept.offered(1)), None)
        if last is not None and (size <= last.size or now - last.time < self._pace):
            return
        if not (await self.policies.at(size)).quorum:
            return
        if last is not None:
            await self._report(last)
        await self._kept.offer(size, now, KEPT)
        self._looked = -FRESH

    async def _report(self, last: Offered) -> None:
        """Say so where a checkpoint went by without its quorum."""
        policy = await self.policies.at(last.size)
        signed = {name for name, _ in last.lines}
        if len(signed & policy.witnesses.keys()) < policy.quorum:
            missing = " ".join(sorted(policy.witnesses.keys() - signed))
            self._watcher.saw(
                "witnesses-unavailable", size=last.size, signed=len(signed), quorum=policy.quorum, missing=missing
            )

    # ---- what comes in

    async def take(self, link: Address, body: bytes) -> None:
        """Keep a witness' cosignature; the same again, or one over a checkpoint of before, takes no effect.

        Raises:
            Malformed: `checkpoint`, its form. Untrusted: `checkpoint`, it is by no witness, does not verify, or is
                over a root that we did not publish. Forbidden: `link-identity`. Unavailable: `store`.
        """
        claimed = claimed_cosignature(body)[0]
        signed = read_cosignature(body, await self.policies.at(claimed.size))
        if not link.covers(Address.parse(signed.witness)):
            raise Forbidden(Reason.LINK_IDENTITY, "a witness sends its cosignatures itself")
        await self._check_root(signed.witness, signed.checkpoint)
        if await self._kept.cosign(claimed.size, signed.witness, signed.line, self._clock.now()):
            self._looked = -FRESH
            self._watcher.saw("cosigned", size=claimed.size, witness=signed.witness)

    async def _check_root(self, witness: str, signed: Checkpoint) -> None:
        note = await self._kept.published(signed.size)
        if note is None or read_body(note)[0].root != signed.root:
            self._watcher.saw("cosignature-failed", witness=witness, size=signed.size, root=signed.root.hex())
            raise Untrusted(Reason.CHECKPOINT, f"{witness} signed a tree head that this log did not publish")

    # ---- what is read

    async def quorum(self, size: int) -> int:
        """How many witnesses sign a checkpoint of this size; 0 where nobody does.

        Raises:
            Unavailable: `store`.
        """
        return (await self.policies.at(size)).quorum

    async def candidate(self) -> str | None:
        """The note that witnesses are asked to sign, with the lines that it has; None where there is none.

        Raises:
            Unavailable: `store`.
        """
        await self._look()
        return None if self._open is None else self._open[0]

    async def witnessed(self) -> str | None:
        """The newest note that the quorum of its policy signed; None where there is none.

        Raises:
            Unavailable: `store`.
        """
        await self._look()
        return None if self._best is None else self._best[0]

    async def covering(self, index: int) -> tuple[str, int] | None:
        """The best note that covers entry `index`, and its size: one that the quorum signed, else the one on offer.

        None where neither covers it: only the log has signed it then.

        Raises:
            Unavailable: `store`.
        """
        await self._look()
        for found in (self._best, self._open):
            if found is not None and index < found[1]:
                return found
        return None

    async def published(self, size: int) -> str | None:
        """The note of this size, if one was published, with the lines that it has.

        Raises:
            Unavailable: `store`.
        """
        note = await self._kept.published(size)
        for one in await self._kept.offered(KEPT) if note is not None else ():
            if one.size == size:
                return (await self._noted(one))[0]
        return note

    async def _look(self) -> None:
        """Read again what is old; who asks meanwhile waits for it, and nobody takes a failed look for a fresh one."""
        async with self._turn:
            now = self._clock.now()
            if now - self._looked < FRESH:
                return
            self._looked = now  # what changes while it is read is looked at again
            try:
                await self._read()
            except BaseException:
                self._looked = -FRESH
                raise

    async def _read(self) -> None:
        found = await self._kept.offered(_LOOKED)
        self._open = None if not found else ((await self._noted(found[0]))[0], found[0].size)
        best = await self._quorate(found)
        if best is None and len(found) == _LOOKED and self._best is None:
            best = await self._quorate(await self._kept.offered(KEPT))
        self._best = best or self._best

    async def _quorate(self, found: Sequence[Offered]) -> tuple[str, int] | None:
        for one in found:
            note, count, quorum = await self._noted(one)
            if quorum and count >= quorum:
                return note, one.size
        return None

    async def _noted(self, one: Offered) -> tuple[str, int, int]:
        """(note with the lines of its policy, how many those are, how many are needed)."""
        policy = await self.policies.at(one.size)
        lines = [line for name, line in one.lines if name in policy.witnesses]
        note = one.note
        for line in lines:
            note = add_line(note, line)
        return note, len(lines), policy.quorum


async def best_note(kept: Cosignatures, policies: Policies, least: int) -> str | None:
    """The newest published note of at least `least` entries that the quorum of its policy signed, lines and all.

    For exports: None where no such note has its quorum; the newest one, provisional, is then all there is.

    Raises:
        Unavailable: `store`. Malformed, Untrusted: a stored version does not verify.
    """
    for one in await kept.offered(KEPT):
        policy = await policies.at(one.size)
        lines = [line for name, line in one.lines if name in policy.witnesses]
        if one.size >= least and policy.quorum and len(lines) >= policy.quorum:
            return one.note + "".join(lines)
    return None
