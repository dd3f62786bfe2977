"""The staff's pages: who gets in, what a right opens, what is forged, and what hostile text becomes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bureaus.secretariat.duty.desk import Desk, Shift
from bureaus.secretariat.office import Office
from bureaus.secretariat.pages.listening import Place, staff
from bureaus.secretariat.pages.routes import StaffPages
from bureaus.secretariat.registry import audit
from bureaus.secretariat.staff import passwords, sessions
from bureaus.secretariat.staff.accounts import Accounts
from bureaus.secretariat.staff.rights import Right
from bureaus.secretariat.tips.pictures import Pictures
from bureaus.secretariat.tips.sealing import Seal
from bureaus.secretariat.tips.taking import Given, Taking
from schemas.errors import Misuse
from tests.integration.secretariat.house import House
from tests.integration.secretariat.pictures import photograph
from tests.integration.secretariat.visitor import PASSWORD, Visitor, visiting

HOSTILE = '</textarea><script>alert(1)</script>"><img src=x onerror=alert(2)>'
PEOPLE = {"omar": ("duty",), "vera": ("fugitive",), "ines": ("evaluator",), "all.of-it": tuple(Right)}


@dataclass
class Site:
    house: House
    office: Office
    home: str


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id as always, with less memory: what it costs is not what is tested here."""
    monkeypatch.setattr(passwords, "MEMORY", 1024)


@asynccontextmanager
async def open_site(folder: Path, *names: str) -> AsyncIterator[Site]:
    house = await House.gather(folder, ("FR",))
    async with house.serving() as office, staff(office, Place()) as url:
        for name in names:
            await Accounts(office.registry).add(name, PEOPLE[name], PASSWORD, who="test", now=house.seconds())
        yield Site(house, office, url)


async def test_rights_open_pages_and_every_act_is_recorded(tmp_path: Path) -> None:
    async with open_site(tmp_path, "omar", "vera") as site, visiting(site.home) as omar, visiting(site.home) as vera:
        assert (await omar.get("/duty")).url.endswith("/sign-in")
        assert (await omar.sign_in("omar")).url.endswith("/duty")
        assert (await vera.sign_in("vera")).url.endswith("/tips")
        await omar.send("/duty", "/duty/notes", shift="day", text="quiet")
        for visitor, path in ((omar, "/tips"), (omar, "/audit"), (vera, "/duty"), (vera, "/screening")):
            assert (await visitor.get(path)).status == 403, path
        token = (await vera.get("/tips")).hidden("token")
        assert (await vera.post("/duty/notes", {"token": token, "shift": "day", "text": "x"})).status == 403
        await Accounts(site.office.registry).allow("omar", ["fugitive"], who="test", now=site.house.seconds())
        assert (await omar.get("/duty")).url.endswith("/sign-in"), "whoever is changed signs in again"
        async with site.office.registry.reading() as connection:
            known = {(act.who, act.act) for act in await audit.acts(connection)}
        for act in (("test", "staff added"), ("omar", "signed in"), ("omar", "watch handed over")):
            assert act in known


async def test_every_page_is_served_to_whoever_may_and_no_other_is_there(tmp_path: Path) -> None:
    async with open_site(tmp_path, "all.of-it") as site, visiting(site.home) as one, visiting(site.home) as nobody:
        await one.sign_in("all.of-it")
        paths = {page.path for page in StaffPages(site.office).pages if page.method == "GET" and "{" not in page.path}
        assert {path: (await one.get(path)).status for path in paths} == dict.fromkeys(paths, 200)
        for path in paths - {"/sign-in"}:
            assert (await nobody.get(path)).url.endswith("/sign-in"), path
        for path in ("/more", "/answer", "/static/../guard.py", "/duty/x/call", "/tips/none"):
            assert (await one.get(path)).status in {400, 404, 405}, path


async def test_a_forged_form_changes_nothing(tmp_path: Path) -> None:
    async with open_site(tmp_path, "omar", "all.of-it") as site:
        async with visiting(site.home) as omar, visiting(site.home) as other:
            await omar.sign_in("omar")
            await other.sign_in("all.of-it")
            said = {"shift": "day", "text": "forged", "token": (await omar.get("/duty")).hidden("token")}
            theirs = (await other.get("/duty")).hidden("token")
            forged: list[tuple[dict[str, str], dict[str, str]]] = [
                ({"shift": "day", "text": "forged"}, {}),
                (said | {"token": theirs}, {}),
                (said, {"Origin": "https://elsewhere.example"}),
                (said, {"Sec-Fetch-Site": "cross-site"}),
                (said, {"Host": "elsewhere.example"}),
            ]
            for fields, headers in forged:
                assert (await omar.post("/duty/notes", fields, headers)).status == 403, headers
            omar.session.cookie_jar.clear()
            assert (await omar.post("/duty/notes", said)).status == 403
        assert await Desk(site.office).notes() == []


async def test_headers_keep_pages_from_being_framed_cached_or_scripted(tmp_path: Path) -> None:
    async with open_site(tmp_path, "omar") as site, visiting(site.home) as omar:
        await omar.sign_in("omar")
        for path in ("/duty", "/sign-in", "/nothing", "/static/secretariat.css"):
            headers = (await omar.get(path)).headers
            policy = headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "script-src" not in policy
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Cache-Control"] == "no-store"
            assert headers["X-Content-Type-Options"] == "nosniff"
        held = {cookie.key: cookie for cookie in omar.session.cookie_jar}
        cookie = held["secretariat-session"]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
        assert "<script" not in (await omar.get("/duty")).text


