"""Accounts, sessions and the audit, on every store."""

from __future__ import annotations

from dataclasses import replace

from gateway.ports_console import Account, AccountRole, Arrival, Audited, Change, Session
from tests.support import Stores

ADA = Account("ada", AccountRole.OPERATOR, "$argon2id$ada", 1000)
BOB = Account("bob", AccountRole.AUDITOR, "$argon2id$bob", 1001)
OTHER = "$argon2id$other"
SESSION = Session(b"s" * 32, "ada", AccountRole.OPERATOR, 7, 7)


def delay(failures: int) -> int:
    return 0 if failures < 3 else 5000 * failures


async def test_an_account_is_kept_once_and_only_what_is_said_changes(stores: Stores) -> None:
    kept = stores.accounts
    assert await kept.account("ada") is None
    assert await kept.change_account("ada", Change(locked=True)) is None
    assert [await kept.add_account(one) for one in (BOB, ADA)] == [True, True]
    assert not await kept.add_account(replace(ADA, role=AccountRole.SECURITY_OFFICER))
    assert list(await kept.accounts()) == [ADA, BOB]
    changes = (Change(role=AccountRole.VIEWER), Change(locked=True), Change(password=OTHER))
    for change in changes:  # each by somebody who saw the account as it was at first
        await kept.change_account("ada", change)
    changed = replace(ADA, role=AccountRole.VIEWER, locked=True, password=OTHER)
    assert await kept.account("ada") == changed
    assert await kept.change_account("ada", Change()) == changed
    assert await kept.remove_account("ada")
    assert not await kept.remove_account("ada")
    assert list(await kept.accounts()) == [BOB]


async def test_attempts_count_before_they_are_judged_and_wait_longer_each_time(stores: Stores) -> None:
    kept = stores.accounts
    await kept.add_account(ADA)
    assert await kept.attempt("nobody", 0, delay) is None
    assert [one.failures for _ in range(3) if (one := await kept.attempt("ada", 10, delay))] == [0, 1, 2]
    assert await kept.attempt("ada", 14_999, delay) is None
    third = await kept.attempt("ada", 15_000, delay)
    assert third is not None
    assert (third.failures, third.until) == (3, 15_000)
    assert await kept.enter(SESSION, ADA.password)
    assert await kept.account("ada") == ADA
    await kept.attempt("ada", 10, delay)
    forgiven = await kept.change_account("ada", Change(forgiven=True, locked=True))
    assert forgiven == replace(ADA, locked=True)
    assert await kept.attempt("ada", 10, delay) is None


async def test_nobody_enters_an_account_that_changed_since_it_was_judged(stores: Stores) -> None:
    kept = stores.accounts
    await kept.add_account(ADA)
    assert not await kept.enter(SESSION, "$argon2id$another")
    await kept.change_account("ada", Change(locked=True))
    assert not await kept.enter(SESSION, ADA.password)
    assert not await kept.enter(replace(SESSION, account="nobody"), ADA.password)
    assert await kept.session(SESSION.hash) is None
    await kept.change_account("ada", Change(locked=False))
    assert await kept.enter(SESSION, ADA.password)
    assert await kept.session(SESSION.hash) == SESSION
    assert list(await kept.sessions("ada")) == [SESSION]
    assert await kept.end_sessions("ada") == 1
    assert await kept.remove_account("ada")


async def test_who_an_issuer_sends_is_known_by_issuer_and_subject_alone(stores: Stores) -> None:
    kept = stores.accounts
    await kept.add_account(ADA)
    sent = Account("carl", AccountRole.VIEWER, "", 5, issuer="https://a.example", subject="1")
    session = replace(SESSION, account="carl", role=AccountRole.VIEWER)
    assert await kept.arrive(sent, session, b"one") == (Arrival.ENTERED, "carl")
    assert await kept.account("carl") == sent
    assert await kept.session(session.hash) == session
    assert not await kept.add_account(replace(sent, name="other"))

    def other(number: int) -> Session:
        return replace(session, hash=bytes([number]) * 32)

    assert await kept.arrive(sent, other(3), b"one") == (Arrival.REPLAYED, "carl")
    renamed = replace(sent, name="charles", role=AccountRole.OPERATOR)
    assert await kept.arrive(renamed, other(4), b"two") == (Arrival.ENTERED, "carl")
    assert [one.role for one in await kept.sessions("carl")] == [AccountRole.OPERATOR] * 2, "the role is the issuer's"
    taker = replace(sent, name="ada", subject="2")
    assert await kept.arrive(taker, other(5), b"three") == (Arrival.NAME_TAKEN, "ada")
    elsewhere = replace(sent, issuer="https://b.example")
    assert await kept.arrive(elsewhere, other(6), b"four") == (Arrival.NAME_TAKEN, "carl")
    await kept.change_account("carl", Change(locked=True))
    assert await kept.arrive(sent, other(7), b"five") == (Arrival.LOCKED, "carl")
    assert await kept.sessions("carl") == []
    assert await kept.account("ada") == ADA


async def test_attempts_from_an_address_count_for_a_time(stores: Stores) -> None:
    kept = stores.accounts
    assert [await kept.knock("::1", now, 0) for now in (10, 20, 30)] == [1, 2, 3]
    assert await kept.knock("::2", 30, 0) == 1
    await kept.let_in("::1")
    assert await kept.knock("::1", 40, 10) == 3
    assert await kept.knock("::1", 50, 11) == 1, "the first one is too long ago"
    await kept.sweep_sessions(0, 0, 51)
    await kept.let_in("::1")
    assert await kept.knock("::1", 60, 0) == 1


async def test_a_session_has_the_role_of_now_and_ends_with_a_change_of_its_account(stores: Stores) -> None:
    kept = stores.accounts
    await kept.add_account(ADA)
    opened = [Session(bytes([n]) * 32, "ada", AccountRole.OPERATOR, n, n) for n in (1, 2, 3)]
    for one in opened:
        assert await kept.enter(one, ADA.password)
    assert await kept.session(opened[0].hash) == opened[0]
    await kept.touch_session(opened[0].hash, 50)
    assert await kept.session(opened[0].hash) == replace(opened[0], seen=50)
    await kept.end_session(opened[1].hash)
    assert await kept.session(opened[1].hash) is None
    assert await kept.sweep_sessions(0, 10, 0) == 1
    assert await kept.session(opened[2].hash) is None
    await kept.change_account("ada", Change(role=AccountRole.VIEWER))
    assert await kept.session(opened[0].hash) is None
    assert await kept.enter(opened[0], ADA.password)
    assert await kept.session(opened[0].hash) == replace(opened[0], role=AccountRole.VIEWER)


async def test_the_audit_is_read_backwards_by_pages(stores: Stores) -> None:
    kept = stores.accounts
    row = Audited(0, 7, "ada", "console.sign-in/1", "", "", None)
    numbers = [await kept.audit(replace(row, time=time)) for time in (1, 2, 3)]
    await kept.audited(numbers[1], 99)
    newest = await kept.audit_rows(None, 2)
    assert [(one.id, one.time, one.entry) for one in newest] == [(numbers[2], 3, None), (numbers[1], 2, 99)]
    assert [one.time for one in await kept.audit_rows(numbers[1], 9)] == [1]
