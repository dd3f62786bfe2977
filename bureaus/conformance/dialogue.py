"""The live dialogue: what an honest network asks of a program, then what a hostile one does to it.

Order: the program begins, asks, reads its receipt, takes the answer, acknowledges it, proves its message, is asked and
answers, hears a refusal, follows a rotation, hears of silence. Then hostile.py. Each test needs the ones before only
where it says so.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bureaus.conformance.contract import OK, Answer
from bureaus.conformance.findings import Finding, Report
from bureaus.conformance.front import Front
from bureaus.conformance.ground import BR, IPSG, KIT_CASE, MX, REPLY_CASE, SILENT, Ground, Keys, program_seats
from bureaus.conformance.peer import Peer
from bureaus.conformance.scene import ANSWER_SECONDS, ASK_SECONDS, Seat, Way, Wrong, judged, live_test, told, until
from bureaus.conformance.sections import within
from bureaus.sandbox.pki import TlsFiles
from schemas.directory import Link
from schemas.envelope import digest_of
from schemas.errors import Misuse
from schemas.evidence import Event, Outcome, SignedAcknowledgement
from schemas.keys import SigningKey
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse
from schemas.wire import InboxItem

SEATS: Final = 7
"""Of the program under test: one for the dialogue, and one for each lie that ends in an alarm."""
TALKED: Final = ("1", "1.1", "1.2", "1.3", "2.6", "3", "4", "5.3", "5.4", "5.7", "6")
"""Sections that have a test which needs a program in the middle of a dialogue."""
_ACKNOWLEDGED: Final = 5.0


class HttpWay:
    """Reaches into the HTTP link through the front."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def put(self, items: Sequence[InboxItem]) -> None:
        """As `Way.put`."""
        self._front.absorbed.update(digest_of(item.statement) for item in items)
        self._front.before = list(items)

    def given(self) -> list[InboxItem]:
        """As `Way.given`."""
        return list(self._front.items)

    def acknowledged(self, digest: bytes) -> SignedAcknowledgement | None:
        """As `Way.acknowledged`."""
        return self._front.acknowledged.get(digest)


