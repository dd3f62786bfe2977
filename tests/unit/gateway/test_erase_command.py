"""`erase`: two people where operators are listed, one where none are; and what `operation reviews` lists."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.app import open_records
from gateway.ports import NewMessage
from gateway.two_people import Act
from schemas import envelope
from schemas.errors import Reason
from schemas.evidence import Event
from tests.support import World
from tests.unit.gateway.test_authority import Bureau
from tests.unit.gateway.test_two_people import Scene, command, entries


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    command(
        "participant", "load", made.authority.approve([Bureau("FR").request()], made.now).directory, "--home", made.home
    )
    return made


def keep(scene: Scene, due: int = 99_999) -> str:
    """A message in the gateway's database, as its pipeline would have kept it: its digest."""
    sent = World().envelope()
    statement = envelope.read(sent.statement)

    async def insert() -> None:
        async with open_records(scene.home) as records, records.store.begin() as transaction:
            row = NewMessage(statement, sent.sealed, accepted=True, reason=None, received=scene.now * 1000, due=due)
            await transaction.insert([row])
            await transaction.save_receipts({statement.digest: (0, b"receipt")})

    asyncio.run(insert())
    return statement.digest.hex()


def test_one_person_erases_where_no_operators_are_listed(scene: Scene) -> None:
    digest = keep(scene)
    erase = ("erase", digest, "--home", scene.home, "--operator", "ada", "--json")
    done = json.loads(command(*erase).output)
    assert (done["erased"], done["gone"], done["queues"]) == (1, [], [])
    again = json.loads(command(*erase).output)
    assert (again["erased"], again["gone"]) == (0, [digest])
    (entry,) = [entry for entry in entries(scene) if entry.event is Event.CONTENT_ERASED]
    assert (entry.digest, entry.reason, entry.evidence) == (bytes.fromhex(digest), Reason.ORDERED, None)
    command("erase", "00" * 32, "--home", scene.home, "--operator", "ada", ok=False)
    command("erase", "no digest", "--home", scene.home, "--operator", "ada", ok=False)


def test_two_erase_where_operators_are_listed_and_only_what_they_signed_for(scene: Scene) -> None:
    digest, other = keep(scene), keep(scene)
    scene.install(scene.listed(0, 1))
    erase = ("--home", scene.home, "--operator", "ada")
    command("erase", digest, *erase, ok=False)
    subject, asked, network = scene.folder / "erase.txt", scene.folder / "request.cbor", scene.folder / "network.bn"
    network.write_bytes(scene.network.raw)
    command("erase", digest, *erase, "--subject", subject)
    about = ("--subject", subject, "--network", network)
    command("request", "make", "content.erase/1", *about, "--home", scene.operators[0], "--out", asked)
    command("erase", digest, *erase, "--request", asked, ok=False)
    command("request", "approve", asked, *about, "--home", scene.operators[1], "--yes")
    command("erase", digest, other, *erase, "--request", asked, ok=False)
    assert not [entry for entry in entries(scene) if entry.event is Event.CONTENT_ERASED]
    command("erase", digest, *erase, "--request", asked)
    assert "request-used" in command("erase", digest, *erase, "--request", asked, ok=False).output
    recorded = entries(scene)
    (erased,) = [entry for entry in recorded if entry.event is Event.CONTENT_ERASED]
    acts = [entry for entry in recorded if entry.kind == str(Act.CONTENT_ERASE)]
    assert [entry.event for entry in acts] == [Event.OPERATOR_ACTION] * 2
    assert {entry.evidence for entry in acts} == {erased.evidence}
    assert erased.digest == bytes.fromhex(digest)
