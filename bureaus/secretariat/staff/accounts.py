"""Staff by command: added, listed, given other rights, locked, removed. Each act is recorded with who did it.

Rules: what somebody may do is asked anew at each page, so that a right taken away is gone at once; whoever is changed
has to sign in again. Names are lower case, and stay in the audit when their account is gone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.registry import Registry, audit
from bureaus.secretariat.registry.people import session, staff
from bureaus.secretariat.staff.passwords import check, hashed
from bureaus.secretariat.staff.rights import Right, parse, spell
from schemas.errors import Misuse

_NAME: Final = re.compile(r"[a-z][a-z0-9.-]{0,38}[a-z0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff."""

    name: str
    rights: frozenset[Right]
    locked: bool


def check_name(name: str) -> str:
    """A name as one is.

    Raises:
        Misuse: it is none.
    """
    if _NAME.fullmatch(name) is None or name == audit.SERVICE:
        raise Misuse("a name is 2 to 40 of a-z, 0-9, . and -, begins with a letter, and is not `service`")
    return name


class Accounts:
    """The staff of one registry; `who` does it, `now` is in seconds since the epoch."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def add(self, name: str, rights: Sequence[str], password: str, *, who: str, now: int) -> Member:
        """Add somebody.

        Raises:
            Misuse: the name is taken or none, no such right, or the password may not be one.
        """
        found = Member(check_name(name), parse(rights), locked=False)
        check(password, name)
        values = {"name": name, "rights": spell(found.rights), "password": hashed(password)}
        async with self._registry.writing() as connection:
            if await _find(connection, name) is not None:
                raise Misuse(f"there is a {name} already")
            await connection.execute(insert(staff).values(**values, locked=False, failures=0, until=0))
            await audit.note(connection, time=now, who=who, act="staff added", subject=name, why=spell(found.rights))
        return found

    async def all(self) -> Sequence[Member]:
        """Everybody, by name."""
        async with self._registry.reading() as connection:
            rows = (await connection.execute(select(staff))).all()
        return sorted(map(member, rows), key=lambda one: one.name)

    async def allow(self, name: str, rights: Sequence[str], *, who: str, now: int) -> Member:
        """Give somebody these rights and no others.

        Raises:
            Misuse: there is no such person, or no such right.
        """
        given = spell(parse(rights))
        return await self._change(name, {"rights": given}, who, now, "staff rights", given)

    async def lock(self, name: str, why: str, *, who: str, now: int, locked: bool = True) -> Member:
        """Keep somebody out, or let them in again; attempts that failed are forgotten.

        Raises:
            Misuse: there is no such person.
        """
        values = {"locked": locked, "failures": 0, "until": 0}
        return await self._change(name, values, who, now, "staff locked" if locked else "staff unlocked", why)

    async def password(self, name: str, password: str, *, who: str, now: int) -> Member:
        """Give somebody another password.

        Raises:
            Misuse: there is no such person, or the password may not be one.
        """
        check(password, name)
        values = {"password": hashed(password), "failures": 0, "until": 0}
        return await self._change(name, values, who, now, "staff password", "")

    async def remove(self, name: str, why: str, *, who: str, now: int) -> None:
        """Take an account away.

        Raises:
            Misuse: there is no such person.
        """
        async with self._registry.writing() as connection:
            if await _find(connection, name) is None:
                raise Misuse(f"there is no {name}")
            await connection.execute(delete(session).where(session.c.name == name))
            await connection.execute(delete(staff).where(staff.c.name == name))
            await audit.note(connection, time=now, who=who, act="staff removed", subject=name, why=why)

    async def _change(self, name: str, values: Mapping[str, object], who: str, now: int, act: str, why: str) -> Member:
        async with self._registry.writing() as connection:
            if await _find(connection, name) is None:
                raise Misuse(f"there is no {name}")
            await connection.execute(delete(session).where(session.c.name == name))
            changed = update(staff).where(staff.c.name == name).values(dict(values)).returning(staff)
            row = (await connection.execute(changed)).one()
            await audit.note(connection, time=now, who=who, act=act, subject=name, why=why)
        return member(row)


def member(row: Row[tuple[object, ...]]) -> Member:
    """A row of the staff."""
    return Member(row.name, parse(str(row.rights).split()), bool(row.locked))


async def _find(connection: AsyncConnection, name: str) -> Row[tuple[object, ...]] | None:
    return (await connection.execute(select(staff).where(staff.c.name == name).with_for_update())).first()
