"""A bureau whose people wait for what they expect: every kind that a story has is kept as it comes, in order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from bureaus.client import Bureau
from bureaus.exchange import Exchange, Received, Sent
from bureaus.secretariat.office import OPERATION
from schemas.codes import Purpose, Urgency
from schemas.errors import Reason, Unavailable
from schemas.messages import Message

PATIENCE: Final = 30.0
"""Seconds that somebody waits for what must come."""
_T = TypeVar("_T", bound=Message)


@dataclass(frozen=True, slots=True)
class Heard(Generic[_T]):
    """A message that came, with what it says."""

    received: Received
    message: _T


class Listener:
    """One bureau or unit: `async with Listener(bureau, kinds) as france`."""

    def __init__(self, bureau: Bureau, kinds: Sequence[type[Message]]) -> None:
        self.bureau = bureau
        self._heard: dict[type[Message], asyncio.Queue[Received]] = defaultdict(asyncio.Queue)

        async def keep(received: Received) -> None:
            self._heard[type(received.message)].put_nowait(received)

        for kind in kinds:
            bureau.on(kind)(keep)

    async def __aenter__(self) -> Self:
        """Enter the bureau."""
        await self.bureau.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.bureau.__aexit__(kind, error, trace)

    @property
    def name(self) -> str:
        """Its address."""
        return str(self.bureau.address)

    async def ask(
        self,
        message: Message,
        *to: str,
        purpose: Purpose,
        urgency: Urgency = Urgency.ROUTINE,
        attachments: Sequence[bytes] = (),
    ) -> Exchange:
        """Ask in the standing operation."""
        return await self.bureau.ask(
            message, to=to, operation=OPERATION, purpose=purpose, urgency=urgency, attachments=attachments
        )

    async def tell(self, message: Message, *to: str, purpose: Purpose) -> Sent:
        """Tell in the standing operation."""
        return await self.bureau.tell(message, to=to, operation=OPERATION, purpose=purpose)

    async def hears(self, model: type[_T], within: float = PATIENCE) -> Heard[_T]:
        """The next message of this kind.

        Raises:
            Unavailable: `timeout`, it did not come.
        """
        try:
            async with asyncio.timeout(within):
                received = await self._heard[model].get()
        except TimeoutError:
            raise Unavailable(Reason.TIMEOUT, f"{self.name} waited {within:g} s for {model.KIND}") from None
        if not isinstance(received.message, model):
            raise Unavailable(Reason.NOT_ACCEPTED, f"{self.name} heard another kind than {model.KIND}")
        return Heard(received, received.message)

    def waiting(self, model: type[Message]) -> int:
        """How many of a kind came that nobody took."""
        return self._heard[model].qsize()
