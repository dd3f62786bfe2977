"""A red notice, from the request to the arrest and the end of it, on a private network of this machine's.

France asks, the secretariat screens, two people publish, everybody but one country is told; a border post asks for a
passport, the owner confirms, the person is held, the papers come, the result is reported; the notice is withdrawn. Then
everything is stopped, and the record of it verified offline with the network file alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bureaus.auditor import Verdict, audit, pinned
from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.secretariat.office import OPERATION
from bureaus.stories import people
from bureaus.stories.hearing import Listener
from bureaus.stories.house import House
from bureaus.stories.telling import Step, Telling
from schemas.codes import Purpose, Urgency
from schemas.directory import ParticipantKind
from schemas.errors import Unavailable
from schemas.identity import Address
from schemas.messages import Message, Result
from schemas.messages.arrest_codes import Extradition, Identified, Sought
from schemas.messages.arrests import ArrestAnswer, ArrestProvisional, ExtraditionAnswer, ExtraditionRequest
from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import DocumentType, ResultKind
from schemas.messages.databases import DatabaseAnswer, DatabaseQuery, DocumentQuestion
from schemas.messages.fields import Place
from schemas.messages.hits import HitConfirmation, HitConfirmed
from schemas.messages.notice_codes import Decision
from schemas.messages.notices import (
    NoticeDecision,
    NoticeEnding,
    NoticeInformation,
    NoticePublication,
    NoticeWithdrawal,
)
from schemas.messages.search_codes import Search, Validity
from schemas.messages.whereabouts import Notice

SECRETARIAT: Final = "IPSG"
BORDER: Final = "KE/border-namanga"
SEATS: Final = (
    Seat(Address(SECRETARIAT), "General Secretariat", ParticipantKind.SECRETARIAT, units=("ccc", "fugitives")),
    Seat(Address("FR"), "France"),
    Seat(Address("BR"), "Brazil"),
    Seat(Address("AR"), "Argentina"),
    Seat(Address("KE"), "Kenya", units=("border-namanga",)),
    Seat(Address(BORDER), "Border post Namanga", ParticipantKind.UNIT),
)
HEARD: Final[tuple[type[Message], ...]] = (
    NoticeDecision, NoticePublication, NoticeEnding, DatabaseAnswer, HitConfirmation, HitConfirmed, ArrestProvisional,
    ArrestAnswer, ExtraditionRequest, ExtraditionAnswer,
)  # fmt: skip
NAMANGA: Final = Place(country="KE", locality="Namanga", detail="Border post")
ON_TIME: Final = 600
"""Seconds: the limit of an urgent hit confirmation."""
PAPERS: Final = 18 * 24 * 3600
"""Seconds until the papers, by the answer clock."""
_EXPORTS: Final = 40
_PAUSE: Final = 0.25


@dataclass(slots=True)
class Scene:
    """Everybody, at work."""

    telling: Telling
    house: House
    france: Listener
    brazil: Listener
    argentina: Listener
    kenya: Listener
    border: Listener
    number: str = ""
    """Of the notice."""

    @property
    def bureaus(self) -> tuple[Listener, ...]:
        """All of them."""
        return self.france, self.brazil, self.argentina, self.kenya, self.border


@dataclass(frozen=True, slots=True)
class Told:
    """The story as it was, and what its record came to."""

    steps: tuple[Step, ...]
    record: Path
    network: Path
    verdict: Verdict | None
    fault: str = ""

    @property
    def ok(self) -> bool:
        """Whether every step came as it must, and the record verifies."""
        return not self.fault and self.verdict is not None and self.verdict.ok


async def tell(out: Path, say: Callable[[Step], None], stage: Callable[[str], None]) -> Told:
    """Tell the story in the folder `out`: its record and network file stay there, the rest in `out/private`.

    `say` hears each step, `stage` what is made around them.

    Raises:
        Misuse, Unavailable: the network could not be started. What came otherwise after that is the `fault`.
    """
    record, network_file = out / f"{OPERATION}.record", out / "network.bn"
    fault, verdict = "", None
    network = PrivateNetwork(out / "private", SEATS, name="The story of a notice", say=stage)
    receipts: list[bytes] = []
    async with network:
        telling = Telling(say)
        network_file.write_bytes(await asyncio.to_thread(network.network_file.read_bytes))
        try:
            stage("starting the secretariat")
            async with _scene(telling, network, out) as scene:
                await _play(scene)
                for listener in scene.bureaus:
                    receipts += await listener.bureau.receipts()
            stage("writing the operation's record")
            await network.drain()
            await _export(network, record)
        except Unavailable as error:
            fault = error.detail or str(error.reason)
    if not fault:
        verdict = await asyncio.to_thread(audit, record, pinned(network_file), receipts)
        telling.tell("an auditor", f"verifies the record offline, and {len(receipts)} receipts", ok=verdict.ok)
    return Told(tuple(telling.steps), record, network_file, verdict, fault)


@asynccontextmanager
async def _scene(telling: Telling, network: PrivateNetwork, out: Path) -> AsyncIterator[Scene]:
    house = House(network.home(Address(SECRETARIAT)), out / "private" / "house")
    try:
        await asyncio.gather(house.hire("ana", "screener", "publisher"), house.hire("ben", "publisher"))
        await house.serve()
        telling.tell(SECRETARIAT, "serves: a process, a registry and keys of its own")
        async with AsyncExitStack() as stack:

            async def enter(code: str) -> Listener:
                return await stack.enter_async_context(Listener(network.bureau(Address(code)), HEARD))

            yield Scene(
                telling,
                house,
                france=await enter("FR"),
                brazil=await enter("BR"),
                argentina=await enter("AR"),
                kenya=await enter("KE"),
                border=await enter(BORDER),
            )
        code = await house.stop()
        telling.must(code == 0, SECRETARIAT, "is told to stop, sends what waits, and ends", code=code)
    finally:
        await house.close()


async def _play(scene: Scene) -> None:
    await _requested(scene)
    await _published(scene)
    await _found(scene)
    await _held(scene)
    await _withdrawn(scene)


async def _requested(scene: Scene) -> None:
    """Asked for, screened, completed."""
    france, telling, house = scene.france, scene.telling, scene.house
    face = people.picture()
    await france.ask(people.request(face, complete=False), SECRETARIAT, purpose=Purpose.ARREST, attachments=[face])
    telling.tell("FR", f"asks for a red notice, with a picture of {len(face)} bytes; it is denied to {people.DENIED}")
    number = await _waiting(scene)
    found = [row for row in await house.says("notice", "show", number) if row["event"] == "finding"]
    lacks = [str(row["found"]) for row in found if row["weight"] == "lacks"]
    telling.must(bool(lacks), SECRETARIAT, f"screens it by its rules: {'; '.join(lacks)}", findings=len(found))
    await house.acts("ana", "notice", "ask", number, "--questions", "Will extradition be asked for, and who says so?")
    more = await france.hears(NoticeDecision)
    asked = more.message.decision is Decision.MORE_INFORMATION
    telling.must(asked, "IPSG, ana", "asks for more information", findings=len(more.message.findings))
    fields = dict(people.request(face, complete=True).__dict__)
    await more.received.answer(NoticeInformation(**fields, note="The assurance is added."), attachments=[face])
    telling.tell("FR", "adds the assurance that extradition will be asked for")


async def _published(scene: Scene) -> None:
    """By two people, to everybody but whom it is denied to."""
    telling, house = scene.telling, scene.house
    number = await _waiting(scene)
    await house.acts("ana", "notice", "approve", number, "--why", "complete, and within the rules")
    telling.must(
        await house.refuses("ana", "notice", "approve", number, "--why", "again"),
        "IPSG, ana",
        "approves; the same person a second time is refused",
    )
    telling.must(scene.brazil.waiting(NoticePublication) == 0, SECRETARIAT, "publishes nothing on one approval")
    begun = telling.now()
    await house.acts("ben", "notice", "approve", number, "--why", "seen by a second person")
    done = (await scene.france.hears(NoticeDecision)).message
    scene.number = done.number or ""
    published = done.decision is Decision.PUBLISHED
    telling.must(published, "IPSG, ben", f"approves as well: published as {scene.number}", number=scene.number)
    heard = [await bureau.hears(NoticePublication) for bureau in (scene.brazil, scene.kenya)]
    whole = all(bytes(one.received.attachments[0]) == people.picture() for one in heard)
    seconds = round(telling.now() - begun, 2)
    telling.must(
        whole and scene.argentina.waiting(NoticePublication) == 0,
        "BR and KE",
        f"have it, picture and all, {seconds} s after the second approval; {people.DENIED} has nothing",
        seconds=seconds,
    )


async def _found(scene: Scene) -> None:
    """At a border; denied where it is denied; confirmed by the owner."""
    telling, border = scene.telling, scene.border
    passport = DocumentQuestion(number=people.PASSPORT, type=DocumentType.PASSPORT, issuer="FR")
    query = DatabaseQuery(document=passport, place=NAMANGA, why="A traveller at the border.")
    begun = telling.now()
    await border.ask(query, SECRETARIAT, purpose=Purpose.BORDER_CHECK, urgency=Urgency.URGENT)
    hit = (await border.hears(DatabaseAnswer)).message
    seconds = round(telling.now() - begun, 3)
    right = hit.result is Search.HIT and hit.found[0].notice == Notice(colour=people.COLOUR, number=scene.number)
    reasons = ", ".join(map(str, hit.found[0].reasons)) if hit.found else "nothing"
    telling.must(
        right, BORDER, f"asks for a passport: a hit on {scene.number} in {seconds} s ({reasons})", seconds=seconds
    )
    await scene.argentina.ask(query, SECRETARIAT, purpose=Purpose.BORDER_CHECK)
    nothing = (await scene.argentina.hears(DatabaseAnswer)).message
    telling.must(nothing.result is Search.NO_HIT, people.DENIED, "asks for the same passport: no hit, for it is denied")
    asked = await scene.france.hears(HitConfirmation)
    named = asked.message.asker == BORDER and asked.received.header.urgency is Urgency.URGENT
    telling.must(named, "FR", f"is alerted: {BORDER} has its person; is the notice still valid? (urgent: 10 minutes)")
    await asked.received.answer(
        HitConfirmed(
            validity=Validity.CONFIRMED,
            record=asked.message.record,
            conditions="Hold, and tell us before an interview.",
        )
    )
    for listener in (border, scene.kenya):
        word = (await listener.hears(HitConfirmed)).message
        seconds = round(telling.now() - begun, 2)
        confirmed = word.validity is Validity.CONFIRMED and word.owner == "FR" and seconds < ON_TIME
        telling.must(
            confirmed, listener.name, f"has the owner's word: CONFIRMED, {seconds} s after it asked", seconds=seconds
        )


async def _held(scene: Scene) -> None:
    """Held, the papers sent, surrendered; the result reported."""
    telling, kenya, france = scene.telling, scene.kenya, scene.france
    now = int(time.time())
    arrest = ArrestProvisional(
        case=people.ARREST,
        notice=Notice(colour=people.COLOUR, number=scene.number),
        person=people.PERSON,
        identified=(Identified.DOCUMENT, Identified.FACE),
        arrested=now,
        place=NAMANGA,
        papers_by=now + PAPERS,
    )
    await kenya.ask(arrest, "FR", SECRETARIAT, purpose=Purpose.ARREST)
    asked = await france.hears(ArrestProvisional)
    telling.tell("KE", "holds the person provisionally and asks France for its papers: 18 days, at most 40")
    follow = ArrestAnswer(
        word=Sought.PAPERS_FOLLOW,
        case=people.ARREST,
        until=now + PAPERS,
        warrant=people.WARRANT,
        charges=people.CHARGES,
    )
    await asked.received.answer(follow)
    words = {(await kenya.hears(ArrestAnswer)).message.word for _ in range(2)}
    telling.must(
        words == {Sought.PAPERS_FOLLOW, Sought.NOTED}, "FR", "intends to ask for extradition; IPSG notes the arrest"
    )
    paper = b"%PDF-1.4\n% a synthetic warrant\n"
    request = ExtraditionRequest(
        request=people.EXTRADITION, case=people.ARREST, person=people.PERSON, warrant=people.WARRANT,
        charges=people.CHARGES, authority="Synthetic ministry of justice",
        attachments=(Attachment.of(paper, Shows.WARRANT, MediaType.PDF),),
    )  # fmt: skip
    await france.ask(request, "KE", purpose=Purpose.EXTRADITION, attachments=[paper])
    papers = await kenya.hears(ExtraditionRequest)
    sent = ArrestAnswer(word=Sought.PAPERS_SENT, case=people.ARREST, request=people.EXTRADITION)
    await asked.received.answer(sent)
    final = (await kenya.hears(ArrestAnswer)).message
    telling.must(final.word is Sought.PAPERS_SENT, "FR", "sends warrant and request; the clock of the papers ends")
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    surrendered = ExtraditionAnswer(
        word=Extradition.SURRENDERED, request=people.EXTRADITION, case=people.ARREST, date=day
    )
    await papers.received.answer(surrendered)
    await kenya.tell(surrendered, SECRETARIAT, purpose=Purpose.EXTRADITION)
    outcome = (await france.hears(ExtraditionAnswer)).message
    telling.must(outcome.word is Extradition.SURRENDERED, "KE", "surrenders the person, after its courts decided")
    result = Result(
        result=ResultKind.ARRESTED, case=people.CASE, place=NAMANGA, date=day, contributors=(Address(BORDER),)
    )
    told = await france.tell(result, SECRETARIAT, purpose=Purpose.INFORMATION)
    await told.accepted(30)
    telling.tell("FR", f"reports the result: arrested, by the answer of {BORDER}")


async def _withdrawn(scene: Scene) -> None:
    """The notice has done what it was for."""
    telling = scene.telling
    await scene.france.ask(
        NoticeWithdrawal(number=scene.number, reason="The person was arrested."), SECRETARIAT, purpose=Purpose.ARREST
    )
    for bureau in (scene.brazil, scene.kenya):
        await bureau.hears(NoticeEnding)
    telling.tell("FR", f"withdraws {scene.number}; everybody who had it is told")
    passport = DocumentQuestion(number=people.PASSPORT)
    await scene.border.ask(DatabaseQuery(document=passport), SECRETARIAT, purpose=Purpose.BORDER_CHECK)
    gone = (await scene.border.hears(DatabaseAnswer)).message
    telling.must(gone.result is Search.NO_HIT, BORDER, "asks for the passport again: no hit")
    noted = await scene.house.says("audit", "--limit", "1000")
    named = {str(row["who"]) for row in noted} >= {"ana", "ben"}
    telling.must(named, SECRETARIAT, f"keeps who did what: {len(noted)} acts", acts=len(noted))


async def _waiting(scene: Scene) -> str:
    """The request that waits for a person, by its number. Raises Unavailable where none comes."""
    for _ in range(_EXPORTS):
        for row in await scene.house.says("notice", "waiting"):
            if row["event"] == "request" and row["state"] == "waiting":
                return str(row["id"])
        await asyncio.sleep(_PAUSE)
    scene.telling.must(False, SECRETARIAT, "has a request to screen")  # noqa: FBT003  # it has not
    return ""


async def _export(network: PrivateNetwork, record: Path) -> None:
    """Export, again while no checkpoint covers the last entry."""
    for _ in range(_EXPORTS):
        with suppress(Unavailable):
            await network.export(OPERATION, record)
            return
        await asyncio.sleep(_PAUSE)
    await network.export(OPERATION, record)
