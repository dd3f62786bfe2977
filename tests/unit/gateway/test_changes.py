"""Changes to a directory: who may become what, which key is revoked, and that the words say all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway import changes
from schemas.directory import Directory, Participant, State
from schemas.errors import BureaunetError, Forbidden, Misuse, Reason
from schemas.identity import Address
from schemas.keys import SigningKey
from schemas.threshold import Holders
from tests.world import BR, FR, NOW, first_directory, signing

DIRECTORY = first_directory()


def row(code: Address = FR) -> Participant:
    return changes.row_of(DIRECTORY, code)


def with_row(changed: Participant) -> Directory:
    rows = tuple(changed if one.address == changed.address else one for one in DIRECTORY.participants)
    return replace(DIRECTORY, version=2, participants=rows)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.ACTIVE, State.SUSPENDED),
        (State.SUSPENDED, State.ACTIVE),
        (State.ACTIVE, State.WITHDRAWN),
        (State.SUSPENDED, State.WITHDRAWN),
    ],
)
def test_a_state_follows_another(before: State, after: State) -> None:
    changed = changes.with_state(replace(row(), state=before), after)
    assert changed.state is after
    if before is State.ACTIVE:
        assert list(changes.describe(DIRECTORY, with_row(changed))) == [f"FR: {before} becomes {after}"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.WITHDRAWN, State.ACTIVE),
        (State.WITHDRAWN, State.SUSPENDED),
        (State.ACTIVE, State.ACTIVE),
        (State.SUSPENDED, State.SUSPENDED),
    ],
)
def test_a_state_follows_no_other(before: State, after: State) -> None:
    with pytest.raises(Forbidden):
        changes.with_state(replace(row(), state=before), after)


def test_a_revoked_key_is_void_from_an_index_and_the_words_say_so() -> None:
    key = row().signing[0].key.key_id.hex()
    changed = changes.with_revoked(row(), key[:8].upper(), 40)
    assert changed.signing[0].validity.void_from == 40
    assert changed.sealing == row().sealing
    assert list(changes.describe(DIRECTORY, with_row(changed))) == [
        f"FR: signing key {key[:16]} is void from ledger index 40 on"
    ]
    assert not changes.usable(changed, NOW)
    assert changes.with_revoked(changed, key, 39).signing[0].validity.void_from == 39
    for later in (40, 41):
        with pytest.raises(Forbidden) as caught:
            changes.with_revoked(changed, key, later)
        assert caught.value.reason is Reason.KEY_VOID


@pytest.mark.parametrize("key", ["", "1234567", "zz" * 8, signing(BR).key_id.hex()])
def test_only_a_key_of_the_row_is_revoked(key: str) -> None:
    with pytest.raises(Misuse):
        changes.with_revoked(row(), key, 0)


def test_a_unit_without_a_row_has_nothing_to_change() -> None:
    listed = with_row(replace(row(), units=("airport",)))
    with pytest.raises(BureaunetError):
        changes.row_of(listed, Address("FR/airport"))


def test_keys_that_end_soon_are_named_soonest_first() -> None:
    def ends(code: Address, days: float) -> Participant:
        until = NOW + round(days * changes.DAY)
        found = row(code)
        entry = found.sealing[0]
        return replace(found, sealing=(replace(entry, validity=replace(entry.validity, until=until)),))

    rows = (ends(FR, 29.5), ends(BR, 0.5), ends(Address("AR"), 31))
    directory = replace(DIRECTORY, participants=rows)
    assert changes.expiring(directory, NOW, 30) == [("BR", 0), ("FR", 29)]
    assert changes.expiring(directory, NOW, 7) == [("BR", 0)]
    gone = replace(directory, participants=tuple(replace(one, state=State.WITHDRAWN) for one in rows))
    assert changes.expiring(gone, NOW, 30) == []


def test_the_words_name_new_and_lost_rows_keys_and_successors() -> None:
    fresh = replace(row(), address=Address("CL"), signing=(replace(row().signing[0], key=signing("CL").public),))
    heir = SigningKey.generate().public
    after = replace(
        DIRECTORY,
        participants=(*(one for one in DIRECTORY.participants if one.address != BR), fresh),
        succession=Holders((heir,), 1),
    )
    said = "\n".join(changes.describe(DIRECTORY, after))
    assert "BR: its row is gone" in said
    assert "CL: new, national-bureau" in said
    assert heir.key_id.hex()[:16] in said
    renamed = with_row(replace(row(), name="Another"))
    assert list(changes.describe(DIRECTORY, renamed)) == ["FR: kind, name, link or units change"]
