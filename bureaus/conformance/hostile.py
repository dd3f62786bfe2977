"""The live dialogue with a hostile network: copies and receipts that must be refused. Lies are in lies.py.

copies    in the inbox beside an honest message: none reaches the user, and each is answered as section 4 says
answers   to what the program submits: receipts that do not verify, a gateway that is not ready
lies      about who the gateway is, the directory, and the ledger, each to a program that begins anew
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from bureaus.conformance.contract import OK
from bureaus.conformance.findings import Finding
from bureaus.conformance.forging import FORGERIES, QUERY, Forger, Forgery, bent_path
from bureaus.conformance.front import Call, Forward, Reply
from bureaus.conformance.ground import BR
from bureaus.conformance.peer import Peer
from bureaus.conformance.scene import SHORT_SECONDS, Seat, Wrong, judged, live_test, told, until
from bureaus.conformance.sections import within
from schemas import wire
from schemas.directory import Link
from schemas.envelope import digest_of, read
from schemas.errors import Reason
from schemas.evidence import Event, Outcome
from schemas.keys import SigningKey
from schemas.wire import InboxItem, ItemType, decode_submission

if TYPE_CHECKING:
    from bureaus.conformance.dialogue import Talk

_SETTLING: Final = 3.0
"""Seconds that a refusal's acknowledgement may come after the honest message beside it."""
RETRY_SECONDS: Final = 2
_EARLY: Final = 0.2
"""Seconds that a clock may be off."""


# ---------------------------------------------------------------------------------------- copies


async def copies(talk: Talk, peer: Peer, link: Link, only: str) -> AsyncIterator[Finding]:
    """Every forged copy beside one honest message, then the honest ones again."""
    wanted = [forgery for forgery in FORGERIES if within(forgery.section, only)]
    reused = Forgery("id-reused", "4", "its id is another message's", _reusing(talk), Reason.ID_REUSED)
    wanted += [reused] if within("4", only) else []
    if wanted:
        async for finding in _forged(talk, peer, link, wanted):
            yield finding
    if within("4", only):
        test = live_test(link, "duplicate", "4", "a copy that comes again is handled once")
        yield await judged(test, partial(_again, talk), peer.given_up)
        test = live_test(link, "duplicate-restarted", "4", "the same after it was ended and begun again")
        yield await judged(test, partial(_again_after_restart, talk), peer.given_up)


def _reusing(talk: Talk) -> Callable[[Forger], InboxItem]:
    def make(forger: Forger) -> InboxItem:
        for item in reversed(talk.way.given()):
            if item.type is ItemType.ENVELOPE and _seen(talk.seat, item):
                return forger.item(forger.envelope(forger.header(cti=read(item.statement).header.cti)))
        raise Wrong("an honest copy before", "none was given")

    return make


async def _forged(talk: Talk, peer: Peer, link: Link, wanted: list[Forgery]) -> AsyncIterator[Finding]:
    made: dict[str, InboxItem] = {}

    async def together() -> None:
        await talk.seat.running_now()
        if not talk.way.given():
            await talk.seat.asked_by_kit("KIT-ASKS-2")
        made.update({forgery.id: forgery.make(talk.seat.forger) for forgery in wanted})
        await talk.way.put(list(made.values()))
        await talk.seat.asked_by_kit("KIT-ASKS-3")
        refusals = [digest_of(made[one.id].statement) for one in wanted if one.refused is not None]
        await until(lambda: all(talk.way.acknowledged(digest) for digest in refusals), _SETTLING)

    test = live_test(link, "forged", "4", "forged copies beside an honest message, which reaches the user")
    beside = await judged(test, together, peer.given_up)
    yield beside
    for forgery in wanted if made else ():
        test = live_test(link, f"forged-{forgery.id}", forgery.section, f"a copy: {forgery.says}")
        yield await judged(test, partial(_refused, talk, forgery, made[forgery.id]), peer.given_up)


async def _refused(talk: Talk, forgery: Forgery, item: InboxItem) -> None:
    """Whether a forged copy was kept from the user, and answered as it should be."""
    digest = digest_of(item.statement)
    expected = "no acknowledgement" if forgery.refused is None else f"an acknowledgement: refused, {forgery.refused}"
    if any(message.digest == digest for message in talk.seat.seen):
        raise Wrong(f"kept from the user; {expected}", "the user saw it")
    said = talk.way.acknowledged(digest)
    if said is None:
        if forgery.refused is not None:
            raise Wrong(expected, "none")
        return
    said.sign1.verify(talk.seat.keys.signing.public)
    outcome, reason = said.acknowledgement.outcome, said.acknowledgement.reason
    if outcome is not Outcome.REFUSED or reason != forgery.refused:
        raise Wrong(expected, f"an acknowledgement: {outcome}, {reason}")


async def _again(talk: Talk) -> None:
    await talk.seat.running_now()
    await talk.seat.take()
    honest = [item for item in talk.way.given() if _seen(talk.seat, item)]
    if not honest:
        raise Wrong("honest copies before", "none reached the user")
    before = [message.digest for message in talk.seat.seen]
    await talk.way.put([honest[-1], honest[-1]])
    await talk.seat.asked_by_kit("KIT-ASKS-4")
    again = [message for message in talk.seat.seen[len(before) :] if message.digest in before]
    if again:
        raise Wrong("the user sees it once", f"the user saw {again[0].digest.hex()[:16]} again")


async def _again_after_restart(talk: Talk) -> None:
    await talk.seat.end()
    await _again(talk)


