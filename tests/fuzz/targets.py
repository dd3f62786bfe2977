"""What is fuzzed: bytes in, and nothing may come out but a value or an error of schemas/errors.py.

Four targets, pure functions all: decode, verify, open, admission. The first byte of an input chooses among a target's
readers, so that one corpus grows for all of them. A reader also checks what must hold of every value that it takes:
CBOR that decodes encodes to the very same bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

from gateway import admission, enrolling, two_people
from gateway.ports import Candidate, Facts, Rejected, Submission, Trust
from gateway.settings import Pipeline
from schemas import (
    attestations,
    cbor,
    cose,
    directory,
    disclosure,
    enrolment,
    envelope,
    evidence,
    messages,
    misbehaviour,
    network,
    notes,
    operation,
    preferences,
    receipts,
    threshold,
    wire,
    witness,
)
from schemas import record as records
from schemas.directory import Directory, Use
from schemas.errors import BureaunetError
from schemas.identity import Address
from schemas.keys import SealingKey, SealingPublic, SigningKey, SigningPublic, Suite
from schemas.operation import SignedOperation
from tests import vector_runs

Reader: TypeAlias = Callable[[bytes], object]
TARGETS: Final = ("decode", "verify", "open", "admission")


@dataclass(frozen=True)
class World:
    """The vectors' network, its statements in force, and a recipient's key."""

    network: network.Network
    directory: Directory
    operation: SignedOperation
    opener: SealingKey
    now: int

    @property
    def signers(self) -> Mapping[bytes, SigningPublic]:
        """Every signing key of the directory."""
        return {entry.key.key_id: entry.key for row in self.directory.participants for entry in row.signing}


@cache
def world() -> World:
    """Made once from the vectors' context."""
    context, net = vector_runs.context(), vector_runs.network()
    version = directory.read_directory(bytes.fromhex(context["directory"]), net)
    raw = bytes.fromhex(context["operation"])
    keys = {entry.key.key_id: entry.key for row in version.participants for entry in row.signing}
    vector = vector_runs.load("admission/ok")["given"]
    seed = bytes.fromhex(context["sealing_seeds"]["BR"])
    return World(net, version, operation.read_operation(raw, net.id, keys), SealingKey(seed), vector["now"])


def _same_cbor(bounds: cbor.Bounds) -> Reader:
    def read(data: bytes) -> object:
        value = cbor.decode(data, bounds)
        assert cbor.encode(value) == data, "a second spelling of the same value"
        return value

    return read


def _statement(data: bytes) -> object:
    statement = envelope.read(data)
    assert statement.raw == data
    return statement.header


def _entry(data: bytes) -> object:
    entry = evidence.read_entry(data)
    assert entry.encode() == data, "a second spelling of the same entry"
    return entry


def _submission(data: bytes) -> object:
    framed = wire.decode_submission(data)
    assert wire.encode_submission(framed) == data
    return framed


def _items(data: bytes) -> object:
    items = wire.decode_items(data)
    assert b"".join(item.encode() for item in items) == data
    return items


def _message(data: bytes) -> object:
    items = wire.decode_message(data)
    assert b"".join(item.encode() for item in items) == data
    return items


def _text(read: Callable[[str], object]) -> Reader:
    return lambda data: read(data.decode("utf-8", "replace"))


def _content(kind: str) -> Reader:
    def read(data: bytes) -> object:
        message, attached = messages.decode_whole(kind, data)
        assert messages.decode_whole(kind, messages.encode(message, attached)) == (message, attached)
        return message

    return read


def _note(text: str) -> object:
    return notes.read_checkpoint(text, world().network.policy)


def _acknowledgement(data: bytes) -> object:
    signed = evidence.read_acknowledgement(data)
    key = world().signers.get(signed.sign1.key_id)
    if key is not None:
        signed.sign1.verify(key)
    return signed


def _signed_statement(data: bytes) -> object:
    statement = envelope.read(data)
    key = world().signers.get(statement.key_id)
    if key is not None:
        statement.verify(key)
    return statement


def _disclosure(data: bytes) -> object:
    read = disclosure.read_disclosure(data)
    assert read.encode() == data, "a second spelling of the same disclosure"
    return disclosure.verify_disclosure(read, world().network)


OPERATORS: Final = (SigningKey(bytes([1]) * 32), SigningKey(bytes([2]) * 32))
"""Two people who may sign what changes trust."""


@cache
def _operators() -> two_people.Operators:
    listed = (two_people.Operator(key.key_id.hex(), key.public) for key in OPERATORS)
    return two_people.Operators(tuple(listed), 2)


