"""Signing in at a provider: who comes in, as whom, and whom a browser brings in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from gateway.openid import Passage, Why
from gateway.ports_console import Account, AccountRole, Change
from tests.openid_provider import CLIENT
from tests.unit.gateway.console.issuing_scene import Gate, opened
from tests.unit.gateway.console.scene import KEPT, PASSWORD, token_of


@pytest_asyncio.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    async with opened(tmp_path) as made:
        yield made


async def test_whom_the_provider_means_comes_in_with_the_role_that_it_gives(gate: Gate) -> None:
    browser, asked = await gate.begin()
    form = await (await browser.get("/console/sign-in")).text()
    assert "Sign in with your organisation" in form
    passage = {cookie.key: cookie for cookie in browser.session.cookie_jar}["bureaunet-passage"]
    assert (passage["httponly"], passage["samesite"], passage["max-age"]) == (True, "Lax", "600")
    token = Passage(passage.value)
    assert asked["redirect_uri"] == gate.back
    assert (asked["state"], asked["nonce"], asked["code_challenge"]) == (token.state, token.nonce, token.challenge)
    assert len({token.state, token.nonce, token.verifier, passage.value}) == 4
    status, page = await gate.come(browser, code=gate.provider.grant(asked), state=asked["state"])
    assert (status, 'http-equiv="refresh"' in page) == (200, True)
    jar = {cookie.key: cookie for cookie in browser.session.cookie_jar}
    assert jar["bureaunet-session"]["samesite"] == "Strict"
    assert "bureaunet-passage" not in jar
    overview = await (await browser.get("/console/")).text()
    assert "ada <span" in overview
    assert "(operator)" in overview
    kept = await gate.scene.accounts.account("ada")
    assert kept is not None
    assert (kept.issuer, kept.subject, kept.password) == (gate.provider.issuer, "1001", "")
    rows = await gate.scene.accounts.audit_rows(None, 5)
    assert [(one.actor, one.action) for one in rows] == [("ada", "console.sign-in/1")]

    answer = await browser.post("/console/sign-out", data={"token": token_of(overview)})
    assert f"{gate.provider.issuer}/leave?client_id={CLIENT}" in await answer.text()
    assert (await browser.get("/console/", allow_redirects=False)).status == 303

    gate.provider.said |= {"groups": ["staff", "officers"], "preferred_username": "ada.l"}
    browser, status, _ = await gate.sign_in()
    assert "(security-officer)" in await (await browser.get("/console/")).text(), "under the name of before"
    assert await gate.scene.accounts.account("ada.l") is None


async def test_a_browser_that_did_not_begin_it_brings_nobody_in(gate: Gate) -> None:
    browser, asked = await gate.begin()
    code = gate.provider.grant(asked)
    stranger = await gate.scene.browser()
    assert (await gate.come(stranger, code=code, state=asked["state"]))[0] == 403
    assert gate.why() == Why.STATE
    other, _ = await gate.begin()
    assert (await gate.come(other, code=code, state=asked["state"]))[0] == 403, "somebody else's way"
    assert gate.why() == Why.STATE
    assert (await gate.come(browser, code=code, state="00" * 32))[0] == 403
    assert (await gate.come(browser, code=code, state=asked["state"]))[0] == 403, "the way is over after one failure"
    assert "token" not in gate.provider.asked, "the code was shown to nobody"

    browser, asked = await gate.begin()
    assert (await gate.come(browser, error="access_denied", state=asked["state"]))[0] == 403
    assert gate.why() == Why.SAID_NO


async def test_a_code_of_another_browser_is_worth_nothing(gate: Gate) -> None:
    """The victim's code, planted into the thief's own way back: PKCE and the nonce are the victim's."""
    _, victims = await gate.begin()
    code = gate.provider.grant(victims)
    thief, own = await gate.begin()
    assert (await gate.come(thief, code=code, state=own["state"]))[0] == 403
    assert gate.why() == Why.CODE
    thief, own = await gate.begin()
    gate.provider.codes[code] = {**victims, "code_challenge": own["code_challenge"]}  # a provider without PKCE
    assert (await gate.come(thief, code=code, state=own["state"]))[0] == 403
    assert gate.why() == Why.NONCE


async def test_the_same_word_of_the_provider_brings_somebody_in_once(gate: Gate) -> None:
    gate.provider.again = True
    browser, asked = await gate.begin()
    jar = {cookie.key: cookie.value for cookie in browser.session.cookie_jar}
    code = gate.provider.grant(asked)
    assert (await gate.come(browser, code=code, state=asked["state"]))[0] == 200
    replaying = await gate.scene.browser()
    replaying.session.cookie_jar.update_cookies(jar, replaying.make_url("/"))
    assert (await gate.come(replaying, code=code, state=asked["state"]))[0] == 403
    assert gate.why() == Why.REPLAYED
    rows = await gate.scene.accounts.audit_rows(None, 1)
    assert (rows[0].action, rows[0].why) == ("console.sign-in-failed", "replayed")


async def test_another_provider_cannot_send_the_browser_back(gate: Gate) -> None:
    browser, asked = await gate.begin()
    code = gate.provider.grant(asked)
    assert (await gate.come(browser, code=code, state=asked["state"], iss="https://elsewhere.example"))[0] == 403
    assert gate.why() == Why.MIX_UP
    gate.issuer._known = None  # noqa: SLF001  # as a start of the gateway has it
    gate.provider.metadata["authorization_response_iss_parameter_supported"] = True
    assert (await gate.sign_in())[1] == 403, "it always says who it is"
    assert gate.why() == Why.MIX_UP
    browser, asked = await gate.begin()
    query = {"code": gate.provider.grant(asked), "state": asked["state"], "iss": gate.provider.issuer}
    assert (await gate.come(browser, **query))[0] == 200


async def test_a_name_or_an_address_of_mail_takes_over_no_account(gate: Gate) -> None:
    accounts = gate.scene.accounts
    await accounts.add_account(Account("ada", AccountRole.SECURITY_OFFICER, KEPT, 1))
    gate.provider.said |= {"email": "ada", "email_verified": True}
    assert await gate.refused() == Why.NAME_TAKEN
    gate.provider.said["preferred_username"] = "carl"
    assert (await gate.sign_in())[1] == 200
    gate.provider.said["sub"] = "1002"
    assert await gate.refused() == Why.NAME_TAKEN, "another subject is somebody else, whatever the name"
    ada = await accounts.account("ada")
    assert ada is not None
    assert (ada.role, ada.issuer) == (AccountRole.SECURITY_OFFICER, None)


async def test_an_account_of_the_provider_has_no_password_and_can_be_locked(gate: Gate) -> None:
    browser, _, _ = await gate.sign_in()
    for password in ("", PASSWORD):
        assert (await gate.scene.sign_in("ada", password))[1] == 401
    await gate.scene.accounts.change_account("ada", Change(locked=True))
    assert (await browser.get("/console/", allow_redirects=False)).status == 303
    assert await gate.refused() == Why.LOCKED


async def test_the_way_back_can_be_tried_so_often_from_one_address(tmp_path: Path) -> None:
    async with opened(tmp_path) as gate:
        limits = gate.scene.desk.limits
        for _ in range(limits.address_attempts):
            await gate.scene.accounts.knock("127.0.0.1", gate.scene.world.clock.now(), 0)
        assert await gate.refused() == Why.TOO_MANY
        assert "token" not in gate.provider.asked
        gate.scene.world.clock.move(901_000)
        assert (await gate.sign_in())[1] == 200
