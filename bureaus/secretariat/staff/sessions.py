"""Signing in, and who is signed in.

Rules: the browser has 32 random bytes, the registry their SHA-256 alone; a sign-in always makes a new session and ends
the one that the browser had, so that nobody can plant one; a session ends after a time without use, and after a time
whatever happens. A wrong name, a wrong password, a locked account and an attempt that comes too soon are answered the
same, and take as long. An attempt counts before it is judged; after `FREE` the wait doubles with each, up to a bound:
whoever guesses is held up, and nobody is locked out for good by somebody else's guesses.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from sqlalchemy import delete, insert, or_, select, update

from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry.people import session, staff
from bureaus.secretariat.staff.accounts import Member, member
from bureaus.secretariat.staff.passwords import Comparing

FREE: Final = 3
"""Attempts that may fail before the next has to wait."""
_TOUCH: Final = 60
"""Seconds between two marks of use."""
_TOKEN: Final = 32
_FORM: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def wait(failures: int, longest: int) -> int:
    """Seconds until the next attempt counts, after so many that failed."""
    return 0 if failures <= FREE else min(1 << min(failures - FREE - 1, 20), longest)


def new_token() -> str:
    """What a browser is given."""
    return secrets.token_hex(_TOKEN)


def is_token(text: str | None) -> bool:
    """Whether a browser could have been given this."""
    return text is not None and _FORM.fullmatch(text) is not None


def form_token(token: str) -> str:
    """What the forms of the holder of `token` carry, and nobody else's can."""
    return hmac.digest(token.encode(), b"bureaunet-secretariat/form", hashlib.sha256).hex()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with the token that only its browser has."""

    token: str
    member: Member


class Sessions:
    """Signs in and out."""

    def __init__(self, office: Office) -> None:
        self._office, self._registry = office, office.registry
        self._comparing = Comparing()

    async def sign_in(self, name: str, password: str, before: str | None) -> str | None:
        """A new session's token; None where it is refused. `before` is the token that the browser had.

        Raises:
            Unavailable: `overloaded`, or the registry cannot serve now.
        """
        kept = await self._attempt(name)
        right = await self._comparing.matches(password, kept)
        if kept is None or not right:
            if kept is not None:
                await self._note(name, "sign-in failed")
            return None
        return await self._enter(name, kept, before)

    async def _attempt(self, name: str) -> str | None:
        """The hash that may be tried now; None where there is none."""
        now, longest = self._office.now(), self._office.settings.staff_longest_wait
        async with self._registry.writing() as connection:
            row = (await connection.execute(select(staff).where(staff.c.name == name).with_for_update())).first()
            if row is None or row.locked or now < row.until:
                return None
            failures = row.failures + 1
            values = {"failures": failures, "until": now + wait(failures, longest)}
            await connection.execute(update(staff).where(staff.c.name == name).values(values))
            return str(row.password)

    async def _enter(self, name: str, kept: str, before: str | None) -> str | None:
        token, now, settings = new_token(), self._office.now(), self._office.settings
        async with self._registry.writing() as connection:
            row = (await connection.execute(select(staff).where(staff.c.name == name).with_for_update())).first()
            if row is None or row.locked or not compare_digest(str(row.password), kept):
                return None
            over = or_(
                session.c.opened <= now - settings.staff_session_seconds,
                session.c.seen <= now - settings.staff_idle_seconds,
                session.c.hash == _hash(before or ""),
            )
            await connection.execute(delete(session).where(over))
            await connection.execute(update(staff).where(staff.c.name == name).values(failures=0, until=0))
            await connection.execute(insert(session).values(hash=_hash(token), name=name, opened=now, seen=now))
            await audit.note(connection, time=now, who=name, act="signed in", subject=name)
        return token

    async def who(self, token: str | None) -> SignedIn | None:
        """Whose token this is, with the rights of now; None where its session is over.

        Raises:
            Unavailable: the registry cannot serve now.
        """
        if token is None or not is_token(token):
            return None
        now, settings = self._office.now(), self._office.settings
        found = select(session.c.opened, session.c.seen, staff).join(staff, staff.c.name == session.c.name)
        async with self._registry.reading() as connection:
            row = (await connection.execute(found.where(session.c.hash == _hash(token)))).first()
        if row is None or row.locked:
            return None
        if now - row.seen >= settings.staff_idle_seconds or now - row.opened >= settings.staff_session_seconds:
            return None
        if now - row.seen >= _TOUCH:
            async with self._registry.writing() as connection:
                await connection.execute(update(session).where(session.c.hash == _hash(token)).values(seen=now))
        return SignedIn(token, member(row))

    async def sign_out(self, signed: SignedIn) -> None:
        """End a session."""
        async with self._registry.writing() as connection:
            await connection.execute(delete(session).where(session.c.hash == _hash(signed.token)))
        await self._note(signed.member.name, "signed out")

    async def _note(self, name: str, act: str) -> None:
        async with self._registry.writing() as connection:
            await audit.note(connection, time=self._office.now(), who=name, act=act, subject=name)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