def _two_people(data: bytes) -> object:
    """A request as the gateway takes it: for what it says that it is about, so that the rest is reached."""
    two_people.claimed(data)
    here = world()
    return two_people.check(_operators(), data, two_people.Act.DIRECTORY_LOAD, b"", here.network, here.now // 1000)


def _parts(data: bytes) -> object:
    keys = _operators().by_id
    return threshold.verify(data, two_people.REQUEST_TYP, keys, 2, world().network.id)


def _current(data: bytes) -> object:
    return directory.read_current(data, world().network, world().directory, world().now // 1000)


def _proof(text: str) -> object:
    return receipts.read_proof(text).verify(b"entry", world().network.policy)


@cache
def _sealed() -> tuple[envelope.Statement, bytes]:
    given = vector_runs.load("open/ok-BR")["given"]
    return envelope.read(bytes.fromhex(given["statement"])), bytes.fromhex(given["sealed"])


def _open(data: bytes) -> object:
    """A sealed part under the vector's header, its hash made right: past the first check, to the wraps and content."""
    statement, _ = _sealed()
    given = vector_runs.load("open/ok-BR")["given"]
    protected = statement.sign1.protected
    encrypted = cose.parse_encrypt(data)
    opener = _opener(given["seed"], given["suite"])
    return envelope.unpad(
        cose.decrypt(encrypted, opener, external=protected, extra_info=hashlib.sha256(protected).digest())
    )


@cache
def _opener(seed: str, suite: int) -> SealingKey:
    return SealingKey(bytes.fromhex(seed), suite)


def _whole(data: bytes) -> object:
    framed = wire.decode_submission(data)
    statement = envelope.read(framed.statement)
    return envelope.open_sealed(statement, framed.sealed or b"", world().opener)


def _facts() -> Facts:
    here = world()
    trust = Trust(here.network, here.directory, {here.operation.operation.id: here.operation})
    return Facts(trust, here.now, 1000)


def _admit(link: str, *, forgiving: bool) -> Reader:
    """Steps 1 to 12. `forgiving` goes on past a bad signature, which no mutation would ever make right."""

    def read(data: bytes) -> object:
        here, facts = world(), _facts()
        received = admission.receive(Submission(Address(link), data, here.now), here.network.id, within_quota=True)
        if isinstance(received, Rejected):
            return received
        if not forgiving:
            return admission.decide([received, _ahead(received, facts)], facts, Pipeline())
        return _rest(received, facts)

    return read


def _ahead(received: Candidate, facts: Facts) -> Candidate:
    """The same, looked at ahead, which must lead to the same verdict."""
    submission, net = received.submission, facts.trust.network.id
    ahead = admission.receive(submission, net, within_quota=True, trust=facts.trust)
    assert isinstance(ahead, Candidate)  # it passed these steps before
    late, early = (admission.decide([one], facts, Pipeline())[0] for one in (received, ahead))
    assert type(late) is type(early)  # what is fuzzed
    if isinstance(late, Rejected) and isinstance(early, Rejected):
        assert (late.step, late.reason) == (early.step, early.reason)  # as above
    return ahead


def _rest(candidate: Candidate, facts: Facts) -> object:
    """Steps 9, 11 and 12, each whatever the one before said."""
    header = candidate.statement.header
    steps: tuple[Callable[[], None], ...] = (
        lambda: admission.check_clock(header, facts.now, Pipeline()),
        lambda: admission.check_wraps(candidate, facts),
        lambda: admission.check_operation(header, facts),
    )
    return [_said(step) for step in steps]


def _said(step: Callable[[], None]) -> object:
    try:
        step()
    except admission._Step as no:  # noqa: SLF001  # how a step says no, which the batch would catch
        return no.reason
    return None


@cache
def readers(target: str) -> Sequence[Reader]:
    """The readers of a target; an input's first byte chooses one."""
    here = world()
    keys = here.signers
    acceptance = here.directory.service_keys(Use.ACCEPTANCE)
    table: Mapping[str, Sequence[Reader]] = {
        "decode": (
            _same_cbor(cbor.ENVELOPE),
            _same_cbor(cbor.DIRECTORY),
            _statement,
            _entry,
            _submission,
            _items,
            _text(receipts.read_proof),
            _text(notes.read_body),
            cose.parse_encrypt,
            envelope.unpad,
            _address,
            witness.claimed_cosignature,
            preferences.claimed_by,
            two_people.claimed,
            SigningPublic,
            lambda data: SealingPublic(Suite.HPKE_9_KE, data),
            *(_content(kind) for kind in sorted(messages.KINDS)),
            _message,
        ),
        "verify": (
            lambda data: receipts.read_acceptance(data, here.network.id, acceptance),
            lambda data: directory.read_directory(data, here.network),
            _current,
            lambda data: operation.read_operation(data, here.network.id, keys),
            network.read_network,
            enrolment.read_request,
            lambda data: enrolling.take(data, here.directory, here.now // 1000),
            two_people.read_card,
            lambda data: two_people.read_list(data, here.network),
            _two_people,
            _parts,
            lambda data: preferences.read_preferences(data, here.network.id, keys),
            lambda data: witness.read_cosignature(data, here.network.policy),
            _disclosure,
            lambda data: attestations.read_attestation(data, here.network.id, acceptance),
            lambda data: misbehaviour.verify_misbehaviour(data, here.network),
            _acknowledgement,
            _signed_statement,
            _text(_note),
            _text(_proof),
            lambda data: records.verify_record(io.BytesIO(data).read, here.network),
        ),
        "open": (_open, _whole, envelope.unpad),
        "admission": (_admit("FR", forgiving=False), _admit("FR", forgiving=True), _admit("BR", forgiving=False)),
    }
    return table[target]


def _address(data: bytes) -> object:
    """An address as text."""
    return Address.parse(data.decode("utf-8", "replace"))


def run(target: str, data: bytes) -> None:
    """One input. Raises whatever is not a refusal."""
    if not data:
        return
    known = readers(target)
    try:
        known[data[0] % len(known)](data[1:])
    except BureaunetError:
        return
