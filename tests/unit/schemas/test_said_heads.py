"""Signed tree heads in a record are held against its tree: what contradicts it is said, and the record verifies."""

from __future__ import annotations

import io

import pytest

from bureaus.auditor import Verdict, verdict_row
from schemas import merkle
from schemas.claims import Head
from schemas.exchanges import Report
from schemas.merkle import leaf_hash
from schemas.record import verify_record
from schemas.said_heads import SaidHeads
from tests.world import AR, BR, FR, Log, opened_log


def verified(log: Log) -> Report:
    return verify_record(io.BytesIO(log.record()).read, log.network)


def grown(log: Log) -> Head:
    return Head(log.head.size, log.head.root)


@pytest.mark.parametrize("size", [*range(1, 34), 63, 64, 65])
def test_a_path_holds_the_root_of_all_that_stood_before(size: int) -> None:
    leaves = [leaf_hash(bytes([index])) for index in range(size)]
    subtrees = merkle.of_leaves(leaves)
    for index in range(size):
        path = merkle.inclusion_proof(subtrees, index, size)
        assert merkle.root_before(index, size, path) == merkle.root(leaves[:index])


def test_true_heads_of_any_size_are_no_finding() -> None:
    log = opened_log()
    sent = [log.submit(head=grown(log)) for _ in range(5)]
    log.stranger()
    for one in sent:
        log.consign(one, BR)
        log.hand_over(one, BR)
        log.submit(head=grown(log))
    assert verified(log).doubtful_heads == ()


def test_a_head_that_the_tree_never_had_is_told_with_who_signed_it() -> None:
    log = opened_log()
    first = log.submit(head=grown(log))
    index = log.head.size
    log.submit(head=Head(index - 1, bytes(32)))
    log.submit(iss=BR, aud=(FR,), head=Head(log.head.size + 1, bytes(32)))
    report = verified(log)
    assert [(one.party, one.index, one.head.size, one.against) for one in report.doubtful_heads] == [
        (FR, index, index - 1, None),
        (BR, index + 1, index + 2, None),
    ]
    shown = verdict_row(Verdict(report))["doubtful_heads"]
    assert isinstance(shown, list)
    assert shown[0] == {"entry": index, "party": "FR", "size": index - 1, "root": bytes(32).hex()}
    assert first.digest in report.indices, "the record verifies nevertheless"


def test_two_roots_for_one_size_that_the_record_does_not_hold_show() -> None:
    log = opened_log()
    between = log.head.size + 1
    log.stranger()
    log.stranger()
    index = log.head.size
    log.submit(head=Head(between, b"\1" * 32))
    log.submit(iss=AR, aud=(FR,), head=Head(between, b"\1" * 32))
    log.submit(iss=BR, aud=(FR,), head=Head(between, b"\2" * 32))
    assert [(one.party, one.against) for one in verified(log).doubtful_heads] == [(BR, index)]


@pytest.mark.parametrize("placed", [4, 7, 8, 9, 15, 16, 33])
def test_the_newest_roots_are_remembered_however_many_came(placed: int) -> None:
    leaves = [leaf_hash(bytes([index])) for index in range(placed)]
    subtrees, heads = merkle.of_leaves(leaves), SaidHeads(kept=4)
    for index in range(placed):
        heads.placed(index, placed, merkle.inclusion_proof(subtrees, index, placed))
    for size in range(placed):
        heads.said(FR, Head(size, merkle.root(leaves[:size])), placed)
    assert heads.doubtful == [], "true heads, remembered or not"
    heads = SaidHeads(kept=4)
    for index in range(placed):
        heads.placed(index, placed, merkle.inclusion_proof(subtrees, index, placed))
    for size in range(placed):
        heads.said(FR, Head(size, b"\1" * 32), placed)
    assert [one.head.size for one in heads.doubtful] == list(range(placed - 4, placed))
