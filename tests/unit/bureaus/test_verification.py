"""A recipient's ten checks: one way of being wrong for each, refused at its own number with its own reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bureaus.store.identity import Keys
from bureaus.trust import Trust
from bureaus.verification import Facts, Refused, Verified, verify
from schemas import cose, envelope
from schemas.claims import Header
from schemas.codes import Purpose
from schemas.directory import Validity
from schemas.envelope import Envelope
from schemas.errors import Reason
from schemas.evidence import Event
from schemas.identity import Address, MessageId
from schemas.keys import SealingKey, SealingPublic, SigningKey
from schemas.messages import encode
from schemas.operation import Phase, Role
from schemas.receipts import Acceptance
from schemas.wire import InboxItem, ItemType
from tests.unit.bureaus.network import OPERATION, QUERY, Team

CONTENT = encode(QUERY)


@dataclass
class Case:
    """FR's message to BR, on its way into BR's checks."""

    team: Team
    trust: Trust
    author: Keys
    reader: Keys

    def header(self) -> Header:
        now = self.team.network.seconds
        network = self.team.network.network
        return Header(
            Address("FR"),
            OPERATION,
            (Address("BR"),),
            now,
            now + 600,
            MessageId.new(now * 1000),
            network.id,
            self.trust.head,
            QUERY.KIND,
            Purpose.ARREST,
            exercise=True,
        )

    @property
    def readable(self) -> SealingPublic:
        """What one seals to for the reader, as the directory lists it."""
        row = self.trust.directory.find(Address("BR"))
        assert row is not None
        return row.sealing[0].key

    def sealed(self, header: Header | None = None, content: bytes = CONTENT, key: SigningKey | None = None) -> Envelope:
        keys = [
            self.readable,
            *(SealingKey.generate().public for _ in (header or self.header()).aud[1:]),
        ]
        return envelope.seal(header or self.header(), content, keys, key or self.author.signing[0])

    def item(self, sent: Envelope, **changes: object) -> InboxItem:
        acceptance = Acceptance(sent.digest, Event.SUBMISSION_ACCEPTANCE, 1000, self.team.network.clock())
        receipt = self.team.network.receipt(replace(acceptance, **changes))  # type: ignore[arg-type]  # fields of it
        return InboxItem(1001, ItemType.ENVELOPE, receipt, sent.statement, sent.sealed)

    def facts(self) -> Facts:
        return Facts(self.trust, self.reader.sealing)

    def refused(self, item: InboxItem, facts: Facts | None = None) -> tuple[int, Reason]:
        outcome = verify(item, facts or self.facts())
        assert isinstance(outcome, Refused), outcome
        assert outcome.acknowledged == (outcome.number >= 4)
        return outcome.number, outcome.reason


@pytest.fixture
async def case(tmp_path: Path) -> Case:
    team = await Team.gather(tmp_path, ("FR", "BR"))
    async with team.open("FR") as fr:
        author = fr.keys
    async with team.open("BR") as br:
        return Case(team, br.trust, author, br.keys)


async def test_a_message_in_order_passes(case: Case) -> None:
    outcome = verify(case.item(case.sealed()), case.facts())
    assert isinstance(outcome, Verified)
    assert (outcome.message, outcome.addressed, outcome.opened.content) == (QUERY, ("BR",), CONTENT)


@pytest.mark.parametrize(
    ("validity", "reason"),
    [
        (lambda now: Validity(now - 60, now + 60), None),
        (lambda now: Validity(now - 60, now - 1), Reason.KEY_UNKNOWN),
        (lambda now: Validity(now + 60, now + 120), Reason.KEY_UNKNOWN),
        (lambda now: Validity(now - 60, now + 60, 1001), None),
        (lambda now: Validity(now - 60, now + 60, 1000), Reason.KEY_UNKNOWN),
    ],
    ids=["valid", "ended", "not-yet", "void-later", "void"],
)
async def test_1_the_gateways_key_counts_at_the_receipts_own_time_and_place(
    case: Case, validity: Callable[[int], Validity], reason: Reason | None
) -> None:
    item = case.item(case.sealed())
    directory = case.trust.directory
    services = tuple(replace(one, validity=validity(case.team.network.seconds)) for one in directory.services)
    facts = replace(case.facts(), trust=replace(case.trust, directory=replace(directory, services=services)))
    if reason is None:
        assert isinstance(verify(item, facts), Verified)
    else:
        assert case.refused(item, facts) == (1, reason)


async def test_1_a_receipt_that_verified_counts_anew_by_another_directory(case: Case) -> None:
    item, directory = case.item(case.sealed()), case.trust.directory
    assert isinstance(verify(item, case.facts()), Verified)
    now = case.team.network.seconds
    void = tuple(replace(one, validity=Validity(now - 60, now + 60, 1000)) for one in directory.services)
    voided = replace(case.trust, directory=replace(directory, services=void))
    assert case.refused(item, replace(case.facts(), trust=voided)) == (1, Reason.KEY_UNKNOWN)
    assert isinstance(verify(item, case.facts()), Verified)
    assert case.refused(replace(item, acceptance=item.acceptance[:-1] + b"\0"))[0] == 1


async def test_1_a_receipt_that_is_no_acceptance_of_it_is_refused(case: Case) -> None:
    sent, other = case.sealed(), case.sealed()
    item = case.item(sent)
    assert case.refused(replace(item, acceptance=case.item(other).acceptance)) == (1, Reason.NOT_ACCEPTED)
    rejected = case.item(sent, event=Event.SUBMISSION_REJECTION, reason=Reason.QUOTA)
    assert case.refused(rejected) == (1, Reason.NOT_ACCEPTED)
    assert case.refused(replace(item, acceptance=b"\x80")) == (1, Reason.RECEIPT_FORM)
    case.team.network = (await Team.gather(case.team.folder / "other", ("FR", "BR"))).network
    assert case.refused(case.item(sent)) == (1, Reason.NETWORK)


async def test_2_another_network_or_type_is_refused(case: Case) -> None:
    foreign = case.sealed(replace(case.header(), net=bytes(32)))
    assert case.refused(case.item(foreign)) == (2, Reason.NETWORK)
    statement = cose.sign1("application/other+cose", b"x", case.author.signing[0])
    assert case.refused(case.item(Envelope(statement, b""))) == (2, Reason.TYP)
    assert case.refused(case.item(Envelope(b"\xff", b""))) == (2, Reason.CBOR_INDEFINITE)


async def test_3_the_sender_needs_a_key_that_was_valid_and_not_void(case: Case) -> None:
    stranger = case.item(case.sealed(key=SigningKey.generate()))
    assert case.refused(stranger) == (3, Reason.KEY_UNKNOWN)
    item = case.item(case.sealed())
    stolen = case.item(case.sealed(replace(case.header(), iss=Address("BR"))))
    assert case.refused(stolen) == (3, Reason.KEY_UNKNOWN)
    for validity, reason in (
        (lambda v: replace(v, void_from=1000), Reason.KEY_VOID),
        (lambda v: replace(v, until=v.since + 1), Reason.KEY_NOT_VALID),
    ):
        assert case.refused(item, Facts(_with_validity(case.trust, "FR", validity), case.reader.sealing)) == (3, reason)
    later = _with_validity(case.trust, "FR", lambda v: replace(v, void_from=1001))
    assert isinstance(verify(item, Facts(later, case.reader.sealing)), Verified)


def _with_validity(trust: Trust, code: str, change: Callable[[Validity], Validity]) -> Trust:
    rows = tuple(
        replace(row, signing=tuple(replace(entry, validity=change(entry.validity)) for entry in row.signing))
        if row.address == code
        else row
        for row in trust.directory.participants
    )
    return replace(trust, directory=replace(trust.directory, participants=rows))


async def test_4_a_signature_that_does_not_hold_is_refused(case: Case) -> None:
    sent = case.sealed()
    forged = Envelope(sent.statement[:-1] + bytes([sent.statement[-1] ^ 1]), sent.sealed)
    assert case.refused(case.item(forged)) == (4, Reason.SIGNATURE)


async def test_5_what_is_for_somebody_else_is_refused(case: Case) -> None:
    sent = case.sealed(replace(case.header(), aud=(Address("FR"),)))
    assert case.refused(case.item(sent)) == (5, Reason.NOT_ADDRESSED)


async def test_6_our_own_copy_of_the_operation_decides(case: Case) -> None:
    def under(**changes: object) -> Facts:
        versions = case.trust.operations[OPERATION]
        signed = versions[-1].signed
        operation = replace(signed.operation, **changes)  # type: ignore[arg-type]  # fields of it
        version = replace(versions[-1], signed=replace(signed, operation=operation))
        return Facts(replace(case.trust, operations={OPERATION: (version,)}), case.reader.sealing)

    item = case.item(case.sealed())
    members = case.trust.operations[OPERATION][0].signed.operation.members
    assert case.refused(item, Facts(replace(case.trust, operations={}), ())) == (6, Reason.OPERATION_UNKNOWN)
    assert case.refused(item, under(phase=Phase.CLOSED)) == (6, Reason.OPERATION_CLOSED)
    assert case.refused(item, under(members=members[1:])) == (6, Reason.SENDER_NOT_MEMBER)
    assert case.refused(item, under(members=members[:1])) == (6, Reason.RECIPIENT_NOT_MEMBER)
    first, *others = members
    for role in (Role.OBSERVER, Role.AUDITOR):
        silent = under(members=(replace(first, role=role), *others))
        assert case.refused(item, silent) == (6, Reason.SENDER_NOT_MEMBER), role
    told = [replace(member, role=Role.OBSERVER) for member in others]
    assert isinstance(verify(item, under(members=(first, *told))), Verified)
    shut = [replace(member, role=Role.AUDITOR) for member in others]
    assert case.refused(item, under(members=(first, *shut))) == (6, Reason.RECIPIENT_NOT_MEMBER)
    assert case.refused(item, under(kinds=("result/1",))) == (6, Reason.KIND_NOT_ALLOWED)
    assert case.refused(item, under(purposes=())) == (6, Reason.PURPOSE)
    assert case.refused(item, under(handling=())) == (6, Reason.HANDLING)
    real = case.sealed(replace(case.header(), exercise=False))
    assert case.refused(case.item(real)) == (6, Reason.EXERCISE)


async def test_6_the_version_in_force_when_it_was_accepted_decides(case: Case) -> None:
    (first,) = case.trust.operations[OPERATION]
    closed = replace(first.signed.operation, phase=Phase.CLOSED)
    item = case.item(case.sealed())
    for place, passes in ((1001, True), (999, False)):
        second = replace(first, signed=replace(first.signed, operation=closed), place=place)
        trust = replace(case.trust, operations={OPERATION: (first, second)})
        assert isinstance(verify(item, Facts(trust, case.reader.sealing)), Verified) == passes


async def test_7_an_id_that_another_message_has_is_refused(case: Case) -> None:
    header = case.header()
    first, second = case.sealed(header), case.sealed(header)
    facts = replace(case.facts(), seen={(header.iss, header.cti): first.digest})
    assert case.refused(case.item(second), facts) == (7, Reason.ID_REUSED)
    assert isinstance(verify(case.item(first), facts), Verified)


async def test_8_what_does_not_open_is_refused(case: Case) -> None:
    sent, other = case.sealed(), case.sealed()
    item = case.item(sent)
    assert case.refused(replace(item, sealed=None)) == (8, Reason.SEALED_HASH)
    assert case.refused(replace(item, sealed=other.sealed)) == (8, Reason.SEALED_HASH)
    assert case.refused(item, Facts(case.trust, (SealingKey.generate(),))) == (8, Reason.UNSEALING)
    assert case.refused(item, Facts(case.trust, ())) == (8, Reason.UNSEALING)


async def test_9_another_content_than_was_committed_to_is_refused(case: Case) -> None:
    header = case.header().with_commit(envelope.commitment(bytes(32), b"another content"))
    sent = _seal_uncommitted(case, header)
    assert case.refused(case.item(sent)) == (9, Reason.COMMITMENT)


def _seal_uncommitted(case: Case, header: Header) -> Envelope:
    """As `envelope.seal`, but with the commitment that the header has."""
    honest = envelope.read(case.sealed(header).statement)
    protected = honest.sign1.protected.replace(honest.header.commit, header.commit)
    sealed = cose.encrypt(
        envelope.pad(bytes(range(32)), CONTENT),
        [case.readable],
        content_type=envelope.CONTENT_TYPE,
        external=protected,
        extra_info=hashlib.sha256(protected).digest(),
    )
    statement = cose.sign_protected(protected, hashlib.sha256(sealed).digest(), case.author.signing[0])
    return Envelope(statement, sealed)


async def test_10_content_must_be_of_the_kind_that_the_header_says(case: Case) -> None:
    assert case.refused(case.item(case.sealed(content=b"{}"))) == (10, Reason.CONTENT_MODEL)
    assert case.refused(case.item(case.sealed(content=b"not JSON"))) == (10, Reason.CONTENT_NOT_JSON)
