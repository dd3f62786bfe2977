"""Where the secretariat's pages are: options of `secretariat serve`, and the listeners that they mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from bureaus.commands.secretariat_office import Options

if TYPE_CHECKING:
    from bureaus.secretariat.office import Office
    from bureaus.secretariat.pages.listening import Place

_F = TypeVar("_F", bound=Callable[..., object])
_PORT: Final = click.IntRange(0, 65535)
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


class Said(Options):
    """What the command line said, of pages too."""

    pages_host: str
    pages_port: int | None
    pages_certificate: Path | None
    pages_key: Path | None
    pages_name: tuple[str, ...]
    pages_proxied: bool
    public_host: str
    public_port: int | None
    public_certificate: Path | None
    public_key: Path | None


@dataclass(frozen=True, slots=True)
class Pages:
    """Which pages there are, and where; None where there are none."""

    staff: Place | None = None
    public: Place | None = None
    names: tuple[str, ...] = ()
    proxied: bool = False


def pages_options(function: _F) -> _F:
    """--pages-... for the staff's listener, --public-... for the public's."""
    for what, of in (("public", "the page for the public"), ("pages", "the staff's pages")):
        for option in (
            click.option(f"--{what}-key", type=_FILE, help=f"And its private key, for {of}."),
            click.option(f"--{what}-certificate", type=_FILE, help=f"Speak TLS with this certificate: {of}."),
            click.option(f"--{what}-port", type=_PORT, help="Their port, 0 a free one; left out, there are none."),
            click.option(f"--{what}-host", default="127.0.0.1", show_default=True, help=f"Address of {of}."),
        ):
            function = option(function)
    proxied = "A proxy in front of the staff's pages speaks TLS: cookies are for TLS alone."
    names = "A name that leads to the staff's pages, beside IP addresses and localhost; may be repeated."
    function = click.option("--pages-proxied", is_flag=True, help=proxied)(function)
    return click.option("--pages-name", multiple=True, help=names)(function)


def read_pages(said: Said) -> Pages:
    """What the options mean."""
    from bureaus.secretariat.pages.listening import Place  # noqa: PLC0415  # keeps --help quick

    staff = public = None
    if said["pages_port"] is not None:
        staff = Place(said["pages_host"], said["pages_port"], said["pages_certificate"], said["pages_key"])
    if said["public_port"] is not None:
        public = Place(said["public_host"], said["public_port"], said["public_certificate"], said["public_key"])
    return Pages(staff, public, said["pages_name"], said["pages_proxied"])


@asynccontextmanager
async def listening(office: Office, pages: Pages) -> AsyncIterator[tuple[str | None, str | None]]:
    """Both listeners: their URLs, None for what there is not.

    Raises:
        Misuse: a port cannot be listened on, or a certificate cannot be used.
    """
    from bureaus.secretariat.pages import listening as listeners  # noqa: PLC0415  # keeps --help quick

    async with AsyncExitStack() as stack:
        staff = public = None
        if pages.staff is not None:
            opened = listeners.staff(office, pages.staff, pages.names, secure=pages.proxied)
            staff = await stack.enter_async_context(opened)
        if pages.public is not None:
            public = await stack.enter_async_context(listeners.public(office, pages.public))
        yield staff, public
