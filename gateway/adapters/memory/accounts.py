"""The shipped fake of accounts, sessions and the audit (`gateway.ports_console.Accounts`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hmac import compare_digest

from gateway.ports_console import Account, Arrival, Audited, Change, Session


class MemoryAccounts:
    """A `gateway.ports_console.Accounts` in memory."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._sessions: dict[bytes, Session] = {}
        self._audit: list[Audited] = []
        self._knocks: dict[str, tuple[int, int]] = {}
        self._words: dict[bytes, int] = {}

    async def add_account(self, account: Account) -> bool:
        """As the port says."""
        if account.issuer is not None and self._of(account) is not None:
            return False
        return self._accounts.setdefault(account.name, account) is account

    def _of(self, account: Account) -> Account | None:
        named = account.issuer, account.subject
        return next((one for one in self._accounts.values() if (one.issuer, one.subject) == named), None)

    async def account(self, name: str) -> Account | None:
        """As the port says."""
        return self._accounts.get(name)

    async def accounts(self) -> Sequence[Account]:
        """As the port says."""
        return [self._accounts[name] for name in sorted(self._accounts)]

    async def change_account(self, name: str, change: Change) -> Account | None:
        """As the port says."""
        found = self._accounts.get(name)
        if found is None:
            return None
        if change.role is not None:
            found = replace(found, role=change.role)
        if change.password is not None:
            found = replace(found, password=change.password)
        if change.locked is not None:
            found = replace(found, locked=change.locked)
        if change.forgiven:
            found = replace(found, failures=0, until=0)
        self._accounts[name] = found
        await self.end_sessions(name)
        return found

    async def remove_account(self, name: str) -> bool:
        """As the port says."""
        await self.end_sessions(name)
        return self._accounts.pop(name, None) is not None

    async def attempt(self, name: str, now: int, until: Callable[[int], int]) -> Account | None:
        """As the port says."""
        found = self._accounts.get(name)
        if found is None or found.locked or now < found.until:
            return None
        failures = found.failures + 1
        self._accounts[name] = replace(found, failures=failures, until=until(failures))
        return found

    async def knock(self, address: str, now: int, since: int) -> int:
        """As the port says."""
        first, count = self._knocks.get(address, (now, 0))
        self._knocks[address] = (now, 1) if first < since else (first, count + 1)
        return self._knocks[address][1]

    async def let_in(self, address: str) -> None:
        """As the port says."""
        if address in self._knocks:
            first, count = self._knocks[address]
            self._knocks[address] = first, max(0, count - 1)

    async def enter(self, session: Session, password: str) -> bool:
        """As the port says."""
        found = self._accounts.get(session.account)
        if found is None or found.locked or not compare_digest(found.password, password):
            return False
        self._accounts[found.name] = replace(found, failures=0, until=0)
        self._sessions[session.hash] = session
        return True

    async def arrive(self, account: Account, session: Session, word: bytes) -> tuple[Arrival, str]:
        """As the port says."""
        if word in self._words:
            return Arrival.REPLAYED, account.name
        self._words[word] = session.opened
        found = self._of(account)
        if found is None:
            if not await self.add_account(account):
                return Arrival.NAME_TAKEN, account.name
            found = account
        if found.locked:
            return Arrival.LOCKED, found.name
        self._accounts[found.name] = replace(found, role=account.role)
        self._sessions[session.hash] = replace(session, account=found.name)
        return Arrival.ENTERED, found.name

    async def session(self, hash_: bytes) -> Session | None:
        """As the port says."""
        found = self._sessions.get(hash_)
        if found is None or self._accounts[found.account].locked:
            return None
        return self._now(found)

    def _now(self, session: Session) -> Session:
        return replace(session, role=self._accounts[session.account].role)

    async def sessions(self, name: str) -> Sequence[Session]:
        """As the port says."""
        found = [self._now(one) for one in self._sessions.values() if one.account == name]
        return sorted(found, key=lambda one: (one.opened, one.hash))

    async def touch_session(self, hash_: bytes, now: int) -> None:
        """As the port says."""
        if hash_ in self._sessions:
            self._sessions[hash_] = replace(self._sessions[hash_], seen=now)

    async def end_session(self, hash_: bytes) -> None:
        """As the port says."""
        self._sessions.pop(hash_, None)

    async def end_sessions(self, name: str) -> int:
        """As the port says."""
        before = len(self._sessions)
        self._sessions = {key: one for key, one in self._sessions.items() if one.account != name}
        return before - len(self._sessions)

    async def sweep_sessions(self, opened: int, seen: int, used: int) -> int:
        """As the port says."""
        before = len(self._sessions)
        kept = {key: one for key, one in self._sessions.items() if one.opened >= opened and one.seen >= seen}
        self._sessions = kept
        self._knocks = {key: one for key, one in self._knocks.items() if one[0] >= used}
        self._words = {key: time for key, time in self._words.items() if time >= used}
        return before - len(kept)

    async def audit(self, row: Audited) -> int:
        """As the port says."""
        self._audit.append(replace(row, id=len(self._audit) + 1))
        return len(self._audit)

    async def audited(self, number: int, entry: int) -> None:
        """As the port says."""
        self._audit[number - 1] = replace(self._audit[number - 1], entry=entry)

    async def audit_rows(self, before: int | None, limit: int) -> Sequence[Audited]:
        """As the port says."""
        return [one for one in reversed(self._audit) if before is None or one.id < before][:limit]
