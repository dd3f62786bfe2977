"""Checkpoints: the log's line, witnesses' lines, each once, by a key of the policy, in the one spelling."""

import base64

import pytest

from schemas import merkle, notes
from schemas.errors import BureaunetError, Reason
from schemas.keys import NoteKey
from schemas.notes import Checkpoint, Policy, add_line, read_checkpoint, sign_checkpoint, signature_line
from tests.world import NOW, seed

LOG = NoteKey("log.example", seed("log"))
ONE, TWO = (NoteKey(f"w{number}.example", seed(f"w{number}")) for number in (1, 2))
POLICY = Policy(LOG.name, LOG.public, {key.name: key.public for key in (ONE, TWO)}, 2)
HEAD = Checkpoint(LOG.name, 7, merkle.leaf_hash(b"x"))
NOTE = sign_checkpoint(HEAD, LOG, NOW)


def refused(text: str, policy: Policy = POLICY) -> None:
    with pytest.raises(BureaunetError) as caught:
        read_checkpoint(text, policy)
    assert caught.value.reason is Reason.CHECKPOINT


def test_a_checkpoint_comes_back_and_is_provisional_until_the_quorum_signed() -> None:
    signed = read_checkpoint(NOTE, POLICY)
    assert (signed.checkpoint, signed.time, signed.witnesses) == (HEAD, NOW, frozenset())
    assert signed.provisional(POLICY)
    cosigned = NOTE
    for witness in (ONE, TWO):
        line = signature_line(HEAD, witness, NOW + 1)
        assert notes.verify_witness_line(line, HEAD, POLICY) == witness.name
        cosigned = add_line(cosigned, line)
    assert not read_checkpoint(cosigned, POLICY).provisional(POLICY)


def test_the_text_is_that_of_a_signed_note() -> None:
    body, _, lines = NOTE.partition("\n\n")
    assert body == f"log.example\n7\n{base64.b64encode(HEAD.root).decode()}"
    assert lines.startswith("\N{EM DASH} log.example ")


def test_every_changed_character_is_refused() -> None:
    for at in range(len(NOTE)):
        if at % 5 == 0 or at < 120 or at > len(NOTE) - 12:
            for other in {"A", "b", "\n", " ", "=", chr((ord(NOTE[at]) + 1) % 128)} - {NOTE[at]}:
                refused(NOTE[:at] + other + NOTE[at + 1 :])


def test_a_line_by_anyone_else_fails_the_whole_note() -> None:
    stranger = NoteKey("w3.example", seed("w3"))
    refused(add_line(NOTE, signature_line(HEAD, stranger, NOW)))
    refused(add_line(NOTE, signature_line(HEAD, NoteKey(ONE.name, seed("forged")), NOW)))
    refused(sign_checkpoint(HEAD, NoteKey(LOG.name, seed("forged")), NOW))
    refused(add_line(NOTE, "\N{EM DASH} w1.example AAAA\n"))
    refused(add_line(NOTE, "w1.example AAAA\n"))


def test_a_witness_signs_once_and_never_first() -> None:
    line = signature_line(HEAD, ONE, NOW)
    refused(add_line(add_line(NOTE, line), line))
    refused(f"{HEAD.body()}\n{line}")
    refused(add_line(NOTE, signature_line(HEAD, LOG, NOW)))


def test_a_cosignature_of_another_head_does_not_count() -> None:
    other = Checkpoint(LOG.name, 8, HEAD.root)
    refused(add_line(NOTE, signature_line(other, ONE, NOW)))
    refused(sign_checkpoint(Checkpoint("other.example", 7, HEAD.root), NoteKey("other.example", seed("log")), NOW))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log.example\n7\n\n",
        NOTE.replace("\n7\n", "\n07\n"),
        NOTE.replace("\n7\n", "\n-7\n"),
        NOTE.replace("\n7\n", "\n7\nextra\n"),
        NOTE[:-1],
        NOTE + "\n",
        "log.example\n7\nAAAA\n\n\N{EM DASH} log.example AAAA\n",
        "x" * (notes.MAX_NOTE + 1),
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    refused(text)


def test_base64_has_one_spelling() -> None:
    assert notes.unb64("AA==") == b"\0"
    for text in ("AB==", "AA", "AA=", "A A=", "AA==\n", "-_=="):
        with pytest.raises(BureaunetError):
            notes.unb64(text)
