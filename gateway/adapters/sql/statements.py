"""The part of a transaction that keeps signed statements, what was spent, and which requests were used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.sql import arrays, rows
from gateway.adapters.sql import tables as t
from gateway.adapters.sql.together import Together
from gateway.ports import Spent
from schemas.directory import Directory
from schemas.errors import Reason, Untrusted
from schemas.operation import SignedOperation
from schemas.preferences import SignedPreferences


class SqlStatements:
    """`ports_statements.StatementWrites` on one connection, and the quotas that processes share."""

    def __init__(self, connection: AsyncConnection, *, is_sqlite: bool) -> None:
        self._connection, self._sqlite = connection, is_sqlite
        self._together = Together(connection)
        """On PostgreSQL; on SQLite the connection itself keeps what gives nothing back (line.py)."""

    async def finish(self) -> None:
        """Send what waits to go with a later statement: before COMMIT, there is none."""
        await self._together.finish()

    def _put(self, table: Table, names: tuple[str, ...], new: Sequence[tuple[object, ...]]) -> None:
        """Insert rows, if there are any, with a later statement: their values, in the order of `names`."""
        if self._sqlite:
            rows.put(self._connection, table, names, new)
        else:
            arrays.put(self._together, table, names, new)

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        return sqlite.insert(table) if self._sqlite else postgresql.insert(table)

    async def save_directory(self, directory: Directory, raw: bytes, index: int) -> None:
        """As the port says."""
        row = {"version": directory.version, "idx": index, "statement": raw}
        await self._save_version(t.directory_version, row)

    async def save_operation(self, signed: SignedOperation, index: int) -> None:
        """As the port says."""
        operation = signed.operation
        row = {"operation": operation.id, "version": operation.version, "idx": index, "statement": signed.raw}
        await self._save_version(t.operation_version, row)

    async def save_preferences(self, signed: SignedPreferences, index: int) -> None:
        """As the port says."""
        said = signed.preferences
        row = {"owner": str(said.owner), "version": said.version, "idx": index, "statement": signed.raw}
        await self._save_version(t.preference_version, row)

    async def save_operators(self, version: int, raw: bytes, index: int) -> None:
        """As the port says."""
        await self._save_version(t.operator_list, {"version": version, "idx": index, "statement": raw})

    async def _save_version(self, table: Table, row: Mapping[str, object]) -> None:
        statement = self._insert(table).on_conflict_do_nothing().values(row).returning(table.c.idx)
        if (await self._connection.execute(statement)).first() is None:
            raise Untrusted(Reason.VERSION_ORDER, "another statement of this version came first")

    async def use_request(self, request: bytes) -> bool:
        """As the port says."""
        table = t.used_request
        statement = self._insert(table).on_conflict_do_nothing().values(hash=request).returning(table.c.hash)
        return (await self._connection.execute(statement)).first() is not None

    async def spend(self, spent: Sequence[Spent], minute: int) -> None:
        """As the port says. A row of an earlier minute begins anew; one of a later minute stays that minute's."""
        ordered = sorted(spent, key=lambda one: one.bureau)  # one order for all, so that nobody waits in a circle
        if self._sqlite:
            rows.spend(self._connection, ordered, minute)
        else:
            arrays.spend(self._together, ordered, minute)
