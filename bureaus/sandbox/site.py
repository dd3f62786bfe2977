"""A private network whose participants are behind proxies on loopback, one each: single links can be cut and mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from bureaus.sandbox.network import PrivateNetwork
from bureaus.sandbox.proxy import Proxy, Quality
from schemas.errors import Misuse
from schemas.identity import Address


class Site(PrivateNetwork):
    """As `PrivateNetwork`. Each participant reaches the gateway, and the broker where there is one, through a proxy."""

    _proxies: dict[Address, list[Proxy]]
    _behind: AsyncExitStack

    async def __aenter__(self) -> Self:
        """Make everything and serve, then let the proxies listen. Raises as `PrivateNetwork`."""
        self._proxies, self._behind = {}, AsyncExitStack()
        await super().__aenter__()
        try:
            for proxy in (one for several in self._proxies.values() for one in several):
                await self._behind.enter_async_context(proxy)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the proxies, then the rest."""
        try:
            await self._behind.aclose()
        finally:
            await super().__aexit__(kind, error, trace)

    def gateway_for(self, address: Address) -> str:
        """Through the participant's proxy."""
        return self._through(address, self.url)

    def broker_for(self, address: Address) -> str:
        """Through the participant's proxy."""
        broker = super().broker_for(address)
        return self._through(address, broker) if broker else ""

    def cut(self, address: Address) -> None:
        """Reset a participant's connections, and those that it tries."""
        for proxy in self._of(address):
            proxy.refuse()

    def freeze(self, address: Address) -> None:
        """Forward nothing more and close nothing: connections stand half-open, as after a partition."""
        for proxy in self._of(address):
            proxy.freeze()

    def mend(self, address: Address) -> None:
        """Let a participant's new connections pass."""
        for proxy in self._of(address):
            proxy.heal()

    def degrade(self, address: Address, quality: Quality) -> None:
        """Make a participant's line so poor."""
        for proxy in self._of(address):
            proxy.quality = quality

    def _of(self, address: Address) -> Iterator[Proxy]:
        if address not in self._proxies:
            raise Misuse(f"{address} has no link here")
        yield from self._proxies[address]

    def _through(self, address: Address, url: str) -> str:
        parts = urlsplit(url)
        if parts.port is None:
            raise Misuse(f"{url} names no port")
        proxy = Proxy(parts.port)
        self._proxies.setdefault(address, []).append(proxy)
        return f"{parts.scheme}://{parts.hostname}:{proxy.port}"
