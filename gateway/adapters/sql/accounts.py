"""Accounts of the console, their sessions and the audit, on SQL (`gateway.ports_console.Accounts`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from hmac import compare_digest
from typing import Any

from sqlalchemy import Row, Select, case, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database
from gateway.ports_console import Account, AccountRole, Arrival, Audited, Change, Session


class SqlAccounts:
    """A `gateway.ports_console.Accounts` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = sqlite if database.sqlite else postgresql

    async def add_account(self, account: Account) -> bool:
        """As the port says."""
        async with self._database.write() as connection:
            return await self._add(connection, account)

    async def _add(self, connection: AsyncConnection, account: Account) -> bool:
        put = self._dialect.insert(t.account).values(asdict(account)).on_conflict_do_nothing()
        return (await connection.execute(put.returning(t.account.c.name))).first() is not None

    async def account(self, name: str) -> Account | None:
        """As the port says."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(t.account).where(t.account.c.name == name))).first()
        return None if row is None else _account(row)

    async def accounts(self) -> Sequence[Account]:
        """As the port says."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(t.account))).all()
        return sorted(map(_account, rows), key=lambda one: one.name)  # by code point, whatever the database's order

    async def change_account(self, name: str, change: Change) -> Account | None:
        """As the port says."""
        told = {"role": change.role, "password": change.password, "locked": change.locked}
        values: dict[str, object] = {key: value for key, value in told.items() if value is not None}
        if change.forgiven:
            values |= {"failures": 0, "until": 0}
        async with self._database.write() as connection:
            row = await _locked(connection, name)  # before its sessions, as who enters has it
            if row is None:
                return None
            await connection.execute(delete(t.session).where(t.session.c.account == name))
            if not values:
                return _account(row)
            changed = update(t.account).where(t.account.c.name == name).values(values).returning(t.account)
            return _account((await connection.execute(changed)).one())

    async def remove_account(self, name: str) -> bool:
        """As the port says."""
        async with self._database.write() as connection:
            if await _locked(connection, name) is None:
                return False
            await connection.execute(delete(t.session).where(t.session.c.account == name))
            await connection.execute(delete(t.account).where(t.account.c.name == name))
            return True

    async def attempt(self, name: str, now: int, until: Callable[[int], int]) -> Account | None:
        """As the port says."""
        async with self._database.write() as connection:
            row = await _locked(connection, name)
            if row is None or row.locked or now < row.until:
                return None
            failures = row.failures + 1
            change = update(t.account).where(t.account.c.name == name).values(failures=failures, until=until(failures))
            await connection.execute(change)
            return _account(row)

    async def knock(self, address: str, now: int, since: int) -> int:
        """As the port says."""
        put = self._dialect.insert(t.knock).values(address=address, since=now, count=1)
        old = t.knock.c.since < since
        again = {"since": case((old, now), else_=t.knock.c.since), "count": case((old, 1), else_=t.knock.c.count + 1)}
        counted = put.on_conflict_do_update(index_elements=[t.knock.c.address], set_=again)
        async with self._database.write() as connection:
            return int((await connection.execute(counted.returning(t.knock.c.count))).scalar_one())

    async def let_in(self, address: str) -> None:
        """As the port says."""
        less = update(t.knock).where(t.knock.c.address == address, t.knock.c.count > 0)
        async with self._database.write() as connection:
            await connection.execute(less.values(count=t.knock.c.count - 1))

    async def enter(self, session: Session, password: str) -> bool:
        """As the port says."""
        async with self._database.write() as connection:
            row = await _locked(connection, session.account)
            if row is None or row.locked or not compare_digest(str(row.password), password):
                return False
            forgiven = update(t.account).where(t.account.c.name == session.account).values(failures=0, until=0)
            await connection.execute(forgiven)
            await _open(connection, session, session.account)
            return True

    async def arrive(self, account: Account, session: Session, word: bytes) -> tuple[Arrival, str]:
        """As the port says."""
        use = self._dialect.insert(t.used_word).values(hash=word, time=session.opened).on_conflict_do_nothing()
        theirs = (t.account.c.issuer == account.issuer, t.account.c.subject == account.subject)
        async with self._database.write() as connection:
            if (await connection.execute(use.returning(t.used_word.c.hash))).first() is None:
                return Arrival.REPLAYED, account.name
            await self._add(connection, account)  # changes nothing where it is there, also since a moment ago
            row = (await connection.execute(select(t.account).where(*theirs).with_for_update())).first()
            if row is None:
                return Arrival.NAME_TAKEN, account.name
            if row.locked:
                return Arrival.LOCKED, str(row.name)
            await connection.execute(update(t.account).where(*theirs).values(role=account.role))
            await _open(connection, session, str(row.name))
            return Arrival.ENTERED, str(row.name)

    async def session(self, hash_: bytes) -> Session | None:
        """As the port says."""
        found = _sessions().where(t.session.c.hash == hash_, t.account.c.locked.is_(False))
        async with self._database.read() as connection:
            row = (await connection.execute(found)).first()
        return None if row is None else _session(row)

    async def sessions(self, name: str) -> Sequence[Session]:
        """As the port says."""
        found = _sessions().where(t.session.c.account == name).order_by(t.session.c.opened, t.session.c.hash)
        async with self._database.read() as connection:
            return [_session(row) for row in (await connection.execute(found)).all()]

    async def touch_session(self, hash_: bytes, now: int) -> None:
        """As the port says."""
        async with self._database.write() as connection:
            await connection.execute(update(t.session).where(t.session.c.hash == hash_).values(seen=now))

    async def end_session(self, hash_: bytes) -> None:
        """As the port says."""
        async with self._database.write() as connection:
            await connection.execute(delete(t.session).where(t.session.c.hash == hash_))

    async def end_sessions(self, name: str) -> int:
        """As the port says."""
        async with self._database.write() as connection:
            return (await connection.execute(delete(t.session).where(t.session.c.account == name))).rowcount

    async def sweep_sessions(self, opened: int, seen: int, used: int) -> int:
        """As the port says."""
        old = or_(t.session.c.opened < opened, t.session.c.seen < seen)
        async with self._database.write() as connection:
            await connection.execute(delete(t.knock).where(t.knock.c.since < used))
            await connection.execute(delete(t.used_word).where(t.used_word.c.time < used))
            return (await connection.execute(delete(t.session).where(old))).rowcount

    async def audit(self, row: Audited) -> int:
        """As the port says."""
        values = {"time": row.time, "actor": row.actor, "action": row.action, "subject": row.subject, "why": row.why}
        put = insert(t.audit).values(**values, idx=row.entry).returning(t.audit.c.id)
        async with self._database.write() as connection:
            return int((await connection.execute(put)).scalar_one())

    async def audited(self, number: int, entry: int) -> None:
        """As the port says."""
        async with self._database.write() as connection:
            await connection.execute(update(t.audit).where(t.audit.c.id == number).values(idx=entry))

    async def audit_rows(self, before: int | None, limit: int) -> Sequence[Audited]:
        """As the port says."""
        page = select(t.audit).order_by(t.audit.c.id.desc()).limit(limit)
        if before is not None:
            page = page.where(t.audit.c.id < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(page)).all()
        return [Audited(row.id, row.time, row.actor, row.action, row.subject, row.why, row.idx) for row in rows]


async def _locked(connection: AsyncConnection, name: str) -> Row[*tuple[Any, ...]] | None:
    """An account that nobody else changes until the transaction ends."""
    return (await connection.execute(select(t.account).where(t.account.c.name == name).with_for_update())).first()


async def _open(connection: AsyncConnection, session: Session, name: str) -> None:
    row = {"hash": session.hash, "account": name, "opened": session.opened, "seen": session.seen}
    await connection.execute(insert(t.session).values(row))


def _sessions() -> Select[*tuple[Any, ...]]:
    joined = t.session.join(t.account, t.account.c.name == t.session.c.account)
    return select(t.session, t.account.c.role).select_from(joined)


def _session(row: Row[*tuple[Any, ...]]) -> Session:
    return Session(row.hash, row.account, AccountRole(row.role), row.opened, row.seen)


def _account(row: Row[*tuple[Any, ...]]) -> Account:
    attempts = row.failures, row.until
    return Account(
        row.name, AccountRole(row.role), row.password, row.created, row.locked, *attempts, row.issuer, row.subject
    )
