"""At the operators' console: whoever reaches its listener, another site in an operator's browser, who sits there."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import time
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from gateway.console.sessions import wait
from gateway.ports_console import AccountRole
from schemas import wire
from schemas.operation import Phase, sign_operation
from tests.adversary.scene import Scene
from tests.adversary.seats import PASSWORD, Browser, Seats
from tests.adversary.table import BROWSER, NOBODY, Seen, play
from tests.rights import rows

EVIL: Final = "https://elsewhere.example"
SCRIPT: Final = "<script>alert(1)</script>"
FORMULA: Final = '=HYPERLINK("https://elsewhere.example","look")'
WRONG: Final = "four synthetic burglars"
_PLACES: Final = {"digest": "00" * 32, "id": "infra-test", "number": "1", "name": "console.css", "address": "BR"}


def address(path: str) -> str:
    """A page's address, with something in each of its places."""
    return "/console" + path.format(**_PLACES)


@play
async def console_without_session(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    closed = [row for row in rows() if row[2]]
    assert closed, "docs/operators.md names no page"
    async with seats.browser() as browser:
        for method, path, _ in closed:
            answer = await browser.ask(method, address(path), {"why": "x"} if method == "POST" else None)
            led = answer.is_sign_in if method == "GET" else answer.status == 403
            if not led:
                return Seen(f"{answer.status} at {method} {path}", NOBODY)
    return Seen("sign-in", NOBODY)


@play
async def console_beyond_role(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    wrong: list[str] = []

    async def beyond(browser: Browser, role: AccountRole, token: str) -> None:
        for method, path, roles in rows():
            if not roles or role in roles:
                continue
            data = {"token": token, "why": "x", "form": "csv"} if method == "POST" else None
            answer = await browser.ask(method, address(path), data)
            if answer.status != 403 or "does not open" not in answer.text:
                wrong.append(f"{role} {method} {path}: {answer.status}")

    seen = Seen("", "")
    for role in AccountRole:
        if all(role in roles for _, _, roles in rows() if roles):
            continue
        async with seats.browser(role) as browser:
            token = await browser.token()

            async def attack(browser: Browser = browser, role: AccountRole = role, token: str = token) -> str:
                await beyond(browser, role, token)
                return "; ".join(wrong) or "forbidden"

            seen = await seats.refused("console-forbidden", attack)
            if seen.got != "forbidden":
                return seen
    return seen


@play
async def console_forged_form(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    role = AccountRole.SECURITY_OFFICER
    async with seats.browser(role) as browser, seats.browser(role) as other:
        own, foreign = await browser.token(), await other.token()

        async def attack() -> str:
            path = "/console/exchanges/export"
            good = {"token": own, "form": "csv", "why": "x"}
            tries = (
                await browser.ask("POST", path, {**good, "token": foreign}),
                await browser.ask("POST", path, {**good, "token": ""}),
                await browser.ask("POST", path, good, Origin=EVIL),
                await browser.ask("POST", path, good, Origin="null"),
                await browser.ask("POST", path, good, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate"),
                await browser.ask("POST", path, good, Sec_Fetch_Site="same-site"),
                await browser.ask("POST", "/console/sign-out", {"token": foreign}),
            )
            return "forged" if {answer.status for answer in tries} == {403} else str([one.status for one in tries])

        return await seats.refused("console-forged", attack)


@play
async def console_foreign_events(scene: Scene) -> Seen:
    """Another site of the same host, which the browser sends the cookie along to."""
    seats = await Seats.of(scene)
    async with seats.browser(AccountRole.AUDITOR) as browser:

        async def attack() -> str:
            mine = {"Sec_Fetch_Site": "same-site", "Origin": "http://127.0.0.1:1"}
            tries = [await browser.get("/console/live", Sec_Fetch_Mode="cors", **mine)]
            tries += [await browser.get(f"/console/{page}", Sec_Fetch_Mode="no-cors", **mine) for page in ("", "audit")]
            shared = [one for one in tries if "Access-Control-Allow-Origin" in one.headers]
            forged = {one.status for one in tries} == {403} and not shared
            return "forged" if forged else str([one.status for one in tries])

        return await seats.refused("console-forged", attack)


@play
async def console_foreign_sign_in(scene: Scene) -> Seen:
    """The thief's own name and password, sent by his site from the operator's browser."""
    seats = await Seats.of(scene)

    async def attack() -> str:
        async with seats.browser() as thief, seats.browser() as victim:
            data = {"token": await thief.token("/console/sign-in"), "name": "viewer", "password": PASSWORD}
            await victim.get("/console/sign-in")
            tries = [await victim.ask("POST", "/console/sign-in", data, Origin=EVIL)]
            tries.append(await victim.ask("POST", "/console/sign-in", data))
            return "forged" if [one.status for one in tries] == [403, 403] else "signed in"

    return await seats.refused("console-forged", attack)


async def _opens(seats: Seats, session: str) -> str:
    """What a thief finds with a session's cookie."""
    async with seats.browser() as thief:
        thief.hold(bureaunet_session=session)
        tries = [await thief.get(f"/console/{page}") for page in ("", "exchanges", "audit", "live")]
        return "sign-in" if all(one.is_sign_in for one in tries) else str([one.status for one in tries])


@play
async def console_planted_session(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    async with seats.browser(AccountRole.VIEWER) as first, seats.browser() as victim:
        planted = first.cookies["bureaunet-session"]
        victim.hold(bureaunet_session=planted)
        await victim.sign_in(str(AccountRole.SECURITY_OFFICER))
        if victim.cookies["bureaunet-session"] == planted:
            return Seen("the planted one", NOBODY)
        return Seen(await _opens(seats, planted), NOBODY)


@play
async def console_stolen_then_left(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    async with seats.browser(AccountRole.AUDITOR) as owner:
        stolen = owner.cookies["bureaunet-session"]
        await owner.ask("POST", "/console/sign-out", {"token": await owner.token()})
        return Seen(await _opens(seats, stolen), NOBODY)


@play
async def console_stolen_then_changed(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    async with seats.browser(AccountRole.AUDITOR) as owner:
        stolen = owner.cookies["bureaunet-session"]
        await seats.account("password", "auditor", "--password-file", seats.secret)
        return Seen(await _opens(seats, stolen), NOBODY)


@play
async def console_garbled_cookie(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    odd = (b"\xff\xfe" * 32, b"\xc3\xa9" * 32, b"x" * 4000, b"' OR 1=1 --", b"0" * 63, b"A" * 64, b'"\\351\\377"')
    before = sum(line.get("event") == "console-failed" for line in scene.lines())
    async with seats.browser() as browser:
        for cookie in odd:
            for name in ("session", "entrance", "passage"):
                held = f"bureaunet-{name}=".encode() + cookie
                answers = [await browser.raw(path, held) for path in ("/console/", "/console/sign-in")]
                if [answer.split()[1] for answer in answers] not in ([b"303", b"200"], [b"400", b"400"]):
                    return Seen(f"{answers}", NOBODY)
    failed = sum(line.get("event") == "console-failed" for line in scene.lines()) - before
    return Seen("failed" if failed else "sign-in", NOBODY)


@play
async def console_guessing(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    await seats.account("add", "guessed", "--role", "viewer", "--password-file", seats.secret)

    async def attack() -> str:
        async with seats.browser() as browser, seats.browser() as elsewhere:
            for failures in range(1, 7):  # the last one makes the next wait for four seconds
                await browser.sign_in("guessed", WRONG)
                await asyncio.sleep(wait(failures) if failures < 6 else 0)
            tried = await asyncio.gather(browser.sign_in("guessed"), elsewhere.sign_in("guessed"))
        return "refused" if [one.status for one in tried] == [401, 401] else "signed in"

    return await seats.refused("sign-in-refused", attack)


@play
async def console_spraying(scene: Scene) -> Seen:
    """Each account is tried once, so that none of them waits; the right password comes from the same address."""
    seats = await Seats.of(scene)

    async def attack() -> str:
        async with seats.browser() as browser:
            for number in range(8):
                spoofed = f"192.0.2.{number}"
                await browser.sign_in(f"operator-{number}", WRONG, X_Forwarded_For=spoofed)
            status = (await browser.sign_in("operator", X_Forwarded_For="192.0.2.99")).status
            return "refused" if status == 401 and seats.why("sign-in-refused") == "address" else f"status {status}"

    return await seats.refused("sign-in-refused", attack)


@play
async def console_who_is_there(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    await seats.account("add", "locked", "--role", "viewer", "--password-file", seats.secret)
    await seats.account("lock", "locked")

    async def attack() -> str:
        said: set[tuple[int, str]] = set()
        async with seats.browser() as browser:
            for name, password in (("nobody", WRONG), ("viewer", WRONG), ("locked", PASSWORD), ("a\0b", WRONG)):
                token, begun = await browser.token("/console/sign-in"), time.monotonic()
                data = {"token": token, "name": name, "password": password}
                answer = await browser.ask("POST", "/console/sign-in", data)
                if time.monotonic() - begun < 0.2:  # answers come at steps of 250 ms, whatever was looked up
                    return f"told at once: {name}"
                said.add((answer.status, answer.text.replace(token, "TOKEN")))
        return "same" if len(said) == 1 and {status for status, _ in said} == {401} else "told"

    return await seats.refused("sign-in-refused", attack)


@play
async def console_open_redirect(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    led: set[str] = set()
    for wish in (f"?next={quote(EVIL)}", f"?next=//{EVIL[8:]}", "?to=%0d%0aLocation:%20https://elsewhere.example"):
        async with seats.browser() as browser:
            data = {"token": await browser.token("/console/sign-in"), "name": "viewer", "password": PASSWORD}
            forged = {"X_Forwarded_Host": "elsewhere.example", "Referer": EVIL}
            answer = await browser.ask("POST", f"/console/sign-in{wish}", {**data, "next": EVIL}, **forged)
            led.add(answer.to)
            led |= {(await browser.get(path)).to or "/console/" for path in ("/console", "/console//elsewhere.example")}
    return Seen(" ".join(sorted(led)), BROWSER)


@play
async def console_rebound_host(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    async with seats.browser(AccountRole.AUDITOR) as browser:
        token = await browser.token()

        async def attack() -> str:
            tries = []
            for host in ("elsewhere.example", "127.0.0.1.elsewhere.example", "localhost.elsewhere.example:80", "[::1"):
                tries.append(await browser.get("/console/audit", Host=host))
                data = {"token": token, "form": "csv", "why": "x"}
                tries.append(
                    await browser.ask("POST", "/console/exchanges/export", data, Host=host, Origin=f"http://{host}")
                )
            return "host" if {one.status for one in tries} <= {400, 403} else str([one.status for one in tries])

        return await seats.refused("console-host", attack)


@play
async def console_framed(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    async with seats.browser(AccountRole.VIEWER) as browser:
        paths = [
            "/console/",
            "/console/nowhere",
            "/console/audit",
            "/console/static/console.js",
            "/console/openid/back",
        ]
        for answer in [await browser.get(path) for path in paths]:
            policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
            wanted = {
                "default-src": "'none'",
                "frame-ancestors": "'none'",
                "base-uri": "'none'",
                "script-src": "'self'",
            }
            if not wanted.items() <= policy.items() or "unsafe" in str(policy) or "http" in str(policy):
                return Seen(str(policy), BROWSER)
            others = ("X-Frame-Options", "Referrer-Policy", "X-Content-Type-Options", "Cross-Origin-Opener-Policy")
            if [answer.headers.get(name) for name in others] != ["DENY", "same-origin", "nosniff", "same-origin"]:
                return Seen(str(answer.headers), BROWSER)
            if "html" in answer.headers["Content-Type"] and re.search(r"<script>|style=|\son\w+=", answer.text):
                return Seen("script in a page", BROWSER)
    return Seen("forbidden", BROWSER)


@play
async def console_stored_script(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    ipsg = scene.parties["IPSG"]
    marked = replace(scene.operation("infra-marked", Phase.TRAINING), name=SCRIPT)
    body = sign_operation(marked, scene.network.id, ipsg.signing)
    status, reason = await scene.request("IPSG", "POST", wire.OPERATIONS, body)
    assert status == 204, reason
    async with seats.browser(AccountRole.SECURITY_OFFICER) as browser:
        data = {"token": await browser.token("/console/exchanges"), "form": "csv", "why": SCRIPT}
        assert (await browser.ask("POST", "/console/exchanges/export", data)).status == 200
        await browser.sign_in(SCRIPT, WRONG)
        found = [await browser.get(f"/console/{page}") for page in ("operations", f"operations/{marked.id}", "audit")]
        search = [await browser.get(f"/console/exchanges?{name}={quote(SCRIPT)}") for name in ("kind", "sender", "id")]
    shown = [one.text for one in (*found, *search)]
    raw = [text for text in shown if SCRIPT in text]
    escaped = all("&lt;script&gt;" in text for text in shown[:3])
    return Seen("escaped" if escaped and not raw else "not escaped", BROWSER)


@play
async def console_false_notice(scene: Scene) -> Seen:
    """A link in a letter: the page would tell the officer, in its own voice, what the thief wants done."""
    seats = await Seats.of(scene)
    async with seats.browser(AccountRole.SECURITY_OFFICER) as browser:
        for page in ("quarantine", "approvals", "", "audit"):
            for by in ("", "&by=", f"&by={'0' * 32}"):
                answer = await browser.get(f"/console/{page}?done={quote('call 5550100 at once')}{by}")
                if answer.status != 200 or "5550100" in answer.text:
                    return Seen(f"{answer.status} at {page}", BROWSER)
    return Seen("nothing", BROWSER)


@play
async def console_formula(scene: Scene) -> Seen:
    """A reason that begins as a formula does, taken away with the list of what operators did."""
    seats = await Seats.of(scene)
    async with seats.browser(AccountRole.SECURITY_OFFICER) as browser:
        token = await browser.token("/console/audit")
        for start in (FORMULA, "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1"):
            data = {"token": token, "form": "csv", "why": start}
            assert (await browser.ask("POST", "/console/audit/export", data)).status == 200
        data = {"token": token, "form": "csv", "why": "last"}
        text = (await browser.ask("POST", "/console/audit/export", data)).text
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    bad = [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]
    known = any(cell.endswith('look")') for cell in cells)
    return Seen("text" if known and not bad else f"{bad}", BROWSER)


@play
async def console_endless_form(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    async with seats.browser() as browser:
        data = f"token={await browser.token('/console/sign-in')}&name=".encode() + b"x" * 20_000
        form = "application/x-www-form-urlencoded"
        answer = await browser.ask("POST", "/console/sign-in", data, Content_Type=form)
        odd = await browser.ask("POST", "/console/sign-in", b"name=\xff", Content_Type=f"{form}; charset=utf-7")
    return Seen("too-large" if (answer.status, odd.status) == (413, 400) else f"{answer.status}, {odd.status}", NOBODY)
