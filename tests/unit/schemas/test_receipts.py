"""Receipts: one signature for a batch, a path for each; proofs that an entry is in the log."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import cbor, merkle
from schemas.errors import BureaunetError, Malformed, Reason, Untrusted
from schemas.evidence import Event
from schemas.keys import SigningKey
from schemas.notes import Checkpoint, Policy, sign_checkpoint
from schemas.receipts import MAX_PATH, Acceptance, Proof, read_acceptance, read_proof, sign_acceptances
from tests.world import ACCEPTANCE, LOG, NOW, flip

NET = bytes(32)
KEYS = {ACCEPTANCE.key_id: ACCEPTANCE.public}
POLICY = Policy(LOG.name, LOG.public)
DIGESTS = st.binary(min_size=32, max_size=32)
ACCEPTANCES = st.builds(
    Acceptance,
    DIGESTS,
    st.sampled_from([Event.SUBMISSION_ACCEPTANCE, Event.SUBMISSION_REJECTION]),
    st.none() | st.integers(0, 2**63),
    st.integers(0, 2**62),
    st.none() | st.sampled_from(Reason),
)
ONE = Acceptance(bytes(32), Event.SUBMISSION_ACCEPTANCE, 4, NOW * 1000)


@settings(max_examples=30)
@given(st.lists(ACCEPTANCES, min_size=1, max_size=9))
def test_each_of_a_batch_has_its_own_receipt(batch: list[Acceptance]) -> None:
    receipts = sign_acceptances(batch, NET, ACCEPTANCE)
    assert [read_acceptance(receipt, NET, KEYS) for receipt in receipts] == batch


def test_nobody_sees_another_digest_in_a_receipt() -> None:
    batch = [Acceptance(bytes((n,)) * 32, Event.SUBMISSION_ACCEPTANCE, n, NOW) for n in range(1, 5)]
    receipts = sign_acceptances(batch, NET, ACCEPTANCE)
    for own, receipt in zip(batch, receipts, strict=True):
        assert own.digest in receipt
        assert not any(other.digest in receipt for other in batch if other is not own)


def test_every_changed_byte_of_a_receipt_is_refused() -> None:
    batch = [Acceptance(bytes((n,)) * 32, ONE.event, n, ONE.time) for n in range(3)]
    for receipt in sign_acceptances(batch, NET, ACCEPTANCE):
        for at in range(len(receipt)):
            for mask in (0x01, 0x80, receipt[at] ^ 0xF4, receipt[at] ^ 0xF5):
                if mask:
                    with pytest.raises(BureaunetError):
                        read_acceptance(flip(receipt, at, mask), NET, KEYS)


def test_a_receipt_of_another_network_or_key_is_refused() -> None:
    receipt = sign_acceptances([ONE], NET, ACCEPTANCE)[0]
    with pytest.raises(Untrusted) as caught:
        read_acceptance(receipt, b"\x01" * 32, KEYS)
    assert caught.value.reason is Reason.NETWORK
    with pytest.raises(Untrusted) as caught:
        read_acceptance(sign_acceptances([ONE], NET, SigningKey.generate())[0], NET, KEYS)
    assert caught.value.reason is Reason.KEY_UNKNOWN


def test_an_item_of_another_batch_is_not_included() -> None:
    receipt = cbor.decode(sign_acceptances([ONE], NET, ACCEPTANCE)[0])
    assert isinstance(receipt, list)
    other = Acceptance(b"\x02" * 32, ONE.event, ONE.index, ONE.time).item()
    with pytest.raises(Untrusted) as caught:
        read_acceptance(cbor.encode([*receipt[:3], other]), NET, KEYS)
    assert caught.value.reason is Reason.INCLUSION


@pytest.mark.parametrize("value", [[], [b"", 0, []], [b"", False, [], b""], [b"", 0, [0], b""], {}])
def test_another_form_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Malformed) as caught:
        read_acceptance(cbor.encode(value), NET, KEYS)
    assert caught.value.reason is Reason.RECEIPT_FORM


ENTRIES = [bytes((number,)) for number in range(5)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


def proof(index: int, size: int = 5) -> Proof:
    note = sign_checkpoint(Checkpoint(LOG.name, size, merkle.root(LEAVES[:size])), LOG, NOW)
    return Proof(index, tuple(merkle.inclusion_proof(merkle.of_leaves(LEAVES), index, size)), note)


def test_a_proof_comes_back_and_verifies() -> None:
    for index, entry in enumerate(ENTRIES):
        made = proof(index)
        assert read_proof(made.format()) == made
        assert made.verify(entry, POLICY).checkpoint.size == 5


def test_a_proof_holds_for_its_entry_and_index_alone() -> None:
    made = proof(2)
    for index, entry in ((2, b"x"), (3, ENTRIES[2]), (7, ENTRIES[2])):
        with pytest.raises(Untrusted) as caught:
            Proof(index, made.path, made.note).verify(entry, POLICY)
        assert caught.value.reason is Reason.INCLUSION


TEXT = proof(2).format()


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("index 2", "index 02"),
        TEXT.replace("index 2", "index -2"),
        TEXT.replace("index 2\n", ""),
        TEXT.replace("index 2\n", "index 2\nAA=\n"),
        TEXT.replace("index 2\n", "index 2\n" + "AAAA\n" * (MAX_PATH + 1)),
        TEXT.replace("\n\n", "\n"),
    ],
)
def test_other_forms_of_a_proof_are_refused(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_proof(text)
    assert caught.value.reason is Reason.RECEIPT_FORM
