"""The live dialogue with a gateway that lies about itself, the directory and the ledger.

Each lie is told to a program that begins anew, as a seat of its own: some of them end in an alarm, after which nothing
more is sealed. What is read goes over HTTPS on both links, so both hear them.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from bureaus.conformance.contract import OK
from bureaus.conformance.findings import Finding
from bureaus.conformance.front import Call, Forward, Reply
from bureaus.conformance.ground import BR, OPERATION
from bureaus.conformance.peer import Peer
from bureaus.conformance.scene import SHORT_SECONDS, Seat, Wrong, judged, live_test, told
from bureaus.conformance.sections import within
from bureaus.sandbox.pki import SandboxAuthority
from schemas import cbor, wire
from schemas.codes import Purpose
from schemas.directory import Current, Link, sign_current, sign_directory
from schemas.keys import SigningKey
from schemas.messages import WhereaboutsQuery
from schemas.messages.codes import Asked
from schemas.notes import Checkpoint, sign_checkpoint

if TYPE_CHECKING:
    from bureaus.conformance.dialogue import Stage

_DAY: Final = 24 * 3600


async def lies(stage: Stage, peer: Peer, link: Link, only: str) -> AsyncIterator[Finding]:
    """A server that is not the gateway, a directory that is not the authority's, a ledger with two histories."""
    for name, section, says, work in _LIES:
        if within(section, only):
            test = live_test(link, name, section, says)
            yield await judged(test, partial(work, stage, peer), peer.given_up)


async def _wrong_server(stage: Stage, peer: Peer) -> None:
    stranger = SandboxAuthority("a stranger's authority").issue_server()
    foreign = await asyncio.to_thread(stranger.save, stage.folder / "foreign", "server")
    async with stage.seat(peer, foreign) as seat:
        answer = await seat.begin()
        if answer.outcome == OK:
            answer = await seat.send(BR, "PROGRAM-5", SHORT_SECONDS)
        if seat.front.calls:
            said = f"{len(seat.front.calls)} requests"
            raise Wrong("nothing is said to a server without the authority's certificate", said)
        if answer.outcome == OK:
            raise Wrong("an outcome other than ok", told(answer))


async def _forged_directory(stage: Stage, peer: Peer) -> None:
    trust = stage.ground.kit.trust
    forged = sign_directory(trust.directory, [SigningKey.generate()], trust.network)

    async def play(call: Call, _forward: Forward) -> Reply | None:
        paths = (wire.DIRECTORY, f"{wire.DIRECTORY}/{trust.directory.version}")
        return Reply(200, forged, wire.COSE_TYPE) if call.path in paths else None

    await _silent(stage, peer, play)


async def _unproven_directory(stage: Stage, peer: Peer) -> None:
    """The proof in place of the directory's entry is a true one, of another entry."""
    entry, proof = await _another(stage)
    answer = cbor.encode([entry, proof.decode()])

    async def play(call: Call, _forward: Forward) -> Reply | None:
        wanted = call.path.startswith(f"{wire.DIRECTORY}/") and call.path.endswith(f"/{wire.DIRECTORY_PROOF}")
        return Reply(200, answer) if wanted else None

    await _silent(stage, peer, play)


async def _another(stage: Stage) -> tuple[bytes, bytes]:
    """An entry of the ledger and its proof: of a message of the kit's bureau."""
    kit = stage.ground.kit
    query = WhereaboutsQuery(asked=(Asked.STATUS,), case="KIT-ASKS-5")
    sent = await kit.ask(query, to=["IPSG"], operation=OPERATION, purpose=Purpose.ARREST)
    await sent.proof()
    index = (await sent.accepted()).index
    return await kit.link.get(f"{wire.ENTRIES}/{index}"), await kit.link.get(f"{wire.PROOFS}/{index}")


