"""A record verifies whole; with a byte changed, something missing or contradicted it does not, and says why."""

import hashlib
import io
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import cbor
from schemas.codes import Answer, Handling, Purpose
from schemas.directory import SigningEntry
from schemas.errors import BureaunetError, Reason, Untrusted
from schemas.evidence import Acknowledgement, Event, Outcome, sign_acknowledgement
from schemas.exchanges import Report
from schemas.keys import NoteKey
from schemas.network import Network, make_network, read_network
from schemas.notes import Checkpoint, Policy, read_body, sign_checkpoint, signature_line
from schemas.operation import Member, Phase, Role
from schemas.record import LAG_MILLISECONDS, verify_record
from tests.world import (
    AR,
    AUTHORITY,
    BR,
    FR,
    IPSG,
    LOG,
    NOW,
    OPERATION,
    RESPONSE,
    Log,
    first_directory,
    first_operation,
    flip,
    full_log,
    header,
    make_genesis,
    new_network,
    opened_log,
    sealed_by,
    seed,
    signing,
)


def verify(record: bytes, network: Network) -> Report:
    return verify_record(io.BytesIO(record).read, network)


def refused(log: Log) -> Reason:
    with pytest.raises(BureaunetError) as caught:
        verify(log.record(), log.network)
    return caught.value.reason


def test_a_record_shows_who_asked_whom_and_what_is_missing() -> None:
    log = full_log()
    report = verify(log.record(), log.network)
    first = report.exchanges[0]
    assert (first.opening.sender, tuple(first.opening.deliveries)) == (FR, (BR, AR))
    assert [(reply.sender, reply.answer) for reply in first.replies] == [(BR, Answer.FINAL)]
    assert first.unanswered == (AR,)
    assert first.opening.deliveries[BR].handed_over is not None
    assert first.opening.deliveries[AR].reason is Reason.COMMITMENT
    assert report.missing == {"answer": 1, "consignment": 1}
    assert [refusal.reason for refusal in report.refusals] == [Reason.EXPIRED]
    assert (report.messages, report.sealed, report.size) == (3, 2, len(log.entries))


def test_the_same_record_comes_out_of_the_same_entries() -> None:
    log = full_log()
    first, second = log.items(), log.items()
    assert [a == b for a, b in zip(first, second, strict=True)].count(False) == 1  # the checkpoint is signed anew


def test_progress_is_told_and_reading_in_small_pieces_is_the_same() -> None:
    log = full_log()
    record, seen = log.record(), list[int]()
    stream = io.BytesIO(record)
    report = verify_record(lambda count: stream.read(min(count, 7)), log.network, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] < report.length == len(record)


def small_log() -> Log:
    log = opened_log()
    query = log.submit(aud=(BR,))
    log.consign(query, BR)
    log.hand_over(query, BR)
    return log


def written() -> tuple[Log, bytes]:
    log = small_log()
    return log, log.record()


SMALL = written()


