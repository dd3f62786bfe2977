"""Tips: taken in and sealed at rest, forwarded sealed, what came of them told to whoever gave them, and erased."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from bureaus.exchange import Received
from bureaus.secretariat.notices import book
from bureaus.secretariat.notices.book import Notice
from bureaus.secretariat.notices.values import Ended, NoticeState
from bureaus.secretariat.office import OPERATION, Office
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry import tips as t
from bureaus.secretariat.staff import passwords
from bureaus.secretariat.tips.appeals import Appeals
from bureaus.secretariat.tips.pictures import Pictures
from bureaus.secretariat.tips.sealing import FILE, Seal
from bureaus.secretariat.tips.taking import Given, Taking, TipState
from bureaus.secretariat.tips.triage import Triage
from schemas.errors import Malformed, Misuse, Untrusted
from schemas.identity import Address
from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import NoticeColour, TipChannel, TipFinding
from schemas.messages.notice_codes import Ending
from schemas.messages.tips import Tip, TipDisposition
from tests.integration.secretariat.house import House
from tests.integration.secretariat.pictures import MAKER, photograph
from tests.support import sqlite_url
from tests.unit.bureaus.network import eventually

WORDS = "I saw the man of the appeal at the ferry.\nHe had a grey coat."
DAY = 86_400


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id as always, with less memory: what it costs is not what is tested here."""
    monkeypatch.setattr(passwords, "MEMORY", 1024)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The registry's, on both databases."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return str(request.getfixturevalue("fresh_database"))


def rooms(office: Office) -> tuple[Taking, Triage]:
    seal = Seal.at(office.bureau.home)
    return Taking(office, seal), Triage(office, seal)


async def acts(office: Office) -> list[tuple[str, str]]:
    async with office.registry.reading() as connection:
        return [(act.who, act.act) for act in await audit.acts(connection)][::-1]


async def test_a_tip_goes_sealed_to_the_bureau_concerned_and_its_answer_comes_back(tmp_path: Path, url: str) -> None:
    house = await House.gather(tmp_path, ("FR", "BR"))
    taken: list[Received] = []
    brazil = house.bureau("BR")

    @brazil.on(Tip)
    async def take(received: Received) -> None:
        taken.append(received)
        assert isinstance(received.message, Tip)
        said = TipDisposition(number=received.message.number, finding=TipFinding.ARRESTED, for_tipster="Thank you.")
        await received.answer(said)

    async with house.serving(url=url) as office, brazil:
        taking, triage = rooms(office)
        picture = await Pictures(office.settings).anew(photograph())
        number, secret = await taking.take(Given(WORDS, country="PT", place="Lisboa"), [picture])
        opened = await triage.open(number, who="vera")
        assert opened.tip is not None
        assert (opened.tip.text, opened.tip.channel, opened.pictures) == (WORDS, TipChannel.PUBLIC_PAGE, 1)
        await triage.forward(number, ["BR"], "look at the ferry", who="vera")
        with pytest.raises(Misuse, match="has this tip already"):
            await triage.forward(number, ["BR"], "", who="vera")
        with pytest.raises(Misuse, match="bureaus of the network"):
            await triage.forward(number, ["XX"], "", who="vera")
        await eventually(lambda: bool(taken))
        said = taken[0].message
        assert isinstance(said, Tip)
        assert (said.number, said.text, said.remarks) == (number, WORDS, "look at the ferry")
        assert [bytes(data) for data in taken[0].attachments] == [picture]
        assert (taken[0].header.handling, taken[0].sender) == ("H1", "IPSG")
        while not (forwards := (await triage.open(number, who="vera")).forwards)[0].disposition:
            await brazil.settled(1)
        assert forwards[0].disposition.for_tipster == "Thank you."
        await triage.answer(number, "It helped: thank you.", who="vera")
        assert await taking.add(number, secret, "I was glad to.")
        thread = await taking.read(number, secret)
        assert thread is not None
        assert (thread.finding, thread.state) == (TipFinding.ARRESTED, TipState.MORE)
        assert [(word.by, word.text) for word in thread.words] == [
            ("unit", "It helped: thank you."),
            ("tipster", "I was glad to."),
        ]
        assert await taking.read(number, "0000-0000-0000-0000-0000") is None
        assert await taking.read("T-0000-0000", secret) is None
        known = await acts(office)
        assert ("vera", "tip forwarded") in known
        assert ("BR", "tip disposition") in known


