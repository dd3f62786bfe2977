"""Both listeners: the staff's pages and the public's, each on an address of its own, over TLS or behind a proxy.

Nothing is in both: not a route, not a cookie, not a port. No access is logged by either; the public's server has no
logger at all, since what it would say names addresses. Before each stands a door of its own (door.py).
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from aiohttp import web

from bureaus.secretariat.office import Office
from bureaus.secretariat.pages.door import Door
from schemas.errors import Misuse

_SILENT: Final = logging.Logger("nobody")  # noqa: LOG001  # one of the tree would hand it to a handler
"""On no tree of loggers, and without a handler of its own: what is said to it is said to nobody."""
_SILENT.addHandler(logging.NullHandler())


class _Bounds(TypedDict):
    max_field_size: int
    shutdown_timeout: float
    auto_decompress: bool


_BOUNDS: Final = _Bounds(max_field_size=8190, shutdown_timeout=5.0, auto_decompress=False)
"""Bytes of a header's field; seconds for what is in hand at the end; no browser packs a form, and a bomb is packed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listener is; port 0 is a free one. Without a certificate it speaks plainly: for loopback and proxies."""

    host: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None

    def tls(self) -> ssl.SSLContext | None:
        """What the listener shows of itself.

        Raises:
            Misuse: the certificate or the key cannot be used.
        """
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError):
            raise Misuse(f"cannot use the certificate {self.certificate} with its key") from None
        return context


@asynccontextmanager
async def staff(
    office: Office, place: Place, names: Collection[str] = (), *, secure: bool = False
) -> AsyncIterator[str]:
    """The staff's pages, served: their URL. `secure` says that a proxy in front speaks TLS.

    Raises:
        Misuse: the port cannot be listened on, or the certificate cannot be used.
    """
    from bureaus.secretariat.pages.routes import StaffPages  # noqa: PLC0415  # a service without pages needs none

    door = Door(office.settings, None)  # a whole house may come from one network
    application = web.Application(middlewares=[door.middleware])
    pages = StaffPages(office, names, secure=secure or place.certificate is not None)
    pages.mount(application)
    runner = web.AppRunner(application, access_log=None, **_BOUNDS)
    async with _listening(runner, door, place) as url:
        yield url


@asynccontextmanager
async def public(office: Office, place: Place, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[str]:
    """The page for the public, served: its URL. Its limits go by `clock`, in seconds that only go forward.

    Raises:
        Misuse: as `staff`.
    """
    from bureaus.secretariat.tips.public import PublicPage  # noqa: PLC0415  # as above

    seen = place.certificate is not None  # behind a proxy everybody comes from the proxy's network
    door = Door(office.settings, office.settings.page_connections_near if seen else None)
    application = web.Application(middlewares=[door.middleware])
    PublicPage(office, clock).mount(application)
    runner = web.AppRunner(application, access_log=None, logger=_SILENT, **_BOUNDS)
    async with _listening(runner, door, place) as url:
        yield url


@asynccontextmanager
async def _listening(runner: web.AppRunner, door: Door, place: Place) -> AsyncIterator[str]:
    context = place.tls()
    await runner.setup()
    try:
        if (factory := runner.server) is None:
            raise Misuse("the listener was not set up")
        async with AsyncExitStack() as stack:
            try:
                opened = door.open(factory, place.host, place.port, context)
                host, port = await stack.enter_async_context(opened)
            except OSError as error:
                raise Misuse(f"cannot listen on {place.host}:{place.port}: {error.strerror}") from None
            scheme = "http" if context is None else "https"
            yield f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        await runner.cleanup()