async def test_hostile_text_is_text_on_every_page(tmp_path: Path) -> None:
    async with open_site(tmp_path, "all.of-it") as site, visiting(site.home) as one:
        await one.sign_in("all.of-it")
        office = site.office
        await Desk(office).leave(Shift.DAY, HOSTILE, who="omar")
        taking = Taking(office, Seal.at(office.bureau.home))
        picture = await Pictures(office.settings).anew(photograph())
        number, secret = await taking.take(Given(HOSTILE, country="PT", place=HOSTILE), [picture])
        await taking.add(number, secret, HOSTILE)
        fields = dict.fromkeys(("title", "text", "consent", "operation"), HOSTILE)
        await one.send("/appeals", "/appeals", seeks="FR", **fields)
        for path in ("/duty", f"/tips/{number}", "/appeals", "/audit"):
            text = (await one.get(path)).text
            assert "alert(1)" in text, path
            assert "<script" not in text, path
            assert "<img src=x" not in text, path
        shown = await one.get(f"/tips/{number}/pictures/0")
        assert (shown.headers["Content-Type"], shown.body) == ("image/jpeg", picture)
        told = await one.get("/duty?done=Send+your+password&by=" + "0" * 32)
        assert "Send your password" not in told.text


async def test_guessing_holds_up_and_a_session_ends(tmp_path: Path) -> None:
    async with open_site(tmp_path, "omar") as site, visiting(site.home) as omar:
        answers = [await omar.sign_in("omar", f"wrong {guess}") for guess in range(3)]
        for _ in range(4):  # each wait is as long as one has to: 1, 2, 4, 8 seconds
            answers.append(await omar.sign_in("omar", "wrong again"))
            site.house.clock.ahead += 9_000
        answers.append(await omar.sign_in("omar", "and again"))
        assert {answer.status for answer in answers} == {401}
        assert (await omar.sign_in("omar")).status == 401, "the right one has to wait too"
        assert (await omar.sign_in("nobody")).status == 401
        site.house.clock.ahead += 60_000
        assert (await omar.sign_in("omar")).url.endswith("/duty")
        before = {cookie.key: cookie.value for cookie in omar.session.cookie_jar}
        site.house.clock.ahead += site.office.settings.staff_idle_seconds * 1000
        assert (await omar.get("/duty")).url.endswith("/sign-in")
        assert (await omar.sign_in("omar")).url.endswith("/duty")
        after = {cookie.key: cookie.value for cookie in omar.session.cookie_jar}
        assert before["secretariat-session"] != after["secretariat-session"]
        await omar.send("/duty", "/sign-out")
        omar.session.cookie_jar.update_cookies(after)
        assert (await omar.get("/duty")).url.endswith("/sign-in"), "a session that was ended opens nothing"


def test_the_wait_after_failures_doubles_up_to_its_bound() -> None:
    assert [sessions.wait(failures, 900) for failures in (0, 3, 4, 5, 6, 14, 500)] == [0, 0, 1, 2, 4, 900, 900]


async def test_staff_are_kept_to_the_rules(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ())
    async with house.office() as office:
        accounts = Accounts(office.registry)
        wrong = [
            ("Omar", ["duty"], PASSWORD),
            ("service", ["duty"], PASSWORD),
            ("omar", ["everything"], PASSWORD),
            ("omar", [], PASSWORD),
            ("omar", ["duty"], "short"),
            ("omar", ["duty"], "aaaaaaaaaaaaaaaa"),
            ("omar-the-great", ["duty"], "omar-the-great1"),
        ]
        for name, rights, password in wrong:
            with pytest.raises(Misuse):
                await accounts.add(name, rights, password, who="test", now=1)
        await accounts.add("omar", ["duty"], PASSWORD, who="test", now=1)
        with pytest.raises(Misuse, match="already"):
            await accounts.add("omar", ["duty"], PASSWORD, who="test", now=1)
        locked = await accounts.lock("omar", "left", who="test", now=2)
        assert (locked.locked, locked.rights) == (True, frozenset({Right.DUTY}))
        await accounts.remove("omar", "left", who="test", now=3)
        assert await accounts.all() == []
        kept = b"".join(file.read_bytes() for file in house.home("IPSG").iterdir() if file.is_file())
        assert PASSWORD.encode() not in kept


async def test_over_tls_cookies_are_for_tls_alone(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site, staff(site.office, Place(), secure=True) as url, visiting(url) as visitor:
        page = await visitor.get("/sign-in")
        assert "Secure" in page.headers["Set-Cookie"]
        assert "__Host-secretariat-entrance" in page.headers["Set-Cookie"]


async def test_a_name_that_was_not_given_leads_nowhere(tmp_path: Path) -> None:
    async with (
        open_site(tmp_path) as site,
        staff(site.office, Place(), ["desk.example"]) as url,
        visiting(url) as visitor,
    ):
        assert isinstance(visitor, Visitor)
        assert (await visitor.get("/sign-in", {"Host": "desk.example"})).status == 200
        assert (await visitor.get("/sign-in", {"Host": "rebound.example"})).status == 403