async def test_what_a_tip_says_is_ciphertext_and_no_row_knows_more_than_the_day(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ())
    async with house.office() as office:
        taking, triage = rooms(office)
        picture = await Pictures(office.settings).anew(photograph())
        number, secret = await taking.take(Given(WORDS, country="PT", place="Lisboa"), [picture])
        await taking.add(number, secret, "another thing that I saw")
        async with office.registry.reading() as connection:
            rows = [
                tuple(row) for table in (t.tip, t.picture, t.word) for row in await connection.execute(select(table))
            ]
        held = repr(rows)
        for word in ("ferry", "Lisboa", secret, "another thing"):
            assert word not in held
        files = b"".join(file.read_bytes() for file in house.home("IPSG").iterdir() if file.name.startswith("registry"))
        for piece in (b"ferry", b"Lisboa", secret.encode(), MAKER.encode(), picture[20:60]):
            assert piece not in files
        seconds = house.seconds()
        times = {value for row in rows for value in row if isinstance(value, int) and abs(value - seconds) < DAY}
        assert times == set()
        assert await acts(office) == []
        (house.home("IPSG") / FILE).unlink()
        with pytest.raises(Untrusted, match="does not open"):
            await rooms(office)[1].open(number, who="vera")
        del triage


async def test_a_bureaus_tip_is_taken_once_and_that_bureau_is_told_what_came_of_it(tmp_path: Path, url: str) -> None:
    house = await House.gather(tmp_path, ("FR", "BR"))
    told: list[TipDisposition] = []
    france, brazil = house.bureau("FR"), house.bureau("BR")

    @france.on(TipDisposition)
    async def hear(received: Received) -> None:
        assert isinstance(received.message, TipDisposition)
        told.append(received.message)

    @brazil.on(Tip)
    async def take(received: Received) -> None:
        assert isinstance(received.message, Tip)
        await received.answer(TipDisposition(number=received.message.number, finding=TipFinding.USEFUL, remarks="no"))

    async with house.serving(url=url) as office, france, brazil:
        await house.refresh(france)
        _, triage = rooms(office)
        data = photograph(form="PNG")
        listed = (Attachment.of(data, Shows.OTHER, MediaType.PNG), Attachment.of(b"%PDF", Shows.OTHER, MediaType.PDF))
        tip = Tip(
            number="CS-77",
            channel=TipChannel.ANONYMOUS_PROGRAMME,
            received="2026-11-21",
            text=WORDS,
            attachments=listed,
        )
        for _ in range(2):
            await france.tell(tip, to=["IPSG"], operation=OPERATION, attachments=[data, b"%PDF"])
        while not (lines := await triage.list()):
            await france.settled(1)
        await france.settled(5)
        assert [(line.source, line.channel) for line in await triage.list()] == [("FR", "anonymous-programme")]
        number = lines[0].number
        assert (await triage.open(number, who="vera")).pictures == 1
        with pytest.raises(Misuse, match="nobody comes back"):
            await triage.answer(number, "hello", who="vera")
        with pytest.raises(Misuse, match="FR gave this tip"):
            await triage.forward(number, ["FR"], "", who="vera")
        await triage.forward(number, ["BR"], "", who="vera")
        await eventually(lambda: bool(told))
        assert told == [TipDisposition(number="CS-77", finding=TipFinding.USEFUL)]
        await triage.close(number, TipFinding.LOCATED, "found by the ferry", who="vera")
        await eventually(lambda: len(told) == 2)
        assert told[1].finding is TipFinding.LOCATED