@dataclass(slots=True)
class Talk:
    """The dialogue with one program over one link, and what earlier tests of it left behind."""

    seat: Seat
    way: Way
    sent: Answer | None = None
    answered: bytes = b""

    @property
    def ground(self) -> Ground:
        """The network."""
        return self.seat.ground

    async def starts(self) -> None:
        """It begins."""
        await self.seat.running_now()

    async def asks(self) -> None:
        """It asks the kit's bureau."""
        await self.seat.running_now()
        self.ground.queries.clear()
        answer = await self.seat.send(BR, "PROGRAM-1")
        if answer.outcome != OK or answer.shows.get("accepted") is not True:
            raise Wrong("ok, accepted true", told(answer))
        self.sent = answer
        if not await until(lambda: bool(self.ground.queries), ANSWER_SECONDS):
            raise Wrong("the question reaches the kit's bureau, which verifies it", "nothing came")
        query = self.ground.queries[0]
        digest = str(answer.shows.get("digest"))
        if query.digest.hex() != digest:
            raise Wrong(f"digest {query.digest.hex()}, SHA-256 of the statement that came", digest)
        if not isinstance(query.message, WhereaboutsQuery) or query.message.case != "PROGRAM-1":
            raise Wrong("the content that the program was given", str(query.message))

    async def reads_its_receipt(self) -> None:
        """It says what its receipt says."""
        sent = self._sent()
        index = self.ground.queries[0].receipt.index if self.ground.queries else None
        if sent.shows.get("index") != index or sent.shows.get("reason") is not None:
            raise Wrong(f"index {index}, reason null", told(sent))

    async def takes_the_answer(self) -> None:
        """It opens the answer."""
        digest = bytes.fromhex(str(self._sent().shows.get("digest")))
        message = await self.seat.take_until(lambda one: one.re == digest, "the answer reaches the program's user")
        if message.sender != BR or message.content != {"finding": "NO_TRACE", "case": KIT_CASE}:
            raise Wrong(
                f"from BR, {{finding: NO_TRACE, case: {KIT_CASE}}}", f"from {message.sender}, {message.content}"
            )
        self.answered = message.digest

    async def acknowledges(self) -> None:
        """It acknowledges the answer."""
        if not self.answered:
            raise Wrong("an answer to acknowledge", "none was taken")
        await self._acknowledged(self.answered)

    async def proves(self) -> None:
        """It proves its message."""
        sent = self._sent()
        given = {"digest": sent.shows.get("digest"), "seconds": ASK_SECONDS}
        answer = await self.seat.ask("live.prove", given, ASK_SECONDS + ANSWER_SECONDS)
        if answer.outcome != OK or answer.shows.get("index") != sent.shows.get("index"):
            raise Wrong(f"ok, index {sent.shows.get('index')}", told(answer))

    async def is_asked(self) -> None:
        """It takes a question, answers and acknowledges it."""
        await self._asked("KIT-ASKS-1")

    async def follows_a_rotation(self) -> None:
        """A bureau that it knows makes new keys and asks again."""
        await self.seat.running_now()
        old = {key.key_id for key in self.ground.kit.keys.signing}
        await self.ground.rotate_kit()
        now = int(time.time())
        if self.ground.kit.trust.signer(self.ground.kit.keys.signing, now).key_id in old:
            raise Misuse("the kit's bureau signs with its old key")
        await self._asked("KIT-ASKS-6")

    async def hears_of_silence(self) -> None:
        """Nobody answers, and the gateway attests it."""
        await self.seat.running_now()
        answer = await self.seat.send(IPSG, "PROGRAM-10", operation=SILENT)
        if answer.outcome != OK or answer.shows.get("accepted") is not True:
            raise Wrong("ok, accepted true", told(answer))
        silence = str(Event.ANSWER_OVERDUE), str(answer.shows.get("digest")), str(IPSG)
        await self.seat.told_of(silence, f"told {', '.join(silence)}")

    async def disbelieves_attestations(self) -> None:
        """A stranger attests that the kit's bureau was silent, and another network's gateway does."""
        await self.seat.running_now()
        asked = bytes.fromhex(str(self._sent().shows.get("digest")))
        queries, attestation = (asked, os.urandom(32)), self.seat.forger.attestation  # of its own, and of nobody's
        forged = [attestation(query, by=SigningKey.generate()) for query in queries]
        forged += [attestation(query, net=bytes(32)) for query in queries]
        await self.way.put(forged)
        await self.seat.asked_by_kit("KIT-ASKS-7")
        if any(said[1] in {query.hex() for query in queries} for said in self.seat.attested):
            raise Wrong("its user is told nothing", "told of a silence")

    async def _asked(self, case: str) -> None:
        await self.seat.running_now()
        exchange = await self.seat.asked_by_kit(case)
        async for response in exchange.responses(ANSWER_SECONDS):
            said = response.message
            if not isinstance(said, WhereaboutsResponse) or said.case != REPLY_CASE:
                raise Wrong("the reply that the program was given", str(said))
            if response.header.thread != exchange.digest or response.header.re != exchange.digest:
                raise Wrong("thread and re name the question", "others")
            break
        else:
            raise Wrong("a final answer reaches the kit's bureau", f"none in {ANSWER_SECONDS:g} s")
        await self._acknowledged(exchange.digest)

    async def hears_a_refusal(self) -> None:
        """The gateway refuses, and it says so."""
        await self.seat.running_now()
        answer = await self.seat.send(MX, "PROGRAM-2")
        shown = (answer.shows.get("accepted"), answer.shows.get("reason"))
        if answer.outcome == OK and shown == (False, "recipient-not-member"):
            return
        if answer.outcome != "recipient-not-member":  # its own copy of the operation may have told it
            raise Wrong("ok, accepted false, reason recipient-not-member", told(answer))

    def _sent(self) -> Answer:
        if self.sent is None:
            raise Wrong("a message that was accepted", "none: see the test that asks")
        return self.sent

    async def _acknowledged(self, digest: bytes) -> None:
        if not await until(lambda: self.way.acknowledged(digest) is not None, _ACKNOWLEDGED):
            raise Wrong("an acknowledgement", "none")
        said = self.way.acknowledged(digest)
        if said is not None:
            said.sign1.verify(self.seat.keys.signing.public)
            if said.acknowledgement.outcome is not Outcome.PROCESSED:
                raise Wrong("processed", f"refused, {said.acknowledgement.reason}")


