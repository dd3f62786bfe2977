"""Verifies the receipts of an exercise against a network that goes on serving, by a proof for each and no record.

Order: everybody who holds receipts is opened again; each receipt's signature, then its entry and its tlog-proof,
fetched over the holder's own link and checked under the pinned network file; then that all the tree heads which the
proofs lead to are one history.

Rules: a record is the operators' to export, since it holds what is between others; what is shown here is what bureaus
can show by themselves. A receipt that two of them hold is proved once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from bureaus.client import Bureau
from bureaus.exercises.report import Judgement
from bureaus.exercises.runner import Seat
from schemas import cbor, merkle, wire
from schemas.claims import Head
from schemas.directory import Use
from schemas.errors import Forbidden, Malformed, Reason, Unavailable, Untrusted
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address
from schemas.network import Network
from schemas.receipts import Acceptance, read_acceptance, read_proof

SECONDS: Final = 30.0
"""How long a checkpoint may take until it covers an entry, and an unreachable gateway until it is back."""
AT_ONCE: Final = 8
"""Receipts proved at one time."""
PROVEN: Final = "proven"
UNRECORDED: Final = "refused-before-the-ledger"
SAYS: Final = (
    "Every receipt was verified with its tlog-proof under the pinned network file. Whether every message was also "
    "handed over stands in the operation's record, which the network's operators export."
)
_PAUSE: Final = 0.25
_T = TypeVar("_T")


@dataclass(slots=True)
class _Found:
    """What was verified so far, and what was not."""

    entries: dict[int, Entry] = field(default_factory=dict)
    heads: dict[int, Head] = field(default_factory=dict)
    """By size."""
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add_head(self, head: Head) -> None:
        """A tree head that the log signed. Raises Untrusted where it signed another of this size."""
        if self.heads.setdefault(head.size, head) != head:
            raise Untrusted(Reason.CONSISTENCY, f"the log signed two trees of {head.size} entries")


async def prove(
    held: Mapping[Address, tuple[bytes, ...]], seat: Seat, network: Network, operation: str, within: float = SECONDS
) -> Judgement:
    """Verify everybody's receipts; messages are counted where they are of `operation`. `within` is in seconds.

    Raises:
        Misuse: a home is in use or not enrolled. Unavailable: the network cannot be reached.
    """
    holders: dict[bytes, Address] = {}
    for holder, receipts in held.items():
        for receipt in receipts:
            holders.setdefault(receipt, holder)
    found, at_once = _Found(), asyncio.Semaphore(AT_ONCE)
    async with AsyncExitStack() as stack:
        bureaus = {code: await stack.enter_async_context(seat(code)) for code in dict.fromkeys(holders.values())}

        async def take(number: int, receipt: bytes, bureau: Bureau) -> None:
            async with at_once:
                try:
                    found.counts[await _take(receipt, bureau, network, found, within)] += 1
                except (Malformed, Untrusted, Forbidden) as error:
                    found.wrong.append(f"receipt {number}, of {bureau.address}: {error.detail} ({error.reason})")

        await asyncio.gather(*(take(n, one, bureaus[code]) for n, (one, code) in enumerate(holders.items(), 1)))
        if bureaus:
            await _check_history(next(iter(bureaus.values())), found, within)
    return _judge(found, operation)


async def _take(receipt: bytes, bureau: Bureau, network: Network, found: _Found, within: float) -> str:
    acceptance = read_acceptance(receipt, network.id, bureau.trust.directory.service_keys(Use.ACCEPTANCE))
    place = acceptance.index
    if place is None:
        return UNRECORDED
    text = await _patiently(partial(bureau.link.get, f"{wire.PROOFS}/{place}"), within)
    raw = await _patiently(partial(bureau.link.get, f"{wire.ENTRIES}/{place}"), within)
    try:
        proof = read_proof(text.decode())
    except UnicodeDecodeError:
        raise Malformed(Reason.RECEIPT_FORM, "a proof is text") from None
    entry = read_entry(raw)
    if proof.index != place or not _attests(entry, acceptance):
        raise Untrusted(Reason.INCLUSION, f"entry {place} is not what the receipt says")
    head = proof.open(raw, network.policy).checkpoint
    found.add_head(Head(head.size, head.root))
    found.entries[place] = entry
    return PROVEN


def _attests(entry: Entry, acceptance: Acceptance) -> bool:
    said = (acceptance.event, acceptance.digest, acceptance.time, acceptance.reason)
    return (entry.event, entry.digest, entry.time, entry.reason) == said


async def _check_history(bureau: Bureau, found: _Found, within: float) -> None:
    """Whether every tree head is a beginning of the largest."""
    heads = [found.heads[size] for size in sorted(found.heads)]
    for old in heads[:-1]:
        largest = heads[-1]
        get = partial(bureau.link.get, f"{wire.CONSISTENCY}/{old.size}/{largest.size}")
        try:
            nodes = _hashes(await _patiently(get, within))
            merkle.verify_consistency(old.size, old.root, largest.size, largest.root, nodes)
        except (Malformed, Untrusted) as error:
            found.wrong.append(f"the trees of {old.size} and {largest.size} entries: {error.detail} ({error.reason})")


def _hashes(data: bytes) -> list[bytes]:
    match cbor.decode(data):
        case [*nodes]:
            return [node for node in nodes if isinstance(node, bytes)]
    raise Malformed(Reason.CONSISTENCY, "a consistency proof is an array of hashes")


async def _patiently(get: Callable[[], Awaitable[_T]], within: float) -> _T:
    """Ask again while it is not there yet. Raises Unavailable after `within` seconds."""
    until = time.monotonic() + within
    while True:
        try:
            return await get()
        except Unavailable as error:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(error.retry_after or _PAUSE)


def _judge(found: _Found, operation: str) -> Judgement:
    ours = [entry for entry in found.entries.values() if entry.operation == operation]
    kinds = Counter(entry.kind for entry in ours if entry.event is Event.SUBMISSION_ACCEPTANCE and entry.kind)
    largest = found.heads[max(found.heads)] if found.heads else None
    return Judgement(
        by="proofs",
        says=SAYS,
        wrong=tuple(found.wrong),
        messages=dict(sorted(kinds.items())),
        receipts=dict(sorted(found.counts.items())),
        size=None if largest is None else largest.size,
        root=None if largest is None else largest.root,
        entries=len(found.entries),
    )
