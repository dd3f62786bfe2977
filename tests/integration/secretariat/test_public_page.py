"""The page for the public: nobody is known there, nothing hostile gets further, and an answer needs its secret."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bureaus.secretariat.office import Office
from bureaus.secretariat.pages.listening import Place, public
from bureaus.secretariat.registry import audit
from bureaus.secretariat.settings import Settings
from bureaus.secretariat.staff import passwords
from bureaus.secretariat.tips.appeals import Appeals
from bureaus.secretariat.tips.sealing import Seal
from bureaus.secretariat.tips.triage import Triage
from tests.integration.secretariat.house import PROMPT, House
from tests.integration.secretariat.pictures import MAKER, claiming, photograph
from tests.integration.secretariat.visitor import Answer, Visitor, multipart, visiting

AGENT = "Synthetic-Browser/7 (a very particular one)"
SHOWN = ("Anna Example", "Sought for smuggling.")
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{7*7}}'
QUICK = replace(PROMPT, tip_form_least=0.001)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id as always, with less memory: what it costs is not what is tested here."""
    monkeypatch.setattr(passwords, "MEMORY", 1024)


class Clock:
    """Goes on a little whenever it is looked at, and further when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


@dataclass
class Site:
    office: Office
    visitor: Visitor
    clock: Clock

    @property
    def triage(self) -> Triage:
        return Triage(self.office, Seal.at(self.office.bureau.home))


@asynccontextmanager
async def open_site(folder: Path, settings: Settings = QUICK) -> AsyncIterator[Site]:
    house, clock = await House.gather(folder, ()), Clock()
    async with house.office(settings) as office, public(office, Place(), clock) as url, visiting(url) as visitor:
        yield Site(office, visitor, clock)


def taken(answer: Answer) -> tuple[str, str]:
    assert answer.status == 200, answer.text
    number, secret = re.findall(r'<dd class="code[^"]*" id="[a-z]+">([^<]+)</dd>', answer.text)
    return number, secret


async def test_a_tip_is_given_and_its_answer_read_with_number_and_secret(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        reference = await Appeals(site.office).open(SHOWN, seeks="FR", consent="letter 12", who="vera")
        page = await site.visitor.get("/")
        assert "Anna Example" in page.text
        assert "Set-Cookie" not in page.headers
        number, secret = taken(
            await site.visitor.tell("At the ferry.", (photograph(),), appeal=reference, country="PT", seen="2026-11")
        )
        opened = await site.triage.open(number, who="vera")
        assert opened.tip is not None
        assert (opened.tip.text, opened.tip.appeal, opened.pictures) == ("At the ferry.", reference, 1)
        await site.triage.answer(number, "Thank you for this.", who="vera")
        read = await site.visitor.come_back(number.lower().replace("-", " "), secret.lower())
        assert "Thank you for this." in read.text
        fields = {name: read.hidden(name) for name in ("form", "number", "secret")}
        more = await site.visitor.post("/more", fields | {"text": "He left today."})
        assert "He left today." in more.text
        assert (await site.triage.open(number, who="vera")).words[1].text == "He left today."


async def test_no_address_agent_or_time_of_anybody_is_kept_or_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("bureaus", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    headers = {"User-Agent": AGENT, "X-Forwarded-For": "203.0.113.77", "Accept-Language": "tlh-particular"}
    async with open_site(tmp_path / "house") as site:
        site.visitor.session.headers.update(headers)
        begun = datetime.now(UTC)
        number, secret = taken(await site.visitor.tell("At the ferry.", (photograph(),)))
        await site.visitor.come_back(number, secret)
        await site.visitor.come_back(number, "0" * 20)
        where = urlsplit(site.visitor.home)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(b"\x16\x03\x01 no HTTP \r\n\r\n")  # what makes a server complain of who sent it
        await reader.read()
        writer.close()
        async with site.office.registry.reading() as connection:
            assert await audit.acts(connection) == []
    kept = b"".join(file.read_bytes() for file in sorted((tmp_path / "house").rglob("*")) if file.is_file())
    said = "\n".join(record.getMessage() for record in caplog.records) + "".join(capfd.readouterr())
    for word in (AGENT, "203.0.113.77", "tlh-particular", secret, MAKER, "IMG_20261121"):
        assert word.encode() not in kept
        assert word not in said
    assert number not in said
    assert "127.0.0.1" not in said
    minutes = {begun.strftime("%Y-%m-%dT%H:%M"), begun.strftime("%Y-%m-%d %H:%M")}
    row = kept[kept.index(number.encode()) :][:4000]
    assert not any(minute.encode() in row for minute in minutes)


@pytest.mark.parametrize("field", ["text", "place", "appeal", "country", "seen"])
async def test_what_is_typed_is_shown_as_text_everywhere(tmp_path: Path, field: str) -> None:
    async with open_site(tmp_path) as site:
        fields = {"text": "At the ferry.", field: HOSTILE}
        answer = await site.visitor.tell(fields.pop("text"), (), **fields)
        assert "<script" not in answer.text
        assert "onerror=alert(2)>" not in answer.text
        assert answer.status == (400 if field in {"country", "seen"} else 200)


async def test_pages_of_elsewhere_can_neither_send_nor_frame_it(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        page = await site.visitor.get("/")
        policy = page.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "default-src 'none'" in policy
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        assert "Server" not in page.headers
        for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
            form = multipart(form=(await site.visitor.get("/")).hidden("form"), text="x")
            assert (await site.visitor.post("/", form, headers)).status == 403
        assert await site.triage.list() == []


async def test_a_form_is_good_once_and_not_before_its_time(tmp_path: Path) -> None:
    async with open_site(tmp_path, replace(QUICK, tip_form_least=3)) as site:
        assert (await site.visitor.tell("at once")).status == 403
        form = (await site.visitor.get("/")).hidden("form")
        site.clock.now += 3
        answers = [
            await site.visitor.post("/", multipart(form=mark, text="At the ferry."))
            for mark in (form, form, "1.5.aa.bb", "", f"9{form}")
        ]
        assert [answer.status for answer in answers] == [200, 403, 403, 403, 403]
        assert "At the ferry." in answers[-1].text, "what was written stands in the form again"
        assert len(await site.triage.list()) == 1


@pytest.mark.parametrize(
    "data",
    [
        claiming(30_000, 30_000),
        b"\xff\xd8\xff\xe0 not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        b"GIF89a" + bytes(64),
        photograph()[:400],
        b"%PDF-1.7",
    ],
    ids=["bomb", "broken", "svg", "gif", "torn", "pdf"],
)
async def test_hostile_pictures_are_refused_and_the_words_stay(tmp_path: Path, data: bytes) -> None:
    async with open_site(tmp_path) as site:
        answer = await site.visitor.tell("At the ferry.", (data,))
        assert (answer.status, await site.triage.list()) == (400, [])
        assert "At the ferry." in answer.text


async def test_too_large_too_many_and_more_than_there_is_room_for_are_refused(tmp_path: Path) -> None:
    settings = replace(QUICK, tip_picture_bytes=200_000, tip_upload_bytes=500_000)
    async with open_site(tmp_path, settings) as site:
        assert (await site.visitor.tell("x", (bytes(200_001),))).status == 400
        assert (await site.visitor.tell("x", (photograph(),) * 4)).status == 400
        assert (await site.visitor.tell("x" * 40_000)).status == 400
        assert (await site.visitor.tell("x" * 4_001)).status == 400
        assert (await site.visitor.tell("x", (bytes(190_000),) * 3)).status == 503
        assert (await site.visitor.tell("At the ferry.", (photograph(),))).status == 200
        many = multipart(form="x", **{f"f{number}": "x" for number in range(40)})
        assert (await site.visitor.post("/", many)).status == 400
        assert (await site.visitor.post("/", {"text": "no multipart"})).status == 403


async def test_the_secret_is_not_found_by_trying_and_who_has_it_gets_in_again(tmp_path: Path) -> None:
    async with open_site(tmp_path, replace(QUICK, tip_reads_a_minute=8, tip_secret_wait=5)) as site:
        number, secret = taken(await site.visitor.tell("At the ferry."))
        other, _ = taken(await site.visitor.tell("At the station."))
        wrong = [await site.visitor.come_back(number, f"{guess:020d}") for guess in range(4)]
        assert [answer.status for answer in wrong] == [403] * 4
        held_up = await site.visitor.come_back(number, secret)
        unknown = await site.visitor.come_back("T-0000-0000", secret)
        crossed = await site.visitor.come_back(other, secret)
        words = {re.sub(r'value="[^"]*"', "", answer.text) for answer in (*wrong, held_up, unknown, crossed)}
        assert {answer.status for answer in (held_up, unknown, crossed)} == {403}
        assert len(words) == 1, "nothing tells a wrong secret from a tip that there is not"
        site.clock.now += 5
        assert (await site.visitor.come_back(number, secret)).status == 200
        while (flood := await site.visitor.come_back(number, secret)).status == 200:
            assert "At the ferry." not in flood.text
        assert (flood.status, int(flood.headers["Retry-After"]) > 0) == (503, True)


async def test_everybody_together_gives_so_many_tips_a_minute(tmp_path: Path) -> None:
    async with open_site(tmp_path, replace(QUICK, tips_a_minute=2)) as site:
        statuses = [(await site.visitor.tell("At the ferry.")).status for _ in range(3)]
        assert statuses == [200, 200, 503]


async def test_the_staffs_pages_are_not_there(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        paths = ("/sign-in", "/tips", "/duty", "/audit", "/appeals/none", "/static/../views.py")
        assert {(await site.visitor.get(path)).status for path in paths} == {404}
