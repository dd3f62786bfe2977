"""The secretariat at work: it opens an operation signed with its own key, and takes what bureaus report to it.

Its key never leaves its home; the gateway gets the signed statement and nothing else.
"""

from __future__ import annotations

import asyncio

from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.secretariat.results import Results
from schemas.errors import Misuse
from schemas.messages.result import Result
from schemas.operation import Operation


class Secretariat:
    """The owner of operations. Its handler is registered when it is made."""

    def __init__(self, bureau: Bureau) -> None:
        self.bureau = bureau
        self.results = Results()
        self.training = Results()
        """Of an operation in training on a real network: exercises never count in real results."""
        self._arrived = asyncio.Condition()
        bureau.on(Result.KIND)(self.take)

    async def open(self, operation: Operation) -> None:
        """Sign a version of an operation of ours and publish it. Raises Forbidden, Untrusted or Unavailable."""
        await self.bureau.publish_operation(operation)

    async def take(self, received: Received) -> None:
        """Note a result."""
        if not isinstance(received.message, Result):
            raise Misuse("only results are taken here")
        real = received.header.exercise == self.bureau.trust.network.genesis.exercise
        (self.results if real else self.training).take(received.sender, received.message)
        async with self._arrived:
            self._arrived.notify_all()

    async def has(self, count: int, *, within: float) -> bool:
        """Wait until so many cases were reported; False after `within` seconds."""
        try:
            async with asyncio.timeout(within), self._arrived:
                await self._arrived.wait_for(lambda: len(self.results) >= count)
        except TimeoutError:
            return False
        return True
