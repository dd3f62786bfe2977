"""Accounts, sessions and the audit, on every store."""

from __future__ import annotations

from dataclasses import replace

from gateway.ports_console import Account, AccountRole, Audited, Session
from tests.support import Stores

ADA = Account("ada", AccountRole.OPERATOR, "$argon2id$ada", 1000)
BOB = Account("bob", AccountRole.AUDITOR, "$argon2id$bob", 1001)


def delay(failures: int) -> int:
    return 0 if failures < 3 else 5000 * failures


async def test_an_account_is_kept_once_and_changed_whole(stores: Stores) -> None:
    kept = stores.accounts
    assert await kept.account("ada") is None
    assert not await kept.save_account(ADA)
    assert [await kept.add_account(one) for one in (BOB, ADA)] == [True, True]
    assert not await kept.add_account(replace(ADA, role=AccountRole.SECURITY_OFFICER))
    assert list(await kept.accounts()) == [ADA, BOB]
    changed = replace(ADA, role=AccountRole.VIEWER, locked=True)
    assert await kept.save_account(changed)
    assert await kept.account("ada") == changed


async def test_attempts_count_before_they_are_judged_and_wait_longer_each_time(stores: Stores) -> None:
    kept = stores.accounts
    await kept.add_account(ADA)
    assert await kept.attempt("nobody", 0, delay) is None
    assert [one.failures for _ in range(3) if (one := await kept.attempt("ada", 10, delay))] == [0, 1, 2]
    assert await kept.attempt("ada", 14_999, delay) is None
    third = await kept.attempt("ada", 15_000, delay)
    assert third is not None
    assert (third.failures, third.until) == (3, 15_000)
    await kept.succeeded("ada")
    assert await kept.account("ada") == ADA
    await kept.save_account(replace(ADA, locked=True))
    assert await kept.attempt("ada", 10, delay) is None


async def test_a_session_has_the_role_of_now_and_ends_with_a_change_of_its_account(stores: Stores) -> None:
    kept = stores.accounts
    await kept.add_account(ADA)
    opened = [Session(bytes([n]) * 32, "ada", AccountRole.OPERATOR, n, n) for n in (1, 2, 3)]
    for one in opened:
        await kept.open_session(one)
    assert await kept.session(opened[0].hash) == opened[0]
    await kept.touch_session(opened[0].hash, 50)
    assert await kept.session(opened[0].hash) == replace(opened[0], seen=50)
    await kept.end_session(opened[1].hash)
    assert await kept.session(opened[1].hash) is None
    assert await kept.sweep_sessions(0, 10) == 1
    assert await kept.session(opened[2].hash) is None
    assert await kept.save_account(replace(ADA, role=AccountRole.VIEWER))
    assert await kept.session(opened[0].hash) is None
    await kept.open_session(opened[0])
    assert await kept.session(opened[0].hash) == replace(opened[0], role=AccountRole.VIEWER)


async def test_the_audit_is_read_backwards_by_pages(stores: Stores) -> None:
    kept = stores.accounts
    row = Audited(0, 7, "ada", "console.sign-in/1", "", "", None)
    numbers = [await kept.audit(replace(row, time=time)) for time in (1, 2, 3)]
    await kept.audited(numbers[1], 99)
    newest = await kept.audit_rows(None, 2)
    assert [(one.id, one.time, one.entry) for one in newest] == [(numbers[2], 3, None), (numbers[1], 2, 99)]
    assert [one.time for one in await kept.audit_rows(numbers[1], 9)] == [1]
