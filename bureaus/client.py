"""The SDK: a bureau's program speaks to the network through a `Bureau`.

    async with Bureau.open(home) as fr:
        exchange = await fr.ask(
            WhereaboutsQuery(...), to=["BR", "AR"], operation="infra-sa-2011", purpose=Purpose.ARREST
        )
        async for response in exchange.responses(deadline=30.0):
            ...

Handlers are best registered before the bureau is entered, so that what waits from before finds them:

    fr = Bureau.open(home)

    @fr.on("whereabouts.query/1")
    async def handle(query: Received) -> None:
        await query.answer(WhereaboutsResponse(...))

What happens to a message: it is sealed and committed to the store before `ask`, `tell` and `answer` return, submitted
until the gateway has decided, and its receipt verified and kept. Ending the process at any moment loses nothing: what
was not finished goes on when the bureau is opened again. Errors are those of schemas/errors.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from bureaus import disclosing, drafts, enrolment, guard, links, passphrase, rotation, settings, units
from bureaus.desk import Keyring, OpenBureau
from bureaus.disclosing import Opening
from bureaus.drafts import Attached, Draft
from bureaus.exchange import Exchange, Handler, Received, Sent
from bureaus.links import Link
from bureaus.recalling import Recalling
from bureaus.refusals import Refusing
from bureaus.rotation import Rotation
from bureaus.settings import Limits
from bureaus.store import FILE, Store, receiving, sending
from bureaus.store import identity as own
from bureaus.store.identity import Keys
from bureaus.telling import Telling
from bureaus.trust import Trust
from bureaus.voided import Voided
from schemas import messages, wire
from schemas.codes import Handling, Purpose, Urgency
from schemas.enrolment import read_request, sign_authorisation
from schemas.errors import BureaunetError, Misuse
from schemas.identity import Address
from schemas.messages import Message
from schemas.operation import Operation, SignedOperation, sign_operation

__all__ = ["Bureau", "Connect", "Exchange", "Handler", "Received", "Sent"]

Connect = Callable[[enrolment.Identity], Link]
"""Makes the link of an enrolled bureau."""
_HandlerT = TypeVar("_HandlerT", bound=Handler)
_SentT = TypeVar("_SentT", bound=Sent)
FIRST_REFRESH: Final = 10.0
"""Seconds that entering a bureau waits for the gateway; it goes on without where it has a directory."""
_SETTLING: Final = 0.05
"""Seconds between two looks at what waits."""


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


class Bureau(Refusing, Telling, Recalling):
    """One participant: its store, its keys and its link. Made by `open`, used as `async with`."""

    def __init__(
        self, home: Path, connect: Connect, limits: Limits, clock: Callable[[], int], secret: Callable[[str], bytes]
    ) -> None:
        super().__init__()
        self.home = home
        self._secret = secret
        self._connect = connect
        self._limits = limits
        self._clock = clock
        self._handlers: dict[str, Handler] = {}
        self._open: OpenBureau | None = None

    @classmethod
    def open(
        cls,
        home: Path | str,
        *,
        connect: Connect = links.connect,
        limits: Limits = settings.DEFAULT,
        clock: Callable[[], int] = _milliseconds,
        secret: Callable[[str], bytes] = passphrase.existing,
    ) -> Self:
        """A bureau that was enrolled in `home`, to be entered. `clock` gives milliseconds since the epoch.

        `secret` is asked for the passphrase of its keys, or the PIN of its token, where they are locked; it is told
        whose.
        """
        return cls(Path(home), connect, limits, clock, secret)

    # ---------------------------------------------------------------------------------------- its life

    async def __aenter__(self) -> Self:
        """Open the store and the link, and start what a bureau does by itself.

        Raises:
            Misuse: not enrolled, or in use by another process. Unavailable: the gateway was never reached, and is not
            now. Untrusted, Malformed: what the store or the gateway has does not verify.
        """
        if self._open is not None:
            raise Misuse("this bureau is open already")
        store = await Store.open(self.home / FILE)
        try:
            self._open = await self._start(store)
        except BaseException:
            await store.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        parts, self._open = self._parts, None
        await parts.aclose()
        if error is None:
            parts.check()

    async def _start(self, store: Store) -> OpenBureau:
        who = enrolment.read_identity(self.home, await store.run(own.get_all))
        locked = await store.run(own.get, own.VAULT)
        opened = await asyncio.to_thread(guard.unlock, locked, lambda: self._secret(f"{who.address} in {self.home}"))
        keys = await store.run(own.keys, opened)
        network, who = who.network, replace(who, link_password=opened.password)
        if network is None or keys is None:
            raise Misuse(f"the enrolment of {who.address} is not complete: bureaunet enrol --complete")
        link = self._connect(who)
        try:
            parts = OpenBureau(
                who, network, Keyring(keys, opened), store, link, self._clock, self._limits, self._handlers
            )
            self._tie(parts)
            await parts.keeper.load()
            await self._first_refresh(parts)
            await store.run(receiving.put_all_back)
        except BaseException:
            await link.aclose()
            raise
        parts.start()
        return parts

    async def _first_refresh(self, parts: OpenBureau) -> None:
        try:
            async with asyncio.timeout(FIRST_REFRESH):
                await parts.keeper.refresh()
        except (BureaunetError, TimeoutError):
            _ = parts.keeper.trust  # raises where nothing was ever had; else the keeper tries on and says why

    @property
    def _parts(self) -> OpenBureau:
        if self._open is None:
            raise Misuse("the bureau is not open: async with Bureau.open(home) as bureau")
        return self._open

    @property
    def identity(self) -> enrolment.Identity:
        """Who we are, as we were enrolled."""
        return self._parts.who

    @property
    def address(self) -> Address:
        """Our address."""
        return self._parts.who.address

    @property
    def trust(self) -> Trust:
        """What we verified and go by now: directory, operations, tree head."""
        return self._parts.keeper.trust

    @property
    def keys(self) -> Keys:
        """Our own keys."""
        return self._parts.keys

    @property
    def link(self) -> Link:
        """The link to the gateway, for what the SDK does not do by itself."""
        return self._parts.link

    async def refresh(self) -> Trust:
        """Fetch and verify whatever is newer at the gateway now.

        Raises:
            Unavailable. Untrusted, Malformed: it does not verify.
        """
        await self._parts.keeper.refresh()
        return self.trust

    async def rotate(self) -> Rotation:
        """Make new keys, and the request for them that goes to the authority: `rotation.cbor` in our home.

        The old keys stay in use until the directory lists the new ones, and open what was sealed to them for ever.

        Raises:
            Untrusted: `key-not-valid`, no key of ours can sign the request. Misuse, Unavailable: as `rotation.rotate`.
        """
        parts, own = self._parts, self.trust.own
        old = self.trust.signer(self.keys.signing, self._clock() // 1000)
        return await rotation.rotate(parts.who, own, parts.store, parts.keys, parts.guard, old)

    def authorise(self, request: bytes) -> bytes:
        """A request of a unit of ours for a row of its own, with our signature around it: for the authority.

        Raises:
            Malformed: it is no request. Misuse: it is of no unit of ours. Untrusted: `key-not-valid`; the request.
        """
        address = read_request(request).address
        if address.unit is None or address.bureau != self.address:
            raise Misuse(f"{address} is no unit of {self.address}")
        return sign_authorisation(request, self.trust.signer(self.keys.signing, self._clock() // 1000))

    @property
    def seconds(self) -> int:
        """The time that we seal by, in seconds since the epoch."""
        return self._clock() // 1000

    async def voided(self) -> list[Voided]:
        """Messages that we took in and that a revocation made void since, in the order in which they came."""
        return await self._parts.voiding.all()

    async def counts(self) -> dict[str, dict[str, int]]:
        """How much is in which state: `{"sent": {...}, "received": {...}, "acknowledgements": {...}}`."""
        run = self._parts.store.run
        return {
            "sent": await run(sending.count),
            "received": await run(receiving.count),
            "acknowledgements": await run(receiving.count_acknowledgements),
        }

    async def settled(self, within: float) -> bool:
        """Wait until nothing waits here, no envelope, message or acknowledgement; False after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while receiving.busy(await self.counts()):  # noqa: ASYNC110  # the store's counts have no one event
                    await asyncio.sleep(_SETTLING)
        except TimeoutError:
            return False
        return True

    async def receipts(self) -> list[bytes]:
        """Every receipt that we keep: of what we sent, accepted or refused, and of what came to us."""
        return await self._parts.store.run(sending.receipts)

    async def submitted(self, digest: bytes) -> tuple[bytes, bytes]:
        """What we submitted under a digest, as it stood on the wire, and the receipt that it got.

        Raises:
            Misuse: there is no such envelope, or the gateway has not decided.
        """
        found = await self._parts.store.run(sending.submitted, digest)
        if found is None:
            raise Misuse("we submitted no such envelope, or it is not decided yet")
        return found

    async def disclose(self, name: str) -> Opening:
        """A message that we have, by its digest or how that begins, opened for a third party: bureaus/disclosing.py."""
        return await disclosing.disclose(self._parts, name)

    # ---------------------------------------------------------------------------------------- sending

    async def ask(
        self,
        message: Message,
        *,
        to: Sequence[str],
        operation: str,
        purpose: Purpose,
        urgency: Urgency = Urgency.ROUTINE,
        handling: Handling = Handling.H0,
        reply_by: int | None = None,
        attachments: Attached = (),
    ) -> Exchange:
        """Send a message that expects answers; returns when it is sealed and in the outbox.

        `to` are addresses, or groups as `@NAME` (`expand`); `reply_by` is in seconds since the epoch; `attachments` are
        the bytes of what the message lists, in its order. Inside a handler the message goes out when the handler has
        ended, and its answers go to the handler of their kind.

        Raises:
            Forbidden: `operation-unknown`, `recipient-unknown`. Malformed: an address or claim outside the protocol.
            Untrusted: `not-current`, `key-not-valid`, or an alarm. Unavailable: no directory, or the store failed.
        """
        choices = purpose, urgency, handling
        to = await self.expand(to, operation)
        draft = drafts.write(self.address, message, to, operation, choices, reply_by, attachments)
        return await self._send(draft, Exchange)

    async def tell(
        self,
        message: Message,
        *,
        to: Sequence[str],
        operation: str,
        purpose: Purpose = Purpose.INFORMATION,
        urgency: Urgency = Urgency.ROUTINE,
        handling: Handling = Handling.H0,
        attachments: Attached = (),
    ) -> Sent:
        """Send a message that expects no answer; otherwise as `ask`."""
        choices = purpose, urgency, handling
        to = await self.expand(to, operation)
        draft = drafts.write(self.address, message, to, operation, choices, None, attachments)
        return await self._send(draft, Sent)

    async def _send(self, draft: Draft, make: type[_SentT]) -> _SentT:
        parts = self._parts
        parts.check()
        return await parts.outbox.send(parts, draft, make)

    async def exchange(self, digest: bytes) -> Exchange:
        """An exchange that we began, by the digest of its message: also one from before the process was started.

        Raises:
            Misuse: there is none.
        """
        found = await self._parts.restore(digest)
        if found is None:
            raise Misuse("we began no exchange with this message")
        return found

    # ---------------------------------------------------------------------------------------- receiving

    def on(self, kind: str | type[Message]) -> Callable[[_HandlerT], _HandlerT]:
        """Register the handler of a kind of message, given by name or by its model.

        The handler runs once to its end for each message: what it sends with `ask`, `tell` and `answer`, its
        completion and the acknowledgement are one commit. It runs again where it was cut off or failed, and
        `received.again` says so; the third failure refuses the message. It may await anything but the gateway's
        decision on what it sends.
        """
        name = kind if isinstance(kind, str) else kind.KIND
        if name not in messages.KINDS:
            raise Misuse(f"there is no kind {name}: {', '.join(sorted(messages.KINDS))}")

        def register(handler: _HandlerT) -> _HandlerT:
            if name in self._handlers:
                raise Misuse(f"{name} has a handler already")
            self._handlers[name] = handler
            if self._open is not None:
                self._open.handlers.wake()
            return handler

        return register

    async def inbox(self) -> AsyncGenerator[Received, None]:
        """Messages that no handler is for and that answer no exchange, without end, in order of arrival.

        A message is acknowledged when the next one is asked for. One at which the loop was left is given again later.

        Raises:
            Misuse: inside a handler.
        """
        parts = self._parts
        units.refuse_waiting(parts, "the inbox")
        while True:
            kept = await parts.read_next()
            try:
                yield parts.view(kept)
            except BaseException:
                await parts.put_back(kept)
                raise
            await parts.finish(kept)

    # ---------------------------------------------------------------------------------------- operations

    async def publish_operation(self, operation: Operation) -> SignedOperation:
        """Sign a version of an operation that we own with our own key, and post it.

        Raises:
            Misuse: we are not its owner. Forbidden, Untrusted, Malformed: the gateway does not take it. Unavailable.
        """
        parts = self._parts
        if operation.owner != self.address:
            raise Misuse(f"{operation.id} is owned by {operation.owner}: only its owner signs it")
        signer = self.trust.signer(self.keys.signing, self._clock() // 1000)
        raw = sign_operation(operation, self.trust.network.id, signer)
        await parts.link.publish(wire.OPERATIONS, raw)
        await parts.keeper.refresh()
        return SignedOperation(raw, operation, signer.key_id)
