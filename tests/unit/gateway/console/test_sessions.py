"""Signing in: sessions, lockout, forged and planted requests, headers, and who may open what."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.console.guard import HEADERS
from gateway.console.sessions import FREE, LONGEST_WAIT, wait
from gateway.ports_console import AccountRole, Change
from gateway.settings import Console as Limits
from schemas.evidence import Event, read_entry
from tests.rights import shown
from tests.unit.gateway.console.scene import KEPT, PASSWORD, Scene, console, token_of

VIEWER, OPERATOR = str(AccountRole.VIEWER), str(AccountRole.OPERATOR)


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    async with console(Limits(idle_seconds=600, session_seconds=3600)) as made:
        yield made


async def test_signing_in_makes_a_new_session_and_records_it(scene: Scene) -> None:
    browser, status = await scene.sign_in(OPERATOR)
    assert status == 303
    jar = {cookie.key: cookie for cookie in browser.session.cookie_jar}
    session = jar["bureaunet-session"]
    assert (session["httponly"], session["samesite"], session["path"]) == (True, "Strict", "/")
    assert "bureaunet-entrance" not in jar
    page = await browser.get("/console/")
    assert page.status == 200
    assert "Overview" in await page.text()
    rows = await scene.accounts.audit_rows(None, 5)
    assert [(one.actor, one.action) for one in rows] == [(OPERATOR, "console.sign-in/1")]
    leaf = (await scene.desk.store.leaves(rows[0].entry or -1, (rows[0].entry or -1) + 1))[0]
    entry = read_entry(leaf.entry)
    assert (entry.event, entry.kind) == (Event.OPERATOR_ACTION, "console.sign-in/1")
    assert OPERATOR.encode() not in leaf.entry, "the entry names nobody"


async def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(scene: Scene) -> None:
    planted = "ab" * 32
    browser = await scene.browser()
    browser.session.cookie_jar.update_cookies({"bureaunet-session": planted}, browser.make_url("/"))
    _, status = await scene.sign_in(OPERATOR, client=browser)
    assert status == 303
    after = {cookie.key: cookie.value for cookie in browser.session.cookie_jar}["bureaunet-session"]
    assert after != planted
    again, _ = await scene.sign_in(OPERATOR, client=browser)
    renewed = {cookie.key: cookie.value for cookie in again.session.cookie_jar}["bureaunet-session"]
    assert renewed != after
    thief = await scene.browser()
    for token in (planted, after):
        thief.session.cookie_jar.update_cookies({"bureaunet-session": token}, thief.make_url("/"))
        answer = await thief.get("/console/", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/console/sign-in")


async def test_sessions_end_by_themselves_by_signing_out_and_with_their_account(scene: Scene) -> None:
    browser, _ = await scene.sign_in(OPERATOR)
    for _ in range(6):  # in use, it lasts as long as a session may
        scene.world.clock.move(599_000)
        assert (await browser.get("/console/exchanges", allow_redirects=False)).status == 200
    scene.world.clock.move(10_000)
    assert (await browser.get("/console/", allow_redirects=False)).status == 303

    browser, _ = await scene.sign_in(OPERATOR)
    scene.world.clock.move(600_000)
    assert (await browser.get("/console/", allow_redirects=False)).status == 303, "it was not used"

    browser, _ = await scene.sign_in(OPERATOR)
    page = await (await browser.get("/console/")).text()
    answer = await browser.post("/console/sign-out", data={"token": token_of(page)}, allow_redirects=False)
    assert answer.headers["Location"] == "/console/sign-in"
    assert (await browser.get("/console/", allow_redirects=False)).status == 303

    browser, _ = await scene.sign_in(OPERATOR)
    kept = await scene.accounts.account(OPERATOR)
    assert kept is not None
    await scene.accounts.change_account(kept.name, Change(locked=True))
    assert (await browser.get("/console/", allow_redirects=False)).status == 303


async def test_what_is_wrong_with_a_sign_in_does_not_show(scene: Scene) -> None:
    kept = await scene.accounts.account(VIEWER)
    assert kept is not None
    await scene.accounts.change_account(kept.name, Change(locked=True))
    said: set[str] = set()
    for name, password in (("nobody", PASSWORD), (OPERATOR, "a wrong password"), (VIEWER, PASSWORD), ("", "")):
        browser = await scene.browser()
        form = await (await browser.get("/console/sign-in")).text()
        data = {"token": token_of(form), "name": name, "password": password}
        answer = await browser.post("/console/sign-in", data=data)
        assert answer.status == 401
        said.add((await answer.text()).replace(token_of(form), "TOKEN"))
    assert len(said) == 1


async def test_each_failure_makes_the_next_attempt_wait_longer(scene: Scene) -> None:
    assert [wait(n) for n in (1, FREE, FREE + 1, FREE + 2, FREE + 3, 99)] == [0, 0, 1, 2, 4, LONGEST_WAIT]
    for _ in range(FREE + 1):
        _, status = await scene.sign_in(OPERATOR, "a wrong password")
        assert status == 401
    _, status = await scene.sign_in(OPERATOR)
    assert status == 401, "the right password comes too soon"
    kept = await scene.accounts.account(OPERATOR)
    assert kept is not None
    assert kept.failures == FREE + 1, "an attempt that comes too soon does not count"
    scene.world.clock.move(1000)
    _, status = await scene.sign_in(OPERATOR)
    assert status == 303
    kept = await scene.accounts.account(OPERATOR)
    assert kept is not None
    assert (kept.failures, kept.until, kept.password) == (0, 0, KEPT)


async def test_only_our_own_page_in_the_same_browser_may_post(scene: Scene) -> None:
    browser, _ = await scene.sign_in(OPERATOR)
    other, _ = await scene.sign_in(OPERATOR)
    own = token_of(await (await browser.get("/console/exchanges")).text())
    foreign = token_of(await (await other.get("/console/exchanges")).text())
    good = {"token": own, "form": "csv", "why": "a test"}

    async def post(data: dict[str, str], headers: dict[str, str] | None = None) -> int:
        return (await browser.post("/console/exchanges/export", data=data, headers=headers)).status

    assert await post({**good, "token": foreign}) == 403
    assert await post({"form": "csv", "why": "a test"}) == 403
    assert await post({**good, "token": "\u00e9" * 64}) == 403, "refused, and no fault of ours"
    assert await post(good, {"Origin": "https://elsewhere.example"}) == 403
    assert await post(good, {"Origin": "null"}) == 403
    assert await post(good, {"Sec-Fetch-Site": "cross-site"}) == 403
    assert await post(good, {"Origin": str(browser.make_url("/")).rstrip("/"), "Sec-Fetch-Site": "same-origin"}) == 200
    fresh = await scene.browser()
    answer = await fresh.post("/console/sign-in", data={"token": own, "name": OPERATOR, "password": PASSWORD})
    assert answer.status == 403, "a sign-in that another site sends"


@pytest.mark.parametrize("role", [None, *AccountRole])
async def test_each_page_opens_for_its_roles_alone(scene: Scene, role: AccountRole | None) -> None:
    browser = await scene.browser() if role is None else (await scene.sign_in(str(role)))[0]
    await scene.desk.ledger.integrate(100)
    assert await scene.desk.ledger.checkpoint() is not None
    token = "" if role is None else token_of(await (await browser.get("/console/")).text())
    places = {
        "digest": "00" * 32,
        "name": "console.css",
        "id": scene.world.operation.id,
        "number": "1",
        "address": "BR",
    }
    for page in scene.console.pages:
        if page.path in {"/sign-out", "/sign-in", "/live"}:
            continue
        path = "/console" + shown(page.path).format(**places)
        data = {"token": token, "why": "a test", "form": "csv"} if page.method == "POST" else None
        answer = await browser.request(page.method, path, data=data, allow_redirects=False)
        text = await answer.text(errors="replace")
        if page.roles is None or role in page.roles:
            kept_out = "does not open" in text or answer.headers.get("Location") == "/console/sign-in"
            assert not kept_out, (role, page.path)
            assert answer.status < 500, (role, page.path)
        elif role is None and page.method == "GET":
            assert answer.headers["Location"] == "/console/sign-in"
        else:
            assert answer.status == 403, (role, page.path)
            assert "does not open" in text or role is None


async def test_every_answer_carries_the_headers_that_keep_a_browser_safe(scene: Scene) -> None:
    browser, _ = await scene.sign_in(VIEWER)
    for path in ("/console/", "/console/static/console.js", "/console/nowhere", "/console/exchanges?id=zz"):
        answer = await browser.get(path, allow_redirects=False)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
    assert "style=" not in await (await browser.get("/console/")).text()


async def test_it_answers_to_its_own_names_alone(scene: Scene) -> None:
    browser, _ = await scene.sign_in(VIEWER)
    port = browser.port
    for host in (f"127.0.0.1:{port}", "localhost", "[::1]:9443", "192.0.2.7"):
        assert (await browser.get("/console/", headers={"Host": host})).status == 200, host
    for host in ("elsewhere.example", "127.0.0.1.elsewhere.example", "localhost.", "", "2130706433", "[::1"):
        answer = await browser.get("/console/", headers={"Host": host}, allow_redirects=False)
        assert answer.status in {400, 403}, host
    seen = [one for one in scene.world.watcher.named("console-host") if one.fields["page"] == "/"]
    assert len(seen) >= 4


async def test_behind_a_proxy_it_answers_to_its_url_and_counts_who_asks_the_proxy() -> None:
    limits = Limits(url="https://console.example", proxies=1, address_attempts=2)
    async with console(limits) as scene:
        browser = await scene.browser()
        host = {"Host": "console.example"}

        async def attempt(address: str, origin: str = "https://console.example") -> int:
            page = await browser.get("/console/sign-in", headers=host)
            entrance = page.cookies["__Host-bureaunet-entrance"]
            assert entrance["secure"]
            said = {"token": token_of(await page.text()), "name": "nobody", "password": PASSWORD}
            headers = {**host, "Origin": origin, "X-Forwarded-For": address}
            cookies = {"__Host-bureaunet-entrance": entrance.value}
            answer = await browser.post("/console/sign-in", data=said, headers=headers, cookies=cookies)
            return answer.status

        assert await attempt("192.0.2.1", "http://console.example") == 403, "another origin than it says it has"
        for _ in range(3):
            assert await attempt("198.51.100.7, 192.0.2.1") == 401
        for last in ("2001:db8::1", "2001:db8::2", "2001:db8::3"):
            assert await attempt(last) == 401
        assert await attempt("::ffff:192.0.2.1") == 401
        whys = [(one.fields["address"], one.fields["why"]) for one in scene.world.watcher.named("sign-in-refused")]
        four, six = "192.0.2.1", "2001:db8::/64"
        counted = [
            (four, "wrong"),
            (four, "wrong"),
            (four, "address"),
            (six, "wrong"),
            (six, "wrong"),
            (six, "address"),
        ]
        assert whys == [*counted, (four, "address")]
