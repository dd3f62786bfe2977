"""A bureau gets new keys: nothing in flight is lost, and what a stolen key signed is told of."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from bureaus import enrolment, rotation
from bureaus.client import Bureau
from bureaus.commands.shared import log_to_stderr
from bureaus.exchange import Received
from bureaus.voided import Voided
from schemas.codes import Purpose
from schemas.directory import Directory, Participant, Validity
from schemas.enrolment import read_rotation
from schemas.errors import Misuse, Untrusted
from schemas.identity import Address
from tests.unit.bureaus.network import NO_TRACE, OPERATION, QUERY, Team, counted, eventually
from tests.unit.bureaus.test_enrolment import Issuer

DAY = 24 * 3600


async def ask(bureau: Bureau, *to: str) -> bytes:
    exchange = await bureau.ask(QUERY, to=list(to), operation=OPERATION, purpose=Purpose.ARREST)
    assert (await exchange.accepted(60)).accepted
    return exchange.digest


def change(team: Team, code: str, validity: Validity, number: int = 0) -> None:
    """Publish a version in which one signing key of a bureau has another validity."""

    def changed(row: Participant) -> Participant:
        if row.address != code:
            return row
        signing = list(row.signing)
        signing[number] = replace(signing[number], validity=validity)
        return replace(row, signing=tuple(signing))

    team.network.publish(tuple(map(changed, team.network.directory.participants)))


def own(directory: Directory, code: str) -> Participant:
    row = directory.find(Address(code))
    assert row is not None
    return row


async def test_new_keys_are_used_once_the_directory_lists_them(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        old = fr.trust.own
        made = await fr.rotate()
        assert read_rotation(made.path.read_bytes(), old.signing[0].key) == made.request
        await ask(fr, "BR")
        before = await anext(br.inbox())
        team.network.approve(made.request)
        await fr.refresh()
        await ask(fr, "BR")
        async for after in br.inbox():
            if after.digest != before.digest:
                break
        keys = [await _signed_by(fr, message) for message in (before, after)]
        assert keys == [old.signing[0].key.key_id, made.request.signing.key_id]


async def _signed_by(sender: Bureau, message: Received) -> bytes:
    from schemas import envelope, wire  # noqa: PLC0415  # for this helper alone

    body, _ = await sender.submitted(message.digest)
    return envelope.read(wire.decode_submission(body).statement).key_id


async def test_what_was_sealed_to_the_old_key_before_still_opens(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("BR") as br:
        made = await br.rotate()
    async with team.open("FR") as fr:
        digest = await ask(fr, "BR")
        team.network.approve(made.request)
        await fr.refresh()
        later = await ask(fr, "BR")
    async with team.open("BR") as br:
        assert br.trust.own.sealing[0].key == made.request.sealing
        inbox = br.inbox()
        assert {(await anext(inbox)).digest, (await anext(inbox)).digest} == {digest, later}


async def test_asked_again_the_same_request_is_given_and_kept_over_a_restart(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        made = await fr.rotate()
        assert await fr.rotate() == made
    async with team.open("FR") as fr:
        assert await fr.rotate() == made
        assert len(fr.keys.signing) == 2
        team.network.approve(made.request)
        await fr.refresh()
        with pytest.raises(Misuse, match="complete"):
            await fr.rotate()


async def test_the_links_new_certificate_is_taken_with_its_key(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    home, issuer = tmp_path / "FR", Issuer()
    with pytest.raises(Misuse):
        await rotation.complete(home, b"", issuer.certificate)
    async with team.open("FR") as fr:
        made = await fr.rotate()
    following = (home / rotation.NEXT_KEY).read_bytes()
    with pytest.raises(Untrusted):
        await rotation.complete(home, issuer.approve(made.request.csr, "BR"), issuer.certificate)
    await rotation.complete(home, issuer.approve(made.request.csr), issuer.certificate)
    assert (home / enrolment.LINK_KEY).read_bytes() == following
    assert not (home / rotation.ROTATION).exists()
    async with team.open("FR") as fr:
        assert (await fr.rotate()).request != made.request


async def test_recipients_of_messages_that_become_void_are_told(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    told: list[Voided] = []
    br = team.open("BR")
    br.on_void(told.append)
    async with team.open("FR") as fr, team.open("AR") as ar, br:
        kept = await ask(fr, "BR")
        stolen_from = team.network.ledger.head().size
        stolen = await ask(fr, "BR")
        await ask(ar, "BR")
        await counted(br, "received", "new", 3)
        validity = fr.trust.own.signing[0].validity
        change(team, "FR", replace(validity, void_from=stolen_from))
        await br.refresh()
        assert [(one.digest, one.sender, one.operation) for one in told] == [(stolen, "FR", OPERATION)]
        assert told[0].version == team.network.directory.version
        assert await br.voided() == told
        change(team, "FR", replace(validity, void_from=0))
        await br.refresh()
        assert {one.digest for one in told} == {kept, stolen}
    async with team.open("BR") as again:
        assert {one.digest for one in await again.voided()} == {kept, stolen}


async def test_a_revocation_while_the_program_was_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        digest = await ask(fr, "BR")
        await counted(br, "received", "new", 1)
        validity = fr.trust.own.signing[0].validity
    change(team, "FR", replace(validity, void_from=0))
    told: list[Voided] = []
    br = team.open("BR")
    br.on_void(told.append)
    async with br:
        await eventually(lambda: [one.digest for one in told] == [digest])


async def test_rotation_while_everybody_talks_loses_nothing(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    br = team.open("BR")

    @br.on("whereabouts.query/1")
    async def answer(query: Received) -> None:
        await query.answer(NO_TRACE)

    async with team.open("FR") as fr, br:
        exchanges = []
        for number in range(30):
            exchanges.append(await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST))
            if number in (10, 20):
                rotating = fr if number == 10 else br
                team.network.approve((await rotating.rotate()).request)
                await rotating.refresh()
        for exchange in exchanges:
            assert [said.sender async for said in exchange.responses(deadline=60)] == ["BR"]
        assert {len(bureau.trust.own.signing) for bureau in (fr, br)} == {2}
        assert (await fr.counts())["sent"] == {"accepted": 30}


class Heard(logging.Handler):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.mark.parametrize(("days", "said"), [(31, 0), (29, 1), (6, 1), (0.5, 1), (-1, 1)])
async def test_the_end_of_our_keys_is_said_ahead_and_once(tmp_path: Path, days: float, said: int) -> None:
    team = await Team.gather(tmp_path)
    validity = own(team.network.directory, "FR").signing[0].validity
    change(team, "FR", replace(validity, until=team.network.seconds + round(days * DAY)))
    heard = Heard()
    logger = logging.getLogger("bureaus.expiry")
    logger.addHandler(heard)
    log_to_stderr("warning")  # another test's command line may have set another level for all of ours
    async with team.open("FR") as fr:
        await fr.refresh()
        await fr.refresh()
    logger.removeHandler(heard)
    assert len(heard.records) == said
