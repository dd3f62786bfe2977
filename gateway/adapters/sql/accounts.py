"""Accounts of the console, their sessions and the audit, on SQL (`gateway.ports_console.Accounts`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.adapters.sql import tables as t
from gateway.adapters.sql.database import Database
from gateway.ports_console import Account, AccountRole, Audited, Session


class SqlAccounts:
    """A `gateway.ports_console.Accounts` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_account(self, account: Account) -> bool:
        """As the port says."""
        dialect = sqlite if self._database.sqlite else postgresql
        put = dialect.insert(t.account).values(asdict(account)).on_conflict_do_nothing().returning(t.account.c.name)
        async with self._database.write() as connection:
            return (await connection.execute(put)).first() is not None

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

    async def save_account(self, account: Account) -> bool:
        """As the port says."""
        change = update(t.account).where(t.account.c.name == account.name).values(asdict(account))
        async with self._database.write() as connection:
            await connection.execute(delete(t.session).where(t.session.c.account == account.name))
            return (await connection.execute(change)).rowcount == 1

    async def attempt(self, name: str, now: int, until: Callable[[int], int]) -> Account | None:
        """As the port says."""
        named = t.account.c.name == name
        async with self._database.write() as connection:
            row = (await connection.execute(select(t.account).where(named).with_for_update())).first()
            if row is None or row.locked or now < row.until:
                return None
            failures = row.failures + 1
            change = update(t.account).where(named).values(failures=failures, until=until(failures))
            await connection.execute(change)
            return _account(row)

    async def succeeded(self, name: str) -> None:
        """As the port says."""
        async with self._database.write() as connection:
            await connection.execute(update(t.account).where(t.account.c.name == name).values(failures=0, until=0))

    async def open_session(self, session: Session) -> None:
        """As the port says."""
        row = {"hash": session.hash, "account": session.account, "opened": session.opened, "seen": session.seen}
        async with self._database.write() as connection:
            await connection.execute(insert(t.session).values(row))

    async def session(self, hash_: bytes) -> Session | None:
        """As the port says."""
        found = (
            select(t.session, t.account.c.role)
            .join(t.account, t.account.c.name == t.session.c.account)
            .where(t.session.c.hash == hash_, t.account.c.locked.is_(False))
        )
        async with self._database.read() as connection:
            row = (await connection.execute(found)).first()
        return None if row is None else Session(row.hash, row.account, AccountRole(row.role), row.opened, row.seen)

    async def touch_session(self, hash_: bytes, now: int) -> None:
        """As the port says."""
        async with self._database.write() as connection:
            await connection.execute(update(t.session).where(t.session.c.hash == hash_).values(seen=now))

    async def end_session(self, hash_: bytes) -> None:
        """As the port says."""
        async with self._database.write() as connection:
            await connection.execute(delete(t.session).where(t.session.c.hash == hash_))

    async def sweep_sessions(self, opened: int, seen: int) -> int:
        """As the port says."""
        old = or_(t.session.c.opened < opened, t.session.c.seen < seen)
        async with self._database.write() as connection:
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


def _account(row: Row[*tuple[Any, ...]]) -> Account:
    return Account(row.name, AccountRole(row.role), row.password, row.created, row.locked, row.failures, row.until)