Step = tuple[str, str, str, Callable[[Talk], Awaitable[None]]]
HONEST: Final[tuple[Step, ...]] = (
    ("start", "6", "it begins: fetches and verifies what it needs", Talk.starts),
    ("ask", "1", "it asks: its message is accepted and verified by its recipient", Talk.asks),
    ("receipt", "5.4", "it reads its receipt", Talk.reads_its_receipt),
    ("answer", "4", "it opens the answer", Talk.takes_the_answer),
    ("handover", "5.3", "it acknowledges the answer", Talk.acknowledges),
    ("prove", "5.4", "it proves that its message is in the ledger", Talk.proves),
    ("asked", "4", "it is asked, answers and acknowledges", Talk.is_asked),
    ("refusal", "3", "its message is refused, and it says why", Talk.hears_a_refusal),
    ("rotated", "2.6", "a bureau with new keys asks: it takes up the directory, and answers", Talk.follows_a_rotation),
    ("silence", "5.7", "nobody answers in time: it says what the gateway attests", Talk.hears_of_silence),
    ("silence-forged", "5.7", "a silence that the gateway did not attest is none", Talk.disbelieves_attestations),
)


class Stage:
    """A ground with its certificates, on which programs are tried one after another."""

    def __init__(self, ground: Ground, server: TlsFiles, folder: Path) -> None:
        self.ground, self.server, self.folder = ground, server, folder
        self._free = list(ground.programs.values())

    def next_seat(self) -> Keys:
        """A seat that no program had yet. Raises Misuse where all were taken."""
        if not self._free:
            raise Misuse("every seat of this network was taken")
        return self._free.pop(0)

    @asynccontextmanager
    async def seat(self, peer: Peer, shown: TlsFiles | None = None) -> AsyncIterator[Seat]:
        """A seat of its own for a program, behind its own front, which shows `shown`; it ends with the block."""
        keys = self.next_seat()
        key = self.folder / f"{keys.address}.key"
        await asyncio.to_thread(key.write_text, keys.pem)
        front = Front(self.ground.url, self.server, self.ground.certificate(keys.address), key, shown=shown)
        async with front:
            seat = Seat(peer, self.ground, keys, front, self.folder / f"home-{keys.address}")
            try:
                yield seat
            finally:
                if not peer.given_up:
                    await self._ended(seat)

    @staticmethod
    async def _ended(seat: Seat) -> None:
        with suppress(Wrong):  # it does not end by itself; what comes next starts over another seat, or process
            await seat.end()


@asynccontextmanager
async def stage(link: Link, seats: int = SEATS, say: Callable[[str], None] = lambda _: None) -> AsyncIterator[Stage]:
    """A private network, made in a temporary folder that goes with it. Raises Misuse or Unavailable."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bureaunet-conformance-")))
        ground = await stack.enter_async_context(Ground(folder / "network", link, program_seats(seats), say=say))
        yield Stage(ground, await ground.server_certificate("front"), folder)


async def honest(talk: Talk, peer: Peer, link: Link, only: str) -> AsyncIterator[Finding]:
    """The tests of an honest network; those before the ones wanted run too, since they rest on one another."""
    last = max((place for place, step in enumerate(HONEST) if within(step[1], only)), default=-1)
    for name, section, says, work in HONEST[: last + 1]:
        finding = await judged(live_test(link, name, section, says), partial(work, talk), peer.given_up)
        if within(section, only):
            yield finding


@asynccontextmanager
async def _way(made: Stage, seat: Seat) -> AsyncIterator[Way]:
    if made.ground.link is Link.HTTP:
        yield HttpWay(seat.front)
        return
    from bureaus.conformance.broker import broker_way  # noqa: PLC0415  # the broker's driver only where there is one

    async with broker_way(made.ground, seat.keys.address, made.folder) as way:
        yield way


async def talk_live(peer: Peer, made: Stage, only: str = "") -> AsyncIterator[Finding]:
    """The whole dialogue with one program on a network that runs, or what belongs to one section."""
    from bureaus.conformance import hostile, lies  # noqa: PLC0415  # they build on this module

    link = made.ground.link
    if any(within(section, only) for section in TALKED):
        async with made.seat(peer) as seat, _way(made, seat) as way:
            talk = Talk(seat, way)
            for part in (honest, hostile.copies, hostile.answers):
                async for finding in part(talk, peer, link, only):
                    yield finding
    async for finding in lies.lies(made, peer, link, only):
        yield finding


async def run_live(peer: Peer, name: str, report: Report, only: str, say: Callable[[str], None]) -> None:
    """The same over a network that is started for it; what came out is added to the report.

    Raises:
        Misuse, Unavailable: the network does not start.
    """
    link = Link(name)
    async with stage(link, say=say) as made:
        say(f"talking over {link}")
        report.links = [*report.links, name]
        async for finding in talk_live(peer, made, only):
            report.findings.append(finding)
