"""Sends what rooms posted (registry/outgoing.py): oldest first, marked once the SDK has it, then its outcome.

Order of work: rows that wait are sealed and committed to the SDK's outbox one after another, and marked; the gateway's
decision is awaited for all of them side by side. Who left the directory or the operation, or has no valid key, is left
out before that; where some take no message of ours, nobody got it: it is sent again to the others. Both are noted. What
was sent before this process began is asked after once.

Rules: everything is sent as a question, so that its outcome and what answers it are found again after a restart; only
kinds with a time of their own, and a reply-by, start a clock. A message that cannot be sealed now stays and holds up no
other; one that never can is refused, and noted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus import logs
from bureaus.exchange import Exchange
from bureaus.recalling import GROUP
from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry.outgoing import EVERYBODY, Posted, State
from schemas import messages
from schemas.directory import State as Standing
from schemas.errors import Forbidden, Malformed, Misuse, Reason, SenderRefused, Untrusted
from schemas.identity import Address

_log: Final = logs.get(__name__)


class Sending:
    """The chore that empties the registry's outgoing messages into the SDK's outbox."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._awaited: dict[int, asyncio.Task[None]] = {}
        """Rows whose decision is awaited."""
        self._one = asyncio.Lock()

    def chore(self) -> Chore:
        """To be run by serving.py."""
        return Chore("outgoing", self._office.settings.outgoing_seconds, self.run, wakes=True)

    async def run(self) -> None:
        """Send all that waits; nothing, as long as there is no standing operation."""
        if self._office.bureau.trust.operation(self._office.operation) is None:
            return
        async with self._one:
            await self._resume()
            after = 0
            while rows := await self._rows(State.WAITING, after):
                for row in rows:
                    await self._send(row)
                after = rows[-1].id

    async def settled(self) -> None:
        """Wait until every message that was sent is decided."""
        while self._awaited:
            await asyncio.wait(self._awaited.values())

    async def aclose(self) -> None:
        """Stop waiting: what is not decided is asked after at the next start."""
        tasks = list(self._awaited.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _rows(self, state: State, after: int) -> list[Posted]:
        async with self._office.registry.reading() as connection:
            limit = self._office.settings.outgoing_batch
            return await outgoing.undecided(connection, state, after=after, limit=limit)

    async def _resume(self) -> None:
        """Await the decision on what is marked as sent, and is not awaited."""
        after = 0
        while rows := await self._rows(State.SENT, after):
            after = rows[-1].id
            for row in rows:
                if row.id in self._awaited or row.digest is None:
                    continue
                try:
                    sent = await self._office.bureau.exchange(row.digest)
                except Misuse:  # the SDK's store is another one now: nobody can say what became of it
                    await self._refused(row, Reason.UNDELIVERED)
                else:
                    self._await(row, sent)

    async def _send(self, row: Posted) -> None:
        """Seal one message and mark it, or leave it as it is. Raises Unavailable or Untrusted where nothing can go."""
        named = self._named(row)
        out = self._out_of_reach(named)
        if out:
            await self._office.bureau.refresh()
            out = self._out_of_reach(named)
        to = [address for address in named if address not in out]
        if not to:
            if set(out.values()) != {Reason.KEY_NOT_VALID}:
                await self._refused(row, next(iter(out.values()), Reason.RECIPIENT_UNKNOWN))
            return
        try:
            sent = await self._ask(row, row.content, to)
        except (Forbidden, Malformed, Misuse) as error:
            await self._refused(row, error.reason)
            return
        async with self._office.registry.writing() as connection:
            await outgoing.sent(connection, row.id, sent.digest)
            await self._left_out(connection, row, out)
        self._await(row, sent)

    def _named(self, row: Posted) -> list[str]:
        """Whom it is for, everybody by name."""
        if EVERYBODY not in row.to:
            return list(row.to)
        others = [address for address in row.to if address != EVERYBODY]
        return list(dict.fromkeys([*self._office.everybody(row.but), *others]))

    def _out_of_reach(self, to: Sequence[str]) -> dict[str, Reason]:
        """Who cannot be sent to now, and why; one of them would let the gateway refuse the message to all."""
        found = {address: self._why_not(Address.parse(address)) for address in to if not address.startswith(GROUP)}
        return {address: why for address, why in found.items() if why is not None}

    def _why_not(self, address: Address) -> Reason | None:
        trust, now = self._office.bureau.trust, self._office.bureau.seconds
        row, operation = trust.directory.find(address), trust.operation(self._office.operation)
        if row is None or row.state is not Standing.ACTIVE:
            return Reason.RECIPIENT_UNKNOWN
        member = None if operation is None else operation.member(address, now)
        if member is None or not member.receives:
            return Reason.RECIPIENT_NOT_MEMBER
        try:
            row.sealing_key(now)
        except Untrusted as error:
            return error.reason
        return None

    async def _ask(self, row: Posted, content: bytes, to: Sequence[str]) -> Exchange:
        message, attached = messages.decode_whole(row.kind, content)
        return await self._office.bureau.ask(
            message,
            to=to,
            operation=self._office.operation,
            purpose=row.purpose,
            urgency=row.urgency,
            handling=row.handling,
            reply_by=row.reply_by,
            attachments=attached,
        )

    def _await(self, row: Posted, sent: Exchange) -> None:
        task = asyncio.create_task(self._decide(row, sent), name=f"outgoing {row.id}")
        self._awaited[row.id] = task
        task.add_done_callback(lambda done: self._ended(row.id, done))

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        self._awaited.pop(number, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("an outcome could not be kept; it is asked after again", error=type(error).__name__)

    async def _decide(self, row: Posted, sent: Exchange) -> None:
        try:
            await sent.accepted()
        except SenderRefused as error:
            await self._around(row, sent, error.reason, dict.fromkeys(error.recipients, error.reason))
        except Forbidden as error:
            await self._office.bureau.refresh()
            await self._around(row, sent, error.reason, self._out_of_reach(sent.draft.to))
        else:
            async with self._office.registry.writing() as connection:
                await outgoing.decided(connection, row.id, sent.digest, None, now=self._office.now())

    async def _around(self, row: Posted, sent: Exchange, reason: Reason, out: Mapping[str, Reason]) -> None:
        """Send what was refused because of some to the others; `out` says who and why."""
        left = [address for address in sent.draft.to if address not in out]
        if not out or not left:
            await self._refused(row, reason)
            return
        again = await self._ask(row, sent.draft.content, left)
        async with self._office.registry.writing() as connection:
            await outgoing.sent(connection, row.id, again.digest)
            await self._left_out(connection, row, out)
        await self._decide(row, again)

    async def _left_out(self, connection: AsyncConnection, row: Posted, out: Mapping[str, Reason]) -> None:
        if out:
            await self._note(connection, row, f"not to {', '.join(f'{who} ({why})' for who, why in out.items())}")

    async def _refused(self, row: Posted, reason: Reason) -> None:
        _log.error("a message cannot be sent", row=row.id, kind=row.kind, reason=reason)
        async with self._office.registry.writing() as connection:
            await outgoing.decided(connection, row.id, row.digest, reason, now=self._office.now())
            await self._note(connection, row, str(reason))

    async def _note(self, connection: AsyncConnection, row: Posted, why: str) -> None:
        now = self._office.now()
        await audit.note(connection, time=now, who=audit.SERVICE, act=f"send {row.kind}", subject=str(row.id), why=why)
