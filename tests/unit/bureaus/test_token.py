"""A bureau whose signing key is in a PKCS#11 token: SoftHSM, which deploy/install-services.sh installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bureaus import enrolment
from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.token import Place, Token, TokenSigner, place_of
from schemas.codes import Purpose
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.vault import Vault
from tests.unit.bureaus.network import NO_TRACE, OPERATION, QUERY, QUICK, Team, operation

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = b"5678-5678-5678"
pytestmark = pytest.mark.skipif(
    not MODULE.exists() or shutil.which("softhsm2-util") is None,
    reason="needs SoftHSM: deploy/install-services.sh softhsm2",
)


@pytest.fixture(scope="module")
def new_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Place]]:
    """Makes tokens. The module reads its configuration once in a process, so that all tests share a folder."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    patch = pytest.MonkeyPatch()
    patch.setenv("SOFTHSM2_CONF", str(configuration))

    def make(label: str) -> Place:
        pin = PIN.decode()
        options = ["--init-token", "--free", "--label", label, "--so-pin", pin, "--pin", pin]
        subprocess.run(["softhsm2-util", *options], check=True, capture_output=True, env=dict(os.environ))
        import pkcs11  # noqa: PLC0415  # only where there is a token

        pkcs11.lib(str(MODULE)).reinitialize()
        return Place(str(MODULE), label)

    yield make
    patch.undo()


def test_a_key_of_the_token_signs_and_is_found_again(new_token: Callable[[str], Place]) -> None:
    place = new_token("signs")
    token = Token.open(place, PIN)
    made = token.new_signer()
    made.public.verify(made.sign(b"message"), b"message")
    token.close()
    again = Token.open(place, PIN)
    found = again.signer(made.key_id)
    made.public.verify(found.sign(b"another"), b"another")
    with pytest.raises(Misuse):
        again.signer(bytes(32))
    again.close()


def test_a_vault_opens_with_the_token_that_locked_it_alone(new_token: Callable[[str], Place]) -> None:
    places = new_token("ours"), new_token("other")
    ours, other = (Token.open(place, PIN) for place in places)
    vault = Vault.make()
    locked = ours.lock(vault)
    assert place_of(locked) == ours.place
    assert ours.unlock(locked) == vault
    with pytest.raises(Misuse):
        other.unlock(locked)
    other.lock(Vault.make())
    with pytest.raises(Misuse):
        other.unlock(locked)
    ours.close()
    other.close()


def test_another_pin_opens_nothing(new_token: Callable[[str], Place]) -> None:
    with pytest.raises(Misuse):
        Token.open(new_token("pin"), b"0000-0000-0000")


async def test_a_bureau_with_a_token_asks_and_answers(new_token: Callable[[str], Place], tmp_path: Path) -> None:
    place = new_token("bureau")
    await enrolment.request(tmp_path / "FR", Address("FR"), secret=PIN, token=place)
    team = Team(tmp_path)
    for code in ("FR", "BR"):
        await team.network.seat(tmp_path / code, code)
    fr = Bureau.open(
        tmp_path / "FR", connect=team.network.connect, limits=QUICK, clock=team.clock, secret=lambda _: PIN
    )
    async with fr, team.open("BR") as br:
        assert isinstance(fr.keys.signing[0], TokenSigner)
        await fr.publish_operation(operation("FR", ("FR", "BR"), team.network.seconds))

        @br.on("whereabouts.query/1")
        async def answer(query: Received) -> None:
            await query.answer(NO_TRACE)

        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        assert [said.sender async for said in exchange.responses(deadline=60)] == ["BR"]
