"""A bureau's private keys in its store: sealed under a passphrase, and no use without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from bureaus import enrolment, guard
from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.guard import Guard
from bureaus.store import FILE, Store, identity
from schemas.codes import Purpose
from schemas.errors import Misuse, Untrusted
from schemas.identity import Address
from schemas.keys import SealingKey, SigningKey
from schemas.vault import unlock
from tests.unit.bureaus.network import NO_TRACE, OPERATION, QUERY, QUICK, Team, operation

PASSPHRASE = b"a passphrase for tests"


async def test_nothing_in_a_locked_home_is_a_key(tmp_path: Path) -> None:
    await enrolment.request(tmp_path, Address("FR"), secret=PASSPHRASE)
    pem = (tmp_path / enrolment.LINK_KEY).read_bytes()
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY")
    async with await Store.open(tmp_path / FILE) as store:
        with pytest.raises(Misuse):
            await store.run(identity.keys)
        locked = await store.run(identity.get, identity.VAULT)
        assert locked is not None
        keys = await store.run(identity.keys, Guard(unlock(locked, PASSPHRASE)))
    assert keys is not None
    files = _everything(tmp_path)
    for key in (*keys.signing, *keys.sealing):
        assert isinstance(key, SigningKey | SealingKey)
        assert key.seed not in files
    assert PASSPHRASE not in files


async def test_a_bureau_with_locked_keys_asks_and_answers(tmp_path: Path) -> None:
    for code in ("FR", "BR"):
        await enrolment.request(tmp_path / code, Address(code), secret=PASSPHRASE)
    team = await _team(tmp_path)
    async with _open(team, "FR") as fr, _open(team, "BR") as br:
        await fr.publish_operation(operation("FR", ("FR", "BR"), team.network.seconds))

        @br.on("whereabouts.query/1")
        async def answer(query: Received) -> None:
            await query.answer(NO_TRACE)

        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        assert [said.sender async for said in exchange.responses(deadline=60)] == ["BR"]
        assert fr.identity.link_password is not None
        pem = (tmp_path / "FR" / enrolment.LINK_KEY).read_bytes()
        serialization.load_pem_private_key(pem, fr.identity.link_password)


async def test_another_passphrase_opens_no_bureau(tmp_path: Path) -> None:
    await enrolment.request(tmp_path / "FR", Address("FR"), secret=PASSPHRASE)
    team = await _team(tmp_path, "FR")
    with pytest.raises(Misuse, match="another passphrase"):
        async with _open(team, "FR", b"another passphrase"):
            pass
    async with _open(team, "FR") as fr:
        assert fr.address == "FR"


async def test_one_key_cannot_stand_in_for_another(tmp_path: Path) -> None:
    await enrolment.request(tmp_path, Address("FR"), secret=PASSPHRASE)
    async with await Store.open(tmp_path / FILE) as store:
        await store.run(lambda db: db.execute("UPDATE private_key SET key_id = zeroblob(32) WHERE use = 'signing'"))
        locked = await store.run(identity.get, identity.VAULT)
        with pytest.raises(Untrusted):
            await store.run(identity.keys, guard.unlock(locked, lambda: PASSPHRASE))


def _everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def _team(folder: Path, *codes: str) -> Team:
    team = Team(folder)
    for code in codes or ("FR", "BR"):
        await team.network.seat(folder / code, code)
    return team


def _open(team: Team, code: str, secret: bytes = PASSPHRASE) -> Bureau:
    home = team.folder / code
    return Bureau.open(home, connect=team.network.connect, limits=QUICK, clock=team.clock, secret=lambda _: secret)