async def _stale(stage: Stage, peer: Peer) -> None:
    trust = stage.ground.kit.trust
    said = Current(trust.directory.version, trust.directory.hash, int(time.time()) - _DAY - 3600, trust.head)
    stale = sign_current(said, trust.network.id, stage.ground.service_key("current"))

    async def play(call: Call, _forward: Forward) -> Reply | None:
        return Reply(200, stale, wire.COSE_TYPE) if call.path == wire.CURRENT else None

    await _silent(stage, peer, play)


async def _silent(stage: Stage, peer: Peer, play: Callable[[Call, Forward], Awaitable[Reply | None]]) -> None:
    """Whether a program that is lied to from its first request on submits nothing."""
    async with stage.seat(peer) as seat:
        seat.front.play = play
        answer = await seat.begin()
        if answer.outcome == OK:
            answer = await seat.send(BR, "PROGRAM-6", SHORT_SECONDS)
        if _submitted(seat, "PROGRAM-6"):
            raise Wrong("nothing is sealed and submitted", f"a message was submitted; {told(answer)}")
        if answer.outcome == OK:
            raise Wrong("an outcome other than ok", told(answer))


async def _other_proof(stage: Stage, peer: Peer) -> None:
    entry, proof = await _another(stage)

    async def play(call: Call, _forward: Forward) -> Reply | None:
        if call.path.startswith(wire.ENTRIES):
            return Reply(200, entry)
        return Reply(200, proof, "text/plain") if call.path.startswith(wire.PROOFS) else None

    async with stage.seat(peer) as seat:
        await seat.running_now()
        sent = await seat.send(BR, "PROGRAM-8")
        if sent.outcome != OK:
            raise Wrong("ok", told(sent))
        seat.front.play = play
        given: dict[str, JsonValue] = {"digest": sent.shows.get("digest"), "seconds": SHORT_SECONDS}
        answer = await seat.ask("live.prove", given)
        if answer.outcome == OK:
            raise Wrong("an outcome other than ok", told(answer))


def _submitted(seat: Seat, case: str, since: int = 0) -> bool:
    """Whether a question was submitted: to the front, or over a broker to the kit's bureau."""
    cases = [query.message.case for query in seat.ground.queries if isinstance(query.message, WhereaboutsQuery)]
    return bool(seat.front.posted(wire.MESSAGES, since)) or case in cases


async def _fork(stage: Stage, peer: Peer) -> None:
    """Two histories: a checkpoint of the log's own key that the one before does not lead to."""
    async with stage.seat(peer) as seat:
        await seat.running_now()
        since = len(seat.front.calls)
        head = stage.ground.kit.trust.head
        log = stage.ground.log_key
        other = Checkpoint(log.name, head.size + 1000, os.urandom(32))
        note = sign_checkpoint(other, log, int(time.time())).encode()

        async def play(call: Call, _forward: Forward) -> Reply | None:
            if call.path in (wire.CHECKPOINT, wire.WITNESSED):
                return Reply(200, note, "text/plain")
            if call.path.startswith(wire.CONSISTENCY):
                return Reply(200, b"\x81\x58\x20" + bytes(32))
            return None

        seat.front.play = play
        answer = await seat.ask("live.refresh", {})
        if answer.outcome == OK:
            raise Wrong("an outcome other than ok: consistency", told(answer))
        seat.front.play = None
        answer = await seat.send(BR, "PROGRAM-7", SHORT_SECONDS)
        if _submitted(seat, "PROGRAM-7", since) or answer.outcome == OK:
            raise Wrong("nothing is sealed until a person has looked", f"a message was submitted; {told(answer)}")


_LIES: Final = (
    ("server", "6", "the gateway's server shows a certificate of another authority", _wrong_server),
    ("directory-forged", "2.3", "the directory is signed by somebody else than the authority", _forged_directory),
    ("directory-unproven", "2.3", "the directory's proof is of another entry of the ledger", _unproven_directory),
    ("directory-stale", "2.4", "the directory was not confirmed for more than a day", _stale),
    ("proof-another", "5.4", "the proof of its message is of another entry of the ledger", _other_proof),
    ("fork", "5.6", "the log shows a second history", _fork),
)
