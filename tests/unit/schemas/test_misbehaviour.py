"""Proofs of misbehaviour: two histories, lost entries, two directories; and what proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas import cbor
from schemas.claims import Head
from schemas.directory import Current, directory_hash, read_directory, sign_current, sign_directory
from schemas.errors import BureaunetError, Reason
from schemas.evidence import Acknowledgement, Outcome, sign_acknowledgement
from schemas.keys import NoteKey
from schemas.merkle import consistency_proof, leaf_hash, of_leaves, range_hash
from schemas.misbehaviour import (
    SLACK,
    Contradiction,
    Evidence,
    Source,
    Statement,
    is_misbehaviour,
    prefix_root,
    verify_misbehaviour,
)
from schemas.notes import Checkpoint, add_line, sign_checkpoint, signature_line
from schemas.witness import Witnesses
from tests import world
from tests.world import AUTHORITY, BR, CURRENT, FR, LOG, NOW, header, sealed_by, seed, signing

NETWORK = world.new_network()
W1, W2 = NoteKey("FR", seed("witness/FR")), NoteKey("BR", seed("witness/BR"))
FIRST = sign_directory(world.first_directory(), [AUTHORITY], NETWORK)
NAMED = sign_directory(
    replace(
        world.first_directory(),
        version=2,
        previous=directory_hash(FIRST),
        witnesses=Witnesses({"BR": W2.public, "FR": W1.public}, 2, 0),
    ),
    [AUTHORITY],
    NETWORK,
)
ONE = [leaf_hash(b"%d" % number) for number in range(40)]
TWO = [*ONE[:5], leaf_hash(b"another"), *ONE[6:]]
"""The same but for entry 5."""


def head(leaves: list[bytes], size: int) -> Head:
    return Head(size, range_hash(of_leaves(leaves), 0, size))


def note(leaves: list[bytes], size: int, *witnesses: NoteKey, time: int = NOW) -> Statement:
    checkpoint = Checkpoint(LOG.name, size, head(leaves, size).root)
    text = sign_checkpoint(checkpoint, LOG, time)
    for witness in witnesses:
        text = add_line(text, signature_line(checkpoint, witness, time))
    return Statement(Source.NOTE, text.encode())


def path(leaves: list[bytes], old: int, new: int) -> tuple[bytes, ...]:
    """What shows the root over the first `old` entries."""
    made = tuple(consistency_proof(of_leaves(leaves), old, new))
    return (head(leaves, old).root, *made) if old & (old - 1) == 0 else made


def refused(evidence: Evidence, reason: Reason) -> None:
    with pytest.raises(BureaunetError) as caught:
        verify_misbehaviour(evidence.encode(), NETWORK)
    assert caught.value.reason is reason


def test_one_size_and_two_roots_is_a_fork_and_names_the_witness_who_signed_both() -> None:
    file = Evidence(note(ONE, 9, W1, W2), note(TWO, 9, W1), (), (FIRST, NAMED)).encode()
    assert is_misbehaviour(file)
    found = verify_misbehaviour(file, NETWORK)
    assert (found.contradiction, found.certain) == (Contradiction.FORK, True)
    assert found.accused == ("the log log.example", "FR")
    assert any("two histories" in line for line in found.words())


@pytest.mark.parametrize(("old", "new"), [(6, 7), (7, 40), (8, 9), (8, 40), (16, 33), (32, 40), (13, 31)])
def test_a_larger_tree_over_other_entries_is_a_fork_whichever_is_larger(old: int, new: int) -> None:
    for small, large in ((ONE, TWO), (TWO, ONE)):
        shown = path(large, old, new)
        for pair in ((note(small, old), note(large, new)), (note(large, new), note(small, old))):
            found = verify_misbehaviour(Evidence(*pair, shown).encode(), NETWORK)
            assert found.contradiction is Contradiction.FORK


@pytest.mark.parametrize("old", range(1, 40))
def test_what_one_history_shows_of_itself_proves_nothing(old: int) -> None:
    shown = path(ONE, old, 40)
    assert prefix_root(old, 40, head(ONE, 40).root, shown) == head(ONE, old).root
    refused(Evidence(note(ONE, old), note(ONE, 40), shown), Reason.CONSISTENCY)


def test_a_path_that_does_not_lead_to_the_larger_root_shows_nothing() -> None:
    shown = path(TWO, 7, 12)
    for bent in ((), shown[:-1], (*shown, bytes(32)), (bytes(32), *shown[1:]), path(ONE, 7, 12)):
        refused(Evidence(note(ONE, 7), note(TWO, 12), bent), Reason.CONSISTENCY)


def test_a_smaller_tree_signed_later_is_a_rollback_and_clocks_may_differ_a_little() -> None:
    late = note(ONE, 7, time=NOW + SLACK + 1)
    found = verify_misbehaviour(Evidence(late, note(ONE, 12)).encode(), NETWORK)
    assert found.contradiction is Contradiction.ROLLBACK
    assert any("backup" in line for line in found.words())
    refused(Evidence(note(ONE, 7, time=NOW + SLACK), note(ONE, 12)), Reason.CONSISTENCY)
    refused(Evidence(note(ONE, 7), note(ONE, 12, time=NOW + SLACK + 1)), Reason.CONSISTENCY)


def current(stated: Head, time: int = NOW, version: int = 1, hashed: bytes = directory_hash(FIRST)) -> Statement:
    return Statement(Source.CURRENT, sign_current(Current(version, hashed, time, stated), NETWORK.id, CURRENT))


def test_the_gateways_own_word_counts_against_it() -> None:
    for one, other, what in (
        (current(head(TWO, 9)), note(ONE, 9), Contradiction.FORK),
        (current(head(ONE, 9), NOW + SLACK + 1), note(ONE, 12), Contradiction.ROLLBACK),
        (current(head(ONE, 9)), current(head(ONE, 9), hashed=bytes(32)), Contradiction.DIRECTORIES),
    ):
        found = verify_misbehaviour(Evidence(one, other, (), (FIRST,)).encode(), NETWORK)
        assert (found.contradiction, found.certain) == (what, True)
    refused(Evidence(current(head(TWO, 9)), note(ONE, 9)), Reason.KEY_UNKNOWN)


def test_two_directories_of_one_version_are_the_authoritys() -> None:
    other = sign_directory(replace(world.first_directory(), time=NOW), [AUTHORITY], NETWORK)
    pair = Statement(Source.DIRECTORY, FIRST), Statement(Source.DIRECTORY, other)
    found = verify_misbehaviour(Evidence(*pair).encode(), NETWORK)
    assert (found.contradiction, found.accused) == (Contradiction.DIRECTORIES, ("the authority",))
    refused(Evidence(pair[0], pair[0]), Reason.CONSISTENCY)
    refused(Evidence(pair[0], Statement(Source.DIRECTORY, sign_directory(
        replace(read_directory(FIRST, NETWORK), time=NOW + 1), [signing(FR)], NETWORK
    ))), Reason.KEY_UNKNOWN)  # fmt: skip


def test_a_bureaus_word_against_the_log_says_that_one_of_them_lied() -> None:
    said = sealed_by(header(NETWORK.id, head=head(TWO, 9))).statement
    told = Acknowledgement(BR, seed("digest"), Outcome.PROCESSED, NOW, NETWORK.id, head(TWO, 9))
    acknowledged = sign_acknowledgement(told, signing(BR))
    for source, data, by in ((Source.ENVELOPE, said, "FR"), (Source.ACKNOWLEDGEMENT, acknowledged, "BR")):
        found = verify_misbehaviour(Evidence(Statement(source, data), note(ONE, 9), (), (FIRST,)).encode(), NETWORK)
        assert (found.contradiction, found.certain) == (Contradiction.FORK, False)
        assert found.accused == (by, "the log log.example")
        assert any("one of the two is false" in line for line in found.words())
    behind = sealed_by(header(NETWORK.id, iat=NOW + SLACK + 1, head=head(ONE, 7))).statement
    refused(Evidence(Statement(Source.ENVELOPE, behind), note(ONE, 9), (), (FIRST,)), Reason.CONSISTENCY)
    forged = sealed_by(header(NETWORK.id, head=head(TWO, 9)), by=signing(BR)).statement
    refused(Evidence(Statement(Source.ENVELOPE, forged), note(ONE, 9), (), (FIRST,)), Reason.KEY_UNKNOWN)
    other = sealed_by(header(bytes(32), head=head(TWO, 9))).statement
    refused(Evidence(Statement(Source.ENVELOPE, other), note(ONE, 9), (), (FIRST,)), Reason.NETWORK)


def test_every_statement_must_verify() -> None:
    forged = sign_checkpoint(Checkpoint(LOG.name, 9, bytes(32)), NoteKey(LOG.name, seed("forged")), NOW)
    refused(Evidence(note(ONE, 9), Statement(Source.NOTE, forged.encode())), Reason.CHECKPOINT)
    refused(Evidence(note(ONE, 9), note(TWO, 9), (), (NAMED, FIRST)), Reason.VERSION_ORDER)


def test_other_forms_are_refused() -> None:
    good = cbor.decode(Evidence(note(ONE, 9), note(TWO, 9)).encode(), cbor.DIRECTORY)
    assert isinstance(good, list)
    for at, value in ((0, "bureaunet-misbehaviour/2"), (1, [1]), (2, ["rumour", b""]), (3, ["note", b""]), (4, [b""])):
        bent = [*good]
        bent[at] = value
        with pytest.raises(BureaunetError) as caught:
            verify_misbehaviour(cbor.encode(bent), NETWORK)
        assert caught.value.reason is Reason.STRUCTURE
    assert not is_misbehaviour(b"\x85")
