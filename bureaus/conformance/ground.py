"""A private network for the live dialogue: an authority, a real gateway, the kit's own bureaus, the program's seats.

The General Secretariat owns the operations and answers nothing; BR asks and answers; MX is enrolled and no member.
Seats of the program under test are XA, XB and on, codes that ISO 3166 gives to nobody: their keys are made here and
handed to the program, which is synthetic as all of this is.

The kit holds every key of this network, the gateway's and the authority's too: it says what no honest gateway would.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from hashlib import shake_256
from pathlib import Path
from string import ascii_uppercase
from types import TracebackType
from typing import Final, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from bureaus import enrolment
from bureaus.client import Bureau, Received
from bureaus.rotation import complete
from bureaus.sandbox.network import ORIGIN, PrivateNetwork, Seat
from schemas.answer_times import AnswerTime
from schemas.codes import Handling, Purpose, Urgency
from schemas.directory import Link, ParticipantKind
from schemas.enrolment import Request, sign_request
from schemas.errors import Misuse, Reason, Unavailable
from schemas.identity import Address
from schemas.keys import NoteKey, SealingKey, SigningKey
from schemas.messages import KINDS, WhereaboutsResponse
from schemas.messages.codes import Finding
from schemas.operation import Member, Operation, Phase, Role

IPSG, BR, MX = Address("IPSG"), Address("BR"), Address("MX")
OPERATION: Final = "conformance"
SILENT: Final = "conformance-silence"
"""An operation whose owner never answers, and in which an answer is owed after `SILENT_SECONDS`."""
SILENT_SECONDS: Final = 2
ROTATION_SECONDS: Final = 20.0
"""Until the gateway goes by a directory that it was given."""
_DAY: Final = 24 * 3600
KIT_CASE: Final = "KIT-1"
"""In every answer of the kit's bureau."""
REPLY_CASE: Final = "REPLY-1"
"""In every answer of the program's."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What a seat of the program's has, made here."""

    address: Address
    signing: SigningKey = field(default_factory=SigningKey.generate)
    x_wing: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    tls: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def sealing(self) -> SealingKey:
        """What X-Wing makes of its 32 bytes (draft-connolly-cfrg-xwing-kem, section 5.2)."""
        return SealingKey(shake_256(self.x_wing).digest(96))

    @property
    def pem(self) -> str:
        """The link's private key."""
        kind = serialization.PrivateFormat.PKCS8
        raw = self.tls.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
        return raw.decode()


def program_seats(count: int) -> list[Keys]:
    """So many seats for programs under test, at most 40. Raises Misuse for more."""
    codes = [f"X{letter}" for letter in ascii_uppercase] + [f"Q{letter}" for letter in ascii_uppercase[12:]]
    if count > len(codes):
        raise Misuse(f"there are {len(codes)} seats at most")
    return [Keys(Address(code)) for code in codes[:count]]


