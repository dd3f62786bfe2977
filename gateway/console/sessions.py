"""Signing in, and who is signed in.

Rules: the browser has 32 random bytes, the database their SHA-256 alone; a sign-in always makes a new session and ends
the one that the browser had, so that nobody can plant one; a session ends after a time without use, and after a time
whatever happens. A wrong name, a wrong password, a locked account, an attempt that comes too soon and one from an
address that failed too often are answered the same, and take as long. An attempt counts before it is judged.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from typing import Final

from gateway.console.desk import Desk
from gateway.operators import Action
from gateway.passwords import Passwords
from gateway.ports_console import Account, Arrival, Session
from schemas.errors import Malformed
from schemas.identity import parse_name

FREE: Final = 3
"""Attempts that may fail before the next has to wait."""
LONGEST_WAIT: Final = 900
"""Seconds that an attempt has to wait at most; the wait doubles with each."""
ADDRESS_SECONDS: Final = 900
"""What failed from one address counts so long."""
USED_SECONDS: Final = 3600
"""What an issuer said is remembered as used for so long: much longer than it may be believed."""
_TOUCH: Final = 60_000
"""Milliseconds between two marks of use."""
_STEP: Final = 0.5
"""Seconds: a refused sign-in is answered at the next multiple of it, longer than any look-up takes."""
_TOKEN: Final = 32
_FORM: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def wait(failures: int) -> int:
    """Seconds until the next attempt counts, after so many that failed."""
    return 0 if failures <= FREE else int(min(2 ** min(failures - FREE - 1, 20), LONGEST_WAIT))


def new_token() -> str:
    """What a browser is given."""
    return secrets.token_hex(_TOKEN)


def is_token(text: str | None) -> bool:
    """Whether a browser could have been given this."""
    return text is not None and _FORM.fullmatch(text) is not None


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

    async def sign_in(self, name: str, password: str, before: str | None, address: str) -> str | None:
        """A new session's token; None where it is refused. `before` is the token that the browser at `address` had.

        Raises:
            Unavailable: `store`, `overloaded`.
        """
        begun = time.monotonic()
        self._passwords.check_room()  # nothing counts that nobody will look at
        may = await self.may_try(address)
        account = await self._attempt(name) if may else None
        right = False
        if may:  # who failed too often from here costs nobody a turn
            right = await self._passwords.matches(password, None if account is None else account.password)
        token = new_token()
        if account is not None and right:
            now = self._desk.clock.now()
            session = Session(_hash(token), account.name, account.role, now, now)
            right = await self._desk.accounts.enter(session, account.password)
        if account is None or not right:
            if account is not None:
                await self._desk.deeds.begun(account.name, "console.sign-in-failed", address)
            self._desk.watcher.saw("sign-in-refused", address=address, why="wrong" if may else "address")
            took = time.monotonic() - begun
            await asyncio.sleep(_STEP - took % _STEP)
            return None
        await self._entered(account.name, before, address)
        return token

    async def _attempt(self, name: str) -> Account | None:
        """The account that may be tried now; None where there is none. Those of an issuer have no password."""
        now = self._desk.clock.now()
        try:
            parse_name(name)
        except Malformed:
            return None
        account = await self._desk.accounts.attempt(name, now, lambda failures: now + wait(failures) * 1000)
        return None if account is None or account.issuer is not None else account

    async def may_try(self, address: str) -> bool:
        """Count an attempt from an address: whether it may still be looked at.

        Raises:
            Unavailable: `store`.
        """
        now = self._desk.clock.now()
        tried = await self._desk.accounts.knock(address, now, now - ADDRESS_SECONDS * 1000)
        return tried <= self._desk.limits.address_attempts

    async def arrive(self, account: Account, word: bytes, before: str | None, address: str) -> tuple[Arrival, str]:
        """Take in whom an issuer sent, with the role that it gives: what became of them, and a new session's token.

        `word` is what the issuer said once: a second time nobody comes in by it.

        Raises:
            Unavailable: `store`.
        """
        token, now = new_token(), self._desk.clock.now()
        session = Session(_hash(token), account.name, account.role, now, now)
        arrival, name = await self._desk.accounts.arrive(account, session, word)
        if arrival is Arrival.ENTERED:
            await self._entered(name, before, address)
        return arrival, token

    async def _entered(self, name: str, before: str | None, address: str) -> None:
        desk, limits = self._desk, self._desk.limits
        if before is not None:
            await desk.accounts.end_session(_hash(before))
        await desk.accounts.let_in(address)
        now = desk.clock.now()
        ends = limits.session_seconds, limits.idle_seconds, USED_SECONDS
        await desk.accounts.sweep_sessions(*(now - seconds * 1000 for seconds in ends))
        await desk.deeds.did(name, Action.SIGN_IN, address)

    async def who(self, token: str | None, *, use: bool = True) -> SignedIn | None:
        """Whose token this is; None where its session is over. `use` marks that it was used.

        Raises:
            Unavailable: `store`.
        """
        if token is None or not is_token(token):
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


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
