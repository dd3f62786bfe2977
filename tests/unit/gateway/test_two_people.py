"""Two people: who may sign, what they sign for, and that one person is not two."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import two_people
from gateway.__main__ import main
from gateway.app import SystemClock, open_records
from gateway.authority import Authority
from gateway.service import complete_service, make_service
from gateway.two_people import Act, Operators, Request
from schemas import cbor, threshold
from schemas.errors import BureaunetError, Forbidden, Malformed, Misuse, Reason, Untrusted
from schemas.evidence import Entry, Event, read_entry
from schemas.identity import Address
from schemas.keys import SigningKey
from tests.unit.gateway.test_authority import Bureau

SUBJECT = b"what it is about"


class Scene:
    """A gateway, its authority, and three operators, of whom two are needed."""

    def __init__(self, folder: Path) -> None:
        self.now = int(time.time())
        self.home, self.folder = folder / "gw", folder
        service = make_service(self.home, "log.test", [], self.now)
        self.authority = Authority.create(folder / "authority", service.encode(), "Test", self.now, exercise=True)
        self.network = self.authority.network
        given = [self.authority.home / name for name in ("network.bn", "certificates/gateway.pem", "ca.pem")]
        complete_service(self.home, *(path.read_bytes() for path in given))
        self.operators = [folder / name for name in ("ada", "bo", "cy")]
        for operator in self.operators:
            two_people.new_operator(operator, operator.name, None)

    def listed(self, *numbers: int, needed: int = 2, version: int = 1) -> bytes:
        cards = [(self.operators[number] / two_people.CARD_FILE).read_bytes() for number in numbers]
        signers = self.authority.signers(self.network.holders)
        return two_people.sign_list(cards, needed, signers, self.network, version)

    def install(self, listed: bytes) -> Operators:
        async def taken() -> Operators:
            async with open_records(self.home) as records:
                return await two_people.install(self.home, records.store, SystemClock(), listed, self.network, None)

        return asyncio.run(taken())

    def in_force(self) -> Operators | None:
        async def found() -> Operators | None:
            async with open_records(self.home) as records:
                return await two_people.operators_of(self.home, records.store, self.network, None)

        return asyncio.run(found())

    def request(self, *numbers: int, act: Act = Act.DIRECTORY_LOAD, age: int = 0, subject: bytes = SUBJECT) -> bytes:
        asked = Request(act, hashlib.sha256(subject).digest(), self.now - age, bytes(16))
        made: bytes | None = None
        for number in numbers:
            made = two_people.sign_request(self.operators[number], asked, self.network, made)
        assert made is not None
        return made

    def check(self, request: bytes | None, act: Act = Act.DIRECTORY_LOAD) -> two_people.Approved:
        operators: Operators = two_people.read_list(self.listed(0, 1), self.network)
        return two_people.check(operators, request, act, SUBJECT, self.network, self.now)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_two_listed_operators_are_enough_in_either_order(scene: Scene) -> None:
    one, other = scene.check(scene.request(0, 1)), scene.check(scene.request(1, 0))
    assert one == other
    assert len(set(one.signers)) == 2


@pytest.mark.parametrize("numbers", [(0,), (1,), (0, 0)])
def test_one_person_is_not_two(scene: Scene, numbers: Sequence[int]) -> None:
    with pytest.raises(Untrusted) as caught:
        scene.check(scene.request(*numbers))
    assert caught.value.reason is Reason.THRESHOLD


def test_the_same_signature_twice_is_refused(scene: Scene) -> None:
    (part,) = two_people._parts(scene.request(0))  # noqa: SLF001  # what no honest program joins
    with pytest.raises(BureaunetError):
        scene.check(threshold.join([part, part], two_people.REQUEST_TYP))


def test_an_operator_who_is_not_listed_counts_for_nothing(scene: Scene) -> None:
    with pytest.raises(Untrusted) as caught:
        scene.check(scene.request(0, 2))
    assert caught.value.reason is Reason.KEY_UNKNOWN


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (lambda s: s.request(0, 1, act=Act.QUARANTINE_DISCARD), Reason.SIGNATURE),
        (lambda s: s.request(0, 1, subject=b"another"), Reason.SIGNATURE),
        (lambda s: s.request(0, 1, age=two_people.LIFETIME + 1), Reason.NOT_CURRENT),
        (lambda s: s.request(0, 1, age=-3600), Reason.NOT_CURRENT),
        (lambda _: None, Reason.THRESHOLD),
    ],
)
def test_a_request_is_for_one_act_one_subject_and_one_week(scene: Scene, request_: object, reason: Reason) -> None:
    assert callable(request_)
    with pytest.raises(Forbidden) as caught:
        scene.check(request_(scene))
    assert caught.value.reason is reason


def test_signatures_over_two_requests_do_not_join(scene: Scene) -> None:
    with pytest.raises(Malformed):
        two_people.sign_request(
            scene.operators[1], Request(Act.DIRECTORY_LOAD, bytes(32), scene.now), scene.network, scene.request(0)
        )


def test_only_the_authority_says_who_the_operators_are(scene: Scene) -> None:
    cards = [(operator / two_people.CARD_FILE).read_bytes() for operator in scene.operators]
    forged = two_people.sign_list(cards, 2, [SigningKey.generate()], scene.network)
    with pytest.raises(Untrusted):
        scene.install(forged)
    with pytest.raises(Misuse):
        two_people.sign_list(cards[:1], 2, [SigningKey.generate()], scene.network)
    rows = [[name, SigningKey.generate().public.raw] for name in ("ada", "bo")]
    signers = scene.authority.signers(scene.network.holders)
    for needed, reason in ((3, "more operators are needed"), (1, "needed above 1")):
        payload = cbor.encode([1, rows, needed])
        kind = two_people.OPERATORS_TYP
        parts = (threshold.sign_part(kind, payload, signer, scene.network.id) for signer in signers)
        with pytest.raises(Malformed, match=reason):
            scene.install(threshold.join(parts, kind))
    assert not (scene.home / two_people.LIST_FILE).exists()
    assert scene.in_force() is None
    first = scene.authority.approve([Bureau("FR").request()], scene.now).directory
    asked = scene.folder / "request.cbor"
    asked.write_bytes(scene.request(0, 1, subject=first.read_bytes()))
    said = command("participant", "load", first, "--home", scene.home, "--request", asked, ok=False)
    assert "nobody's signature could count" in said.output


def command(*arguments: str | Path | int, ok: bool = True) -> Result:
    said = CliRunner().invoke(main, list(map(str, arguments)))
    assert (said.exit_code == 0) is ok, said.output
    return said


def entries(scene: Scene) -> list[Entry]:
    async def read() -> list[Entry]:
        async with open_records(scene.home) as records:
            return [read_entry(leaf.entry) for leaf in await records.store.leaves(0, 100)]

    return asyncio.run(read())


def test_a_directory_is_loaded_by_two_from_when_the_authority_listed_operators(scene: Scene) -> None:
    first = scene.authority.approve([Bureau("FR").request()], scene.now).directory
    command("participant", "load", first, "--home", scene.home)
    cards = [operator / two_people.CARD_FILE for operator in scene.operators[:2]]
    command("authority", "operators", *cards, "--home", scene.authority.home)
    command("operator", "install", scene.authority.home / "operators.cbor", "--home", scene.home)
    second = scene.authority.approve([Bureau("BR").request()], scene.now).directory
    alone = command("participant", "load", second, "--home", scene.home, ok=False)
    assert "takes 2 operators" in alone.output
    asked, network = scene.folder / "request.cbor", scene.authority.home / "network.bn"
    about = ("--subject", second, "--network", network)
    command("request", "make", "directory.load/1", *about, "--home", scene.operators[0], "--out", asked)
    command("participant", "load", second, "--home", scene.home, "--request", asked, ok=False)
    wrong = ("--subject", first, "--network", network)
    command("request", "approve", asked, *wrong, "--home", scene.operators[1], "--yes", ok=False)
    command("request", "approve", asked, *about, "--home", scene.operators[1], "--yes")
    command("participant", "load", second, "--home", scene.home, "--request", asked)
    recorded = entries(scene)
    events = [entry.event for entry in recorded]
    acted = Event.OPERATOR_ACTION
    assert events == [Event.DIRECTORY_UPDATED, acted, acted, acted, Event.DIRECTORY_UPDATED]
    raw = (scene.home / "operators.cbor").read_bytes()
    listed = two_people.read_list(raw, scene.network)
    assert (recorded[1].kind, recorded[1].digest) == ("operators.install/1", hashlib.sha256(raw).digest())
    assert {entry.key_id for entry in recorded[2:4]} == set(listed.by_id)
    assert {entry.digest for entry in recorded[2:]} == {recorded[4].digest}
    assert {entry.kind for entry in recorded[2:4]} == {"directory.load/1"}
    command("participant", "load", second, "--home", scene.home)  # again: nothing changes, and nobody is needed
    assert entries(scene) == recorded


def test_a_discard_takes_two_and_is_recorded(scene: Scene) -> None:
    first = scene.authority.approve([Bureau("FR").request()], scene.now).directory
    command("participant", "load", first, "--home", scene.home)
    scene.install(scene.listed(0, 1))

    async def set_aside() -> int:
        async with open_records(scene.home) as records:
            async with records.store.begin() as transaction:
                await transaction.quarantine(Address("FR"), SUBJECT, "ValueError", scene.now * 1000)
            (item,) = await records.store.set_aside(-1, 10)
            return item.id

    number = asyncio.run(set_aside())
    discard = ("quarantine", "discard", number, "--home", scene.home, "--operator", "ada", "--reason", "unreadable")
    asked = scene.folder / "request.cbor"
    command(*discard, ok=False)
    for wrong in (scene.request(0, 1), scene.request(0, act=Act.QUARANTINE_DISCARD)):
        asked.write_bytes(wrong)
        command(*discard, "--request", asked, ok=False)
    asked.write_bytes(scene.request(0, 1, act=Act.QUARANTINE_DISCARD))
    command(*discard, "--request", asked)
    kinds = [entry.kind for entry in entries(scene) if entry.event is Event.OPERATOR_ACTION]
    assert kinds == ["operators.install/1", *["quarantine.discard/1"] * 3]
    again = ("quarantine", "discard", asyncio.run(set_aside()), *discard[3:], "--request", asked)
    assert "request-used" in command(*again, ok=False).output
    assert [entry.kind for entry in entries(scene) if entry.event is Event.OPERATOR_ACTION] == kinds


def test_an_older_list_is_not_taken_again_wherever_it_is_put(scene: Scene) -> None:
    first, second, rival = scene.listed(0, 1), scene.listed(1, 2, version=2), scene.listed(0, 2, version=2)
    assert [scene.install(first).version for _ in range(2)] == [1, 1]
    assert len(entries(scene)) == 1
    scene.install(second)
    for older in (first, rival):
        with pytest.raises(Untrusted) as caught:
            scene.install(older)
        assert caught.value.reason is Reason.VERSION_ORDER
    (scene.home / two_people.LIST_FILE).write_bytes(first)  # put over the newer one by hand
    found = scene.in_force()
    assert found is not None
    assert found.version == 2
    (scene.home / two_people.LIST_FILE).unlink()
    assert scene.in_force() == found
    assert [entry.kind for entry in entries(scene)] == ["operators.install/1"] * 2


def test_a_list_that_the_ledger_does_not_have_is_not_believed(scene: Scene) -> None:
    scene.install(scene.listed(0, 1))

    async def slipped_in() -> None:
        async with open_records(scene.home) as records, records.store.begin() as transaction:
            await transaction.save_operators(2, scene.listed(1, 2, version=2), 1)

    asyncio.run(slipped_in())
    with pytest.raises(Untrusted) as caught:
        scene.in_force()
    assert caught.value.reason is Reason.RECORD_CONTRADICTION


def test_the_authority_gives_each_list_the_next_version(scene: Scene) -> None:
    cards = [operator / two_people.CARD_FILE for operator in scene.operators[:2]]
    path = scene.authority.home / "operators.cbor"
    for version in (1, 2):
        command("authority", "operators", *cards, "--home", scene.authority.home)
        assert two_people.read_list(path.read_bytes(), scene.network).version == version