def _seen(seat: Seat, item: InboxItem) -> bool:
    digest = digest_of(item.statement)
    return any(message.digest == digest for message in seat.seen)


# ---------------------------------------------------------------------------------------- answers


async def answers(talk: Talk, peer: Peer, link: Link, only: str) -> AsyncIterator[Finding]:
    """Receipts that do not verify, and a gateway that is not ready; on HTTP, where the kit stands between."""
    if link is not Link.HTTP:
        return
    if within("6", only):
        test = live_test(link, "retry-after", "6", "503 with Retry-After: the same bytes again, after that time")
        yield await judged(test, partial(_waits, talk.seat), peer.given_up)
    if within("3", only):
        test = live_test(
            link, "expired", "3", "the gateway refuses its message as expired: it says so, or says it anew"
        )
        yield await judged(test, partial(_expired, talk.seat), peer.given_up)
    for name, says, play in _RECEIPTS:
        if within("5.4", only):
            test = live_test(link, f"receipt-{name}", "5.4", f"the receipt of its message {says}")
            yield await judged(test, partial(_disbelieved, talk.seat, play(talk.seat)), peer.given_up)


async def _waits(seat: Seat) -> None:
    await seat.running_now()
    since, told_to_wait = len(seat.front.calls), 0

    async def play(call: Call, _forward: Forward) -> Reply | None:
        nonlocal told_to_wait
        if not _asks(call) or told_to_wait:
            return None
        told_to_wait = 1
        body = b'{"type":"about:blank","status":503,"reason":"overloaded"}'
        return Reply(503, body, "application/problem+json", {"Retry-After": str(RETRY_SECONDS)})

    seat.front.play = play
    try:
        answer = await seat.send(BR, "PROGRAM-3")
    finally:
        seat.front.play = None
    posts = [call for call in seat.front.posted(wire.MESSAGES, since) if _asks(call)]
    if answer.outcome != OK or answer.shows.get("accepted") is not True or len(posts) < 2:
        raise Wrong("submitted again, and accepted", f"{len(posts)} submissions; {told(answer)}")
    if posts[0].body != posts[1].body:
        raise Wrong("the same bytes again", "other bytes")
    waited = posts[1].at - posts[0].at
    if waited < RETRY_SECONDS - _EARLY:
        raise Wrong(f"{RETRY_SECONDS} s between", f"{waited:.1f} s")


async def _expired(seat: Seat) -> None:
    await seat.running_now()
    refused: list[bytes] = []

    async def play(call: Call, _forward: Forward) -> Reply | None:
        if not _asks(call) or refused:
            return None
        refused.append(_digest(call))
        event, reason = Event.SUBMISSION_REJECTION, Reason.EXPIRED
        return Reply(422, seat.forger.receipt(refused[0], event=event, reason=reason))

    seat.front.play = play
    try:
        answer = await seat.send(BR, "PROGRAM-9")
    finally:
        seat.front.play = None
    shown = (answer.shows.get("accepted"), answer.shows.get("reason"))
    anew = bool(refused) and shown[0] is True and answer.shows.get("digest") != refused[0].hex()
    if not refused or answer.outcome != OK or not (shown == (False, Reason.EXPIRED) or anew):
        raise Wrong("accepted false, reason expired; or another message, accepted", told(answer))


def _asks(call: Call) -> bool:
    """Whether it submits a question: answers of earlier tests may still be on their way."""
    if (call.method, call.path) != ("POST", wire.MESSAGES):
        return False
    return read(decode_submission(call.body).statement).header.kind == QUERY


ReceiptOf = Callable[[Call, bytes], bytes]
"""What is answered in place of the honest receipt."""


def _by_stranger(seat: Seat) -> ReceiptOf:
    return lambda call, _: seat.forger.receipt(_digest(call), by=SigningKey.generate())


def _of_another(seat: Seat) -> ReceiptOf:
    return lambda _call, _: seat.forger.receipt(os.urandom(32))


def _bent(_seat: Seat) -> ReceiptOf:
    return lambda _call, honest: bent_path(honest)


def _of_other_network(seat: Seat) -> ReceiptOf:
    return lambda call, _: seat.forger.receipt(_digest(call), net=bytes(32))


_RECEIPTS: Final = (
    ("stranger", "is signed by a stranger", _by_stranger),
    ("another", "is for another message", _of_another),
    ("path", "has a path that does not lead to the root", _bent),
    ("network", "is another network's", _of_other_network),
)


def _digest(call: Call) -> bytes:
    return digest_of(decode_submission(call.body).statement)


async def _disbelieved(seat: Seat, receipt: ReceiptOf) -> None:
    """Whether the program takes a receipt that proves nothing for an acceptance."""
    await seat.running_now()
    given = 0

    async def play(call: Call, forward: Forward) -> Reply | None:
        nonlocal given
        if call.path.startswith(wire.ACCEPTANCES):
            return Reply(404, b"")
        if not _asks(call):
            return None
        honest = await forward(call)
        given += 1
        return Reply(200, receipt(call, honest.body))

    seat.front.play = play
    try:
        answer = await seat.send(BR, "PROGRAM-4", SHORT_SECONDS)
    finally:
        seat.front.play = None
    if not given:
        raise Wrong("a message is submitted", f"nothing; {told(answer)}")
    if answer.outcome == OK and answer.shows.get("accepted") is not False:
        raise Wrong("no receipt: an outcome other than ok", told(answer))