@pytest.mark.parametrize("part", range(8))
def test_any_changed_byte_is_found(part: int) -> None:
    log = small_log()
    record = log.record()
    masks = (0x01, 0x20, 0x80, 0xFF)
    for at in range(part, len(record), 8):
        with pytest.raises(BureaunetError):
            verify(flip(record, at, masks[at // 8 % 4]), log.network)


@settings(max_examples=150)
@given(st.data())
def test_garbage_anywhere_is_refused_and_never_more_than_that(data: st.DataObject) -> None:
    log, record = SMALL
    at = data.draw(st.integers(0, len(record) - 1))
    junk = data.draw(st.binary(max_size=40))
    changed = record[:at] + junk + record[at + data.draw(st.integers(0, 40)) :]
    if changed != record:
        with pytest.raises(BureaunetError):
            verify(changed, log.network)


def test_a_number_spelled_as_a_boolean_is_found() -> None:
    log = small_log()
    record = log.record()
    for at, byte in enumerate(record):
        if byte in (0, 1):
            with pytest.raises(BureaunetError):
                verify(flip(record, at, byte ^ (0xF4 + byte)), log.network)


def test_a_record_cut_anywhere_or_continued_is_refused() -> None:
    log = small_log()
    items = log.items()
    record = b"".join(items)
    for end in (0, 1, 40, len(record) // 2, len(record) - 1, len(record) - len(items[-1])):
        with pytest.raises(BureaunetError) as caught:
            verify(record[:end], log.network)
        assert caught.value.reason is Reason.CBOR_TRUNCATED
    with pytest.raises(BureaunetError) as caught:
        verify(record + b"\x00", log.network)
    assert caught.value.reason is Reason.CBOR_TRAILING


def test_any_item_left_out_twice_or_moved_is_found() -> None:
    log = full_log()
    items = log.items()
    for at in range(len(items)):
        for changed in (
            [*items[:at], *items[at + 1 :]],
            [*items[: at + 1], *items[at:]],
            [*items[:at], *reversed(items[at : at + 2]), *items[at + 2 :]],
        ):
            if changed != items:
                with pytest.raises(BureaunetError):
                    verify(b"".join(changed), log.network)


def test_the_reason_says_where() -> None:
    log = full_log()
    items = log.items()
    del items[7]
    with pytest.raises(Untrusted) as caught:
        verify(b"".join(items), log.network)
    assert caught.value.reason is Reason.RECORD_GAP
    assert f"at byte {len(b''.join(items[:7]))}, entry {log.steps[5][0]}" in caught.value.detail


def test_a_network_file_inside_the_record_is_not_trusted() -> None:
    log = full_log()
    with pytest.raises(Untrusted) as caught:
        verify(log.record(), new_network())
    assert caught.value.reason is Reason.NETWORK


def test_a_huge_item_is_refused_before_it_is_read() -> None:
    with pytest.raises(BureaunetError) as caught:
        verify(b"\x5b" + (1 << 40).to_bytes(8), new_network())
    assert caught.value.reason is Reason.RECORD_FORM


def second_acceptance(log: Log) -> None:
    claims = header(log.network.id, cti=log.next_id())
    envelope = sealed_by(claims)
    log.decide(claims, envelope)
    log.decide(claims, envelope)


def reused_id(log: Log) -> None:
    for content in (b"{}", b'{"a":1}'):
        claims = header(log.network.id)
        log.decide(claims, sealed_by(claims, content))


def unsent_handover(log: Log) -> None:
    log.hand_over(log.submit(), BR)


def double_handover(log: Log) -> None:
    query = log.submit()
    log.consign(query, BR)
    log.hand_over(query, BR)
    log.hand_over(query, BR)


def stranger_consigned(log: Log) -> None:
    log.consign(log.submit(aud=(BR,)), AR)


def answer_to_nothing(log: Log) -> None:
    log.submit(iss=BR, aud=(FR,), kind=RESPONSE, thread=bytes(32), re=bytes(32), answer=Answer.FINAL)


def consigned_after_handover(log: Log) -> None:
    query = log.submit()
    log.consign(query, BR)
    log.hand_over(query, BR)
    log.consign(query, BR)


def erased_and_kept(log: Log) -> None:
    log.within(Event.CONTENT_ERASED, digest=log.submit().digest)


def overdue_of_nothing(log: Log) -> None:
    log.within(Event.ANSWER_OVERDUE, digest=bytes(32), party=BR)


def older_than_before(log: Log) -> None:
    log.within(Event.OPERATOR_ACTION, time=(NOW - 1000) * 1000)


def accepted_too_late(log: Log) -> None:
    log.submit(iat=NOW - 7200, exp=NOW - 3600)


def acknowledged_by_another(log: Log) -> None:
    query = log.submit()
    log.consign(query, BR)
    said = Acknowledgement(AR, query.digest, Outcome.PROCESSED, NOW, log.network.id, header(log.network.id).head)
    raw = sign_acknowledgement(said, signing(AR))
    log.within(Event.CONTENT_HANDOVER, [raw], digest=query.digest, party=BR, evidence=hashlib.sha256(raw).digest())


@pytest.mark.parametrize(
    "wrong",
    [
        second_acceptance,
        reused_id,
        unsent_handover,
        double_handover,
        stranger_consigned,
        answer_to_nothing,
        consigned_after_handover,
        erased_and_kept,
        overdue_of_nothing,
        older_than_before,
        accepted_too_late,
        acknowledged_by_another,
    ],
)
def test_what_contradicts_itself_is_refused_though_every_signature_holds(wrong: Callable[[Log], None]) -> None:
    log = opened_log()
    wrong(log)
    assert refused(log) is Reason.RECORD_CONTRADICTION


def test_a_message_from_outside_the_operation_shows() -> None:
    log = Log()
    log.publish_directory(first_directory())
    log.publish_operation(replace(first_operation(), members=first_operation().members[:2]))
    log.submit(iss=BR, aud=(IPSG,))
    assert refused(log) is Reason.SENDER_NOT_MEMBER


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"kinds": (RESPONSE,)}, Reason.KIND_NOT_ALLOWED),
        ({"purposes": (Purpose.LOCATION,)}, Reason.PURPOSE),
        ({"handling": (Handling.H1,)}, Reason.HANDLING),
        ({"phase": Phase.TRAINING}, Reason.EXERCISE),
        ({"members": (*first_operation().members[:1], Member(FR, Role.OBSERVER, 0))}, Reason.SENDER_NOT_MEMBER),
        ({"members": (*first_operation().members[:1], Member(FR, Role.PARTICIPANT, 0))}, Reason.RECIPIENT_NOT_MEMBER),
    ],
)
def test_a_message_that_admission_should_have_refused_shows(changed: dict[str, object], reason: Reason) -> None:
    log = Log()
    log.publish_directory(first_directory())
    log.publish_operation(replace(first_operation(), **changed))  # type: ignore[arg-type]  # each case names its fields
    log.submit()
    assert refused(log) is reason


