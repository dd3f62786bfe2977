"""The homes of everybody in an exercise, below one folder: both halves of their enrolment, and a bureau from each.

    HOMES/<ADDRESS>     one bureau's home (bureaus/enrolment.py); an address's slash is a dot in its folder's name

Order: `request_all`, the authority's approval somewhere else, `complete_all`, then `seat`. Rules: whoever takes part
depends on the operation and on how many bureaus there are, never on a seed. The keys of these homes are kept without a
passphrase: everybody in an exercise is synthetic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from bureaus import enrolment
from bureaus.client import Bureau
from bureaus.exercises.runner import Seat as Give
from bureaus.sandbox.network import Seat
from bureaus.store import FILE, Store, identity
from schemas.directory import Link
from schemas.errors import Misuse
from schemas.identity import Address


@dataclass(frozen=True, slots=True)
class Issued:
    """What came back for all of them."""

    network: bytes
    """The network file, to pin."""
    certificates: Path
    """A folder with one NAME.pem for each address."""
    authority: bytes
    """The authority's certificate, PEM."""
    gateways: tuple[str, ...]
    """URLs; bureaus are shared out among them in turn."""
    broker: str = ""


def file_name(address: Address) -> str:
    """An address as the name of a folder or of a certificate's file."""
    return address.replace("/", ".")


def home(homes: Path, address: Address) -> Path:
    """Somebody's home."""
    return homes / file_name(address)


def seat(homes: Path) -> Give:
    """What gives the bureau of an address, not open yet."""
    return lambda address: Bureau.open(home(homes, address))


async def request_all(homes: Path, seats: Sequence[Seat], link: Link) -> list[Path]:
    """Make a home with keys and a request for each: the requests' files. Whoever has one keeps it.

    Raises:
        Misuse: a home belongs to somebody else, or is in use.
    """

    async def request(one: Seat) -> Path:
        folder = home(homes, one.address)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        how = one.link or link
        await enrolment.request(folder, one.address, kind=one.kind, name=one.name, link=how, units=one.units)
        return folder / enrolment.REQUEST

    return list(await asyncio.gather(*map(request, seats)))


async def complete_all(homes: Path, seats: Sequence[Seat], issued: Issued) -> None:
    """Give each home what came back for it.

    Raises:
        Misuse: no gateway is named, a certificate is not there, or a home has asked for nothing. Malformed, Untrusted:
            as `enrolment.complete`.
    """
    if not issued.gateways:
        raise Misuse("the bureaus need a gateway's URL")

    async def complete(one: Seat, gateway: str) -> None:
        path = issued.certificates / f"{file_name(one.address)}.pem"
        try:
            certificate = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise Misuse(f"cannot read the certificate of {one.address}, {path}: {error.strerror}") from None
        await enrolment.complete(
            home(homes, one.address),
            network=issued.network,
            certificate=certificate,
            authority=issued.authority,
            gateway=gateway,
            broker=issued.broker,
        )

    await asyncio.gather(*map(complete, seats, cycle(issued.gateways)))


async def enrolled(homes: Path, address: Address) -> enrolment.Identity:
    """Whom a home belongs to.

    Raises:
        Misuse: it is nobody's, or its enrolment is not complete.
    """
    folder = home(homes, address)
    if not (folder / FILE).is_file():
        raise Misuse(f"{homes} has no home of {address}: bureaunet exercise enrol --help")
    async with await Store.open(folder / FILE) as store:
        who = enrolment.read_identity(folder, await store.run(identity.get_all))
    if who.network is None:
        raise Misuse(f"the enrolment of {address} is not complete: bureaunet exercise enrol --complete")
    return who