async def test_a_bureau_that_has_no_such_tip_says_nothing_of_it(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR",))
    france = house.bureau("FR")
    async with house.serving() as office, france:
        await house.refresh(france)
        taking, triage = rooms(office)
        number, _ = await taking.take(Given(WORDS))
        said = TipDisposition(number=number, finding=TipFinding.ARRESTED)
        await france.tell(said, to=["IPSG"], operation=OPERATION)
        while ("FR", "disposition set aside") not in await acts(office):
            await france.settled(1)
        assert (await triage.open(number, who="vera")).line.finding == ""


async def test_a_closed_tip_is_erased_after_its_time_and_its_secret_opens_nothing(tmp_path: Path, url: str) -> None:
    house = await House.gather(tmp_path, ())
    async with house.office(url=url) as office:
        taking, triage = rooms(office)
        number, secret = await taking.take(Given(WORDS), [await Pictures(office.settings).anew(photograph())])
        await triage.close(number, TipFinding.NOT_ASSESSED, "", who="vera")
        await triage.erase()
        assert await taking.read(number, secret) is not None
        house.clock.ahead += (office.settings.tip_kept_days + 2) * DAY * 1000
        await triage.erase()
        opened = await triage.open(number, who="vera")
        assert (opened.tip, opened.pictures, opened.line.state) == (None, 0, TipState.ERASED)
        assert await taking.read(number, secret) is None
        assert not await taking.add(number, secret, "more")


async def test_an_appeal_names_its_consent_and_ends_with_its_notice(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ())
    async with house.office() as office:
        appeals = Appeals(office)
        with pytest.raises(Misuse, match="consent"):
            await appeals.open(("Anna Example", "Sought."), seeks="FR", consent=" ", who="vera")
        shown = ("Anna Example", "Sought for smuggling.")
        with pytest.raises(Misuse, match="in force"):
            await appeals.open(shown, seeks="FR", notice="R-1/2026", consent="letter 12", who="vera")
        entry = Notice(
            number="R-1/2026", diffusion=False, owner=Address("FR"), reference="FR-1", colour=NoticeColour.RED,
            state=NoticeState.IN_FORCE, version=1, denied=(), shown=(), published=1, review=2, asked=None, ended=None,
            why="",
        )  # fmt: skip
        async with office.registry.writing() as connection:
            await book.put(connection, entry)
        reference = await appeals.open(shown, seeks="FR", notice="R-1/2026", consent="letter 12", who="vera")
        assert [(one.reference, one.title) for one in await appeals.all()] == [(reference, "Anna Example")]
        ended = Ended("R-1/2026", Address("FR"), Ending.WITHDRAWN, house.seconds())
        async with office.registry.writing() as connection:
            for hook in office.ended:
                await hook(connection, ended)
        assert await appeals.all() == []
        assert (await acts(office)) == [("vera", "appeal opened"), ("service", "appeal ended")]


@pytest.mark.parametrize("given", [Given(""), Given("x" * 4001), Given("x", country="QQ"), Given("x", seen="soon")])
async def test_what_is_no_tip_is_refused(tmp_path: Path, given: Given) -> None:
    house = await House.gather(tmp_path, ())
    async with house.office() as office:
        with pytest.raises(Malformed) as found:
            await rooms(office)[0].take(given)
        assert "xxx" not in str(found.value)


async def test_pictures_are_pixels_alone(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ())
    async with house.office() as office:
        for form in ("JPEG", "PNG", "WEBP"):
            made = await Pictures(office.settings).anew(photograph(3000, 1500, form))
            with Image.open(io.BytesIO(made)) as opened:
                assert (opened.format, opened.size, dict(opened.getexif())) == ("JPEG", (1600, 800), {})
                assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
