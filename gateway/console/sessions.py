"""Signing in, and who is signed in.

Rules: the browser has 32 random bytes, the database their SHA-256 alone; a sign-in always makes a new session and ends
the one that the browser had, so that nobody can plant one; a session ends after a time without use, and after a time
whatever happens. A wrong name, a wrong password, a locked account and an attempt that comes too soon are answered the
same, and take as long.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Final

from gateway.console.desk import Desk
from gateway.operators import Action
from gateway.passwords import Passwords
from gateway.ports_console import Session

FREE: Final = 3
"""Attempts that may fail before the next has to wait."""
LONGEST_WAIT: Final = 900
"""Seconds that an attempt has to wait at most; the wait doubles with each."""
_TOUCH: Final = 60_000
"""Milliseconds between two marks of use."""
_STEP: Final = 0.25
"""Seconds: a refused sign-in is answered at the next multiple of it, so that what was looked up does not show."""
_TOKEN: Final = 32


def wait(failures: int) -> int:
    """Seconds until the next attempt counts, after so many that failed."""
    return 0 if failures <= FREE else int(min(2 ** min(failures - FREE - 1, 20), LONGEST_WAIT))


def new_token() -> str:
    """What a browser is given."""
    return secrets.token_hex(_TOKEN)


def form_token(token: str) -> str:
    """What the forms of the holder of `token` carry, and nobody else's can."""
    return hmac.digest(token.encode(), b"bureaunet-console/form", hashlib.sha256).hex()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with the token that only its browser has."""

    token: str
    session: Session


class Sessions:
    """Signs in and out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._passwords = Passwords()

    async def sign_in(self, name: str, password: str, before: str | None) -> str | None:
        """A new session's token; None where it is refused. `before` is the token that the browser had.

        Raises:
            Unavailable: `store`, `overloaded`.
        """
        desk, begun, now = self._desk, time.monotonic(), self._desk.clock.now()
        account = await desk.accounts.attempt(name, now, lambda failures: now + wait(failures) * 1000)
        right = await self._passwords.matches(password, None if account is None else account.password)
        if account is None or not right:
            if account is not None:
                await desk.deeds.begun(name, "console.sign-in-failed")
            desk.watcher.saw("sign-in-refused")
            took = time.monotonic() - begun
            await asyncio.sleep(_STEP - took % _STEP)
            return None
        if before is not None:
            await desk.accounts.end_session(_hash(before))
        await desk.accounts.succeeded(name)
        await self._sweep(now)
        token = new_token()
        await desk.accounts.open_session(Session(_hash(token), name, account.role, now, now))
        await desk.deeds.did(name, Action.SIGN_IN)
        return token

    async def who(self, token: str | None, *, use: bool = True) -> SignedIn | None:
        """Whose token this is; None where its session is over. `use` marks that it was used.

        Raises:
            Unavailable: `store`.
        """
        if token is None or len(token) != 2 * _TOKEN:
            return None
        session = await self._desk.accounts.session(_hash(token))
        now = self._desk.clock.now()
        if session is None or self._over(session, now):
            return None
        if use and now - session.seen >= _TOUCH:
            await self._desk.accounts.touch_session(session.hash, now)
        return SignedIn(token, session)

    async def sign_out(self, signed: SignedIn) -> None:
        """End a session.

        Raises:
            Unavailable: `store`.
        """
        await self._desk.accounts.end_session(signed.session.hash)
        await self._desk.deeds.did(signed.session.account, Action.SIGN_OUT)

    def _over(self, session: Session, now: int) -> bool:
        limits = self._desk.limits
        idle, whole = limits.idle_seconds * 1000, limits.session_seconds * 1000
        return now - session.seen >= idle or now - session.opened >= whole

    async def _sweep(self, now: int) -> None:
        limits = self._desk.limits
        await self._desk.accounts.sweep_sessions(now - limits.session_seconds * 1000, now - limits.idle_seconds * 1000)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