def test_a_message_in_a_closed_operation_shows_once_every_process_has_heard() -> None:
    log = opened_log()
    assert log.operation is not None
    closed = replace(first_operation(), version=2, previous=log.operation.hash, phase=Phase.CLOSED)
    log.publish_operation(closed)
    log.submit()
    assert verify(log.record(), log.network).phase == "closed"
    log.time += LAG_MILLISECONDS
    log.submit()
    assert refused(log) is Reason.OPERATION_CLOSED


def test_a_forged_statement_shows_though_the_gateway_took_it() -> None:
    log = opened_log()
    claims = header(log.network.id, cti=log.next_id())
    log.decide(claims, sealed_by(claims, by=signing(BR)))
    assert refused(log) is Reason.RECORD_CONTRADICTION  # the entry names France's key, the statement Brazil's


def test_a_message_under_a_key_revoked_later_is_shown_void() -> None:
    log = full_log()
    assert log.directory is not None
    since = log.steps[2][0]
    first = first_directory()
    rows = tuple(
        replace(
            row, signing=tuple(SigningEntry(one.key, replace(one.validity, void_from=since)) for one in row.signing)
        )
        if row.address == FR
        else row
        for row in first.participants
    )
    log.publish_directory(replace(first, version=2, previous=log.directory.hash, participants=rows))
    report = verify(log.record(), log.network)
    void = [message.sender for exchange in report.exchanges for message in exchange.messages() if message.void]
    assert void == [FR, FR]
    assert report.directory_version == 2


def test_the_end_must_agree_with_what_was_read() -> None:
    log = full_log()
    items = log.items()
    wrong = cbor.encode(cbor.encode([4, len(log.steps), log.number, 0]))
    with pytest.raises(Untrusted) as caught:
        verify(b"".join([*items[:-1], wrong]), log.network)
    assert caught.value.reason is Reason.RECORD_GAP
    assert verify(b"".join(items), log.network).operation == OPERATION


class Cosigned(Log):
    """A log whose checkpoints these witnesses sign."""

    witnesses: tuple[NoteKey, ...] = ()

    def note(self) -> str:
        text = super().note()
        head = read_body(text)[0]
        return text + "".join(signature_line(head, witness, NOW) for witness in self.witnesses)


def test_a_record_says_when_the_quorum_has_not_signed() -> None:
    one, two, stranger = (NoteKey(f"{name}.example", seed(name)) for name in ("one", "two", "stranger"))
    policy = Policy(LOG.name, LOG.public, {key.name: key.public for key in (one, two)}, 2)
    genesis = replace(make_genesis(), policy=policy)
    first = sign_checkpoint(Checkpoint.empty(LOG.name), LOG, NOW)
    log = Cosigned(read_network(make_network(genesis, [AUTHORITY], first)))
    log.publish_directory(first_directory())
    log.publish_operation(first_operation())
    for witnesses, provisional in (((), True), ((one,), True), ((one, two), False)):
        log.witnesses = witnesses
        assert verify(log.record(), log.network).provisional is provisional
    log.witnesses = (one, stranger)
    assert refused(log) is Reason.CHECKPOINT


def test_a_record_is_verified_in_less_memory_than_it_takes() -> None:
    log = opened_log()
    log.sealer = lambda claims: sealed_by(claims, bytes(1 << 20))
    for _ in range(12):
        log.submit(aud=(BR,), reply_by=None)
    record = log.record()
    assert len(record) > 12 << 20
    stream = io.BytesIO(record)
    tracemalloc.start()
    try:
        verify_record(stream.read, log.network)
        assert tracemalloc.get_traced_memory()[1] < len(record) // 2
    finally:
        tracemalloc.stop()
