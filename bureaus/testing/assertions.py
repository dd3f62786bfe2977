"""Assertions on what the network did. Each says in words what was otherwise, and rests on signed evidence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Final

from bureaus.auditor import Verdict, audit, pinned
from bureaus.exchange import Sent
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.testing.countries import Countries
from schemas import wire
from schemas.directory import Use
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable, Untrusted
from schemas.evidence import Event, read_entry
from schemas.identity import Address
from schemas.receipts import Acceptance, read_acceptance

WITHIN: Final = 30.0
"""Seconds that an assertion waits for what takes its time."""
_PAUSE: Final = 0.1


async def assert_delivered(bureaus: Countries, sent: Sent, *, to: str | None = None, within: float = WITHIN) -> None:
    """The message is accepted, and `to`, or every recipient, acknowledged it: the ledger has their signed word.

    A recipient acknowledges when its handler has ended, or, for an answer, when its store has it.
    """
    until = time.monotonic() + within
    try:
        accepted = await sent.accepted(within)
    except Unavailable as error:
        raise AssertionError(f"not decided within {within:g} s: {error.detail}") from error
    recipients = set(sent.draft.to) if to is None else {Address(to)}
    missing, looked = set(recipients), (accepted.index or 0) + 1
    office = bureaus[SECRETARIAT]
    while missing:
        size = (await office.refresh()).head.size
        for index in range(looked, size):
            missing -= await _handed_over(bureaus, index, sent.digest)
        looked = max(looked, size)
        if missing and time.monotonic() > until:
            raise AssertionError(f"not handed over to {', '.join(sorted(missing))} within {within:g} s")
        await asyncio.sleep(_PAUSE if missing else 0)


async def _handed_over(bureaus: Countries, index: int, digest: bytes) -> set[Address]:
    """Whom an entry says to have acknowledged the message; the operation's owner may read its entries."""
    try:
        entry = read_entry(await bureaus[SECRETARIAT].link.get(f"{wire.ENTRIES}/{index}"))
    except Forbidden:  # an entry of no operation of ours
        return set()
    if entry.digest != digest or entry.party is None:
        return set()
    if entry.event is Event.CONTENT_HANDOVER_FAILURE:
        raise AssertionError(f"{entry.party} refused it: {entry.reason}")
    return {entry.party} if entry.event is Event.CONTENT_HANDOVER else set()


async def assert_refused(sent: Sent | Awaitable[Sent], *, reason: Reason | str, within: float = WITHIN) -> None:
    """The message is refused for this reason, by the gateway's signed word or already by our own program.

    `sent` is what `ask`, `tell` or `answer` gave, or the call itself, not awaited yet.
    """
    wanted = Reason(reason)
    try:
        one = sent if isinstance(sent, Sent) else await sent
        accepted = await one.accepted(within)
    except Unavailable:
        raise
    except BureaunetError as error:
        if error.reason is not wanted:
            raise AssertionError(f"refused as {error.reason}, not as {wanted}: {error.detail}") from error
        return
    raise AssertionError(f"accepted as entry {accepted.index}, not refused as {wanted}")


async def assert_record_verifies(bureaus: Countries, operation: str, *, within: float = WITHIN) -> Verdict:
    """The operation's record verifies offline, with every receipt that an open bureau keeps: the auditor's verdict."""
    site, until = bureaus.site, time.monotonic() + within
    for code, bureau in bureaus.items():
        if not await bureau.settled(max(0.0, until - time.monotonic())):
            raise AssertionError(f"{code} still waits for something: {await bureau.counts()}")
    receipts = await _receipts(bureaus, operation)
    record = site.gateway_home.parent / f"{operation}.record"
    await _export(bureaus, operation, record, until)
    verdict = await asyncio.to_thread(audit, record, pinned(site.network_file), receipts)
    if not verdict.ok:
        said = [] if verdict.receipts is None else verdict.receipts.wrong
        raise AssertionError(f"the record of {operation} does not verify: {verdict.error or '; '.join(said)}")
    return verdict


async def _receipts(bureaus: Countries, operation: str) -> list[bytes]:
    """Every receipt that is kept of the operation: by the entry that it names, or by nothing, where it names none."""
    kept: dict[bytes, Acceptance] = {}
    for bureau in bureaus.values():
        keys = bureau.trust.directory.service_keys(Use.ACCEPTANCE)
        kept |= {raw: read_acceptance(raw, bureau.trust.network.id, keys) for raw in await bureau.receipts()}
    return [raw for raw, acceptance in kept.items() if await _of(bureaus, acceptance, operation)]


async def _of(bureaus: Countries, acceptance: Acceptance, operation: str) -> bool:
    if acceptance.index is None:
        return True
    try:
        entry = read_entry(await bureaus[SECRETARIAT].link.get(f"{wire.ENTRIES}/{acceptance.index}"))
    except Forbidden:  # it must be in the record, or the auditor says that it is missing
        return True
    return entry.operation == operation


async def _export(bureaus: Countries, operation: str, record: Path, until: float) -> None:
    """Export, again while no checkpoint covers the last entry."""
    while time.monotonic() < until:
        with suppress(Unavailable, Malformed, Untrusted):
            await bureaus.site.export(operation, record)
            return
        await asyncio.sleep(_PAUSE)
    await bureaus.site.export(operation, record)
