"""What was void stays void: no later version of the directory takes a revocation back, whoever signed it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.directory import Directory, SealingEntry, SigningEntry, read_directory, sign_directory
from schemas.errors import Reason, Untrusted
from tests.world import AUTHORITY, FR, first_directory, new_network

NETWORK = new_network()


def read(version: Directory, before: Directory | None = None) -> Directory:
    return read_directory(sign_directory(version, [AUTHORITY], NETWORK), NETWORK, before)


def following(before: Directory, void_from: int | None, use: str) -> Directory:
    """The next version, in which France's key, or the gateway's, is void from an index on."""

    def void(entry: SigningEntry) -> SigningEntry:
        return replace(entry, validity=replace(entry.validity, void_from=void_from))

    made = replace(before, version=before.version + 1, previous=before.hash, hash=b"")
    if use == "service":
        first, *others = before.services
        return replace(made, services=(replace(first, validity=replace(first.validity, void_from=void_from)), *others))
    rows = []
    for row in before.participants:
        if row.address == FR and use == "signing":
            rows.append(replace(row, signing=tuple(map(void, row.signing))))
        elif row.address == FR:
            sealing = tuple(SealingEntry(e.key, replace(e.validity, void_from=void_from)) for e in row.sealing)
            rows.append(replace(row, sealing=sealing))
        else:
            rows.append(row)
    return replace(made, participants=tuple(rows))


@pytest.mark.parametrize("use", ["signing", "sealing", "service"])
def test_a_revocation_moves_to_an_earlier_index_and_never_to_a_later_one(use: str) -> None:
    revoked = read(following(read(first_directory()), 40, use))
    for void_from in (40, 39, 0):
        read(following(revoked, void_from, use), revoked)
    for later in (41, None):
        with pytest.raises(Untrusted) as caught:
            read(following(revoked, later, use), revoked)
        assert caught.value.reason is Reason.KEY_VOID


def test_a_void_key_is_not_forgotten_by_leaving_out_its_row() -> None:
    revoked = read(following(read(first_directory()), 40, "signing"))
    rows = tuple(row for row in revoked.participants if row.address != FR)
    without = replace(revoked, version=3, previous=revoked.hash, participants=rows, hash=b"")
    with pytest.raises(Untrusted) as caught:
        read(without, revoked)
    assert caught.value.reason is Reason.KEY_VOID