class Ground(PrivateNetwork):
    """`async with Ground(folder, link, programs) as ground`: everything serves, and the operation is open."""

    def __init__(
        self, folder: Path, link: Link, programs: list[Keys], *, say: Callable[[str], None] = lambda _: None
    ) -> None:
        seats = [
            Seat(IPSG, "General Secretariat", ParticipantKind.SECRETARIAT),
            Seat(BR, "The kit's bureau"),
            Seat(MX, "No member"),
            *(Seat(keys.address, "A program under test") for keys in programs),
        ]
        super().__init__(folder, seats, link=link, name="A network for a conformance run", say=say)
        self.programs = {keys.address: keys for keys in programs}
        self.queries: list[Received] = []
        """What the kit's bureau was asked."""
        self.asked = asyncio.Event()
        self._kit: dict[Address, Bureau] = {}

    async def __aenter__(self) -> Self:
        """Start everything. Raises Misuse or Unavailable."""
        await super().__aenter__()
        try:
            for address in (IPSG, BR):
                await self._open_kit(address)
            await self._open_operation()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything that was started."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(super().__aexit__, kind, error, trace)
            for bureau in self._kit.values():
                stack.push_async_exit(bureau)

    async def _open_kit(self, address: Address) -> None:
        bureau = self.bureau(address)
        if address == BR:
            bureau.on("whereabouts.query/1")(self._answer)
        self._kit[address] = await bureau.__aenter__()

    @property
    def kit(self) -> Bureau:
        """The kit's own bureau, BR."""
        return self._kit[BR]

    def service_key(self, name: str) -> SigningKey:
        """One of the gateway's keys: `acceptance`, `current`."""
        return _signing(self.gateway_home / "keys" / f"{name}.pem")

    @property
    def log_key(self) -> NoteKey:
        """The key that signs checkpoints."""
        key = serialization.load_pem_private_key((self.gateway_home / "keys" / "log.pem").read_bytes(), None)
        if not isinstance(key, MLDSA44PrivateKey):
            raise Misuse("the log's key is no ML-DSA-44 key")
        return NoteKey(ORIGIN, key.private_bytes_raw())

    async def _answer(self, query: Received) -> None:
        self.queries.append(query)
        self.asked.set()
        await query.answer(WhereaboutsResponse(finding=Finding.NO_TRACE, case=KIT_CASE))

    async def rotate_kit(self) -> None:
        """Give the kit's bureau new keys, and have the authority list them. Raises Unavailable."""
        before = self.kit.trust.directory.version
        rotation = await self.kit.rotate()
        await self.command("authority", "approve", "--home", self._authority, rotation.path)
        await self._load()
        until = time.monotonic() + ROTATION_SECONDS
        while self.kit.trust.directory.version == before:
            with suppress(Unavailable):  # no checkpoint covers it yet
                await self.kit.refresh()
            if time.monotonic() > until:
                raise Unavailable(Reason.NOT_CURRENT, "the gateway does not go by the new directory")
        await self._kit.pop(BR).__aexit__(None, None, None)
        await complete(self.home(BR), await asyncio.to_thread(self.certificate(BR).read_bytes))
        await self._open_kit(BR)

    async def _open_operation(self) -> None:
        await self._publish(OPERATION)
        await self._publish(SILENT, (AnswerTime("whereabouts.query", Urgency.ROUTINE, SILENT_SECONDS, _DAY),))
        await self.kit.refresh()

    async def _publish(self, name: str, times: tuple[AnswerTime, ...] = ()) -> None:
        now = int(time.time())
        members = (BR, *self.programs)
        made = Operation(
            id=name,
            version=1,
            previous=None,
            time=now,
            name="A conformance run",
            owner=IPSG,
            phase=Phase.ACTIVE,
            members=(Member(IPSG, Role.OWNER, now), *(Member(one, Role.PARTICIPANT, now) for one in sorted(members))),
            kinds=tuple(sorted(KINDS)),
            purposes=tuple(Purpose),
            handling=tuple(Handling),
            times=times,
        )
        await self._kit[IPSG].publish_operation(made)

    async def _request(self, seat: Seat) -> None:
        keys = self.programs.get(seat.address)
        if keys is None:
            await super()._request(seat)
            return
        csr = enrolment.make_csr(keys.tls, seat.address)
        now, sealing = int(time.time()), keys.sealing.public
        asked = Request(seat.address, seat.kind, seat.name, self.link, keys.signing.public, sealing, (), csr, now)
        home = self.home(seat.address)
        await asyncio.to_thread(home.mkdir, mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(
            enrolment.write_file, home / enrolment.REQUEST, sign_request(asked, keys.signing), 0o644
        )

    async def _completed(self, seat: Seat) -> None:
        if seat.address not in self.programs:
            await super()._completed(seat)


def _signing(path: Path) -> SigningKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Misuse(f"{path.name} is no Ed25519 key")
    return SigningKey(key.private_bytes_raw())
