"""Attestations of the answer clock: what was signed comes back, and nothing else is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas import attestations, cbor, cose
from schemas.attestations import Attestation, read_attestation, sign_attestation
from schemas.claims import NET
from schemas.errors import BureaunetError, Malformed, Reason, Untrusted
from schemas.evidence import Event
from schemas.identity import Address
from schemas.keys import SigningKey

NET_ID = b"n" * 32
KEY = SigningKey(b"\x07" * 32)
KEYS = {KEY.key_id: KEY.public}
SAID = Attestation(
    Event.ANSWER_OVERDUE, 7, 1_700_000_000_000, b"q" * 32, Address("BR"), Address("FR"), "infra-sa-2011", 1, 1
)


@pytest.mark.parametrize("event", sorted(attestations.EVENTS))
def test_what_was_signed_comes_back(event: Event) -> None:
    said = replace(SAID, event=event)
    assert read_attestation(sign_attestation(said, NET_ID, KEY), NET_ID, KEYS) == said


def test_another_network_or_key_is_not_believed() -> None:
    signed = sign_attestation(SAID, NET_ID, KEY)
    with pytest.raises(Untrusted) as caught:
        read_attestation(signed, b"m" * 32, KEYS)
    assert caught.value.reason is Reason.NETWORK
    with pytest.raises(Untrusted) as caught:
        read_attestation(signed, NET_ID, {})
    assert caught.value.reason is Reason.KEY_UNKNOWN


def test_every_changed_byte_is_refused() -> None:
    signed = sign_attestation(SAID, NET_ID, KEY)
    for at in range(len(signed)):
        with pytest.raises(BureaunetError):
            read_attestation(signed[:at] + bytes((signed[at] ^ 1,)) + signed[at + 1 :], NET_ID, KEYS)


@pytest.mark.parametrize(
    "payload",
    [
        [],
        ["SubmissionAcceptance", 7, 1, b"q" * 32, "BR", "FR", "infra-sa-2011", 1, 1],
        ["AnswerOverdue", True, 1, b"q" * 32, "BR", "FR", "infra-sa-2011", 1, 1],
        ["AnswerOverdue", -1, 1, b"q" * 32, "BR", "FR", "infra-sa-2011", 1, 1],
        ["AnswerOverdue", 7, 1, b"q" * 31, "BR", "FR", "infra-sa-2011", 1, 1],
        ["AnswerOverdue", 7, 1, b"q" * 32, "br", "FR", "infra-sa-2011", 1, 1],
        ["AnswerOverdue", 7, 1, b"q" * 32, "BR", "FR", "../etc", 1, 1],
        ["AnswerOverdue", 7, 1, b"q" * 32, "BR", "FR", "infra-sa-2011", 1, 1, 0],
    ],
)
def test_a_wrong_form_is_refused_though_it_is_signed(payload: list[cbor.Value]) -> None:
    signed = cose.sign1(attestations.ATTESTATION_TYP, cbor.encode(payload), KEY, {cose.CLAIMS: {NET: NET_ID}})
    with pytest.raises(Malformed):
        read_attestation(signed, NET_ID, KEYS)
