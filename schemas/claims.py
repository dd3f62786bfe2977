"""The claims of an envelope's header: their labels, types and the rules between them (protocol section 1).

Registered claims have their CWT numbers (RFC 8392); private ones are integers below -65536, listed here once. An
unknown claim is refused: whoever adds one makes a new version of the statement's type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeVar

from schemas import cbor
from schemas.codes import Answer, Handling, Purpose, Urgency
from schemas.errors import Malformed, Reason
from schemas.identity import Address, MessageId, parse_operation_id

ISS, SUB, AUD, EXP, IAT, CTI = 1, 2, 3, 4, 6, 7
NET, HEAD, KIND, THREAD, RE = -65537, -65538, -65539, -65540, -65541
URGENCY, REPLY_BY, ANSWER, UNTIL = -65542, -65543, -65544, -65545
PURPOSE, HANDLING, COMMIT, EXERCISE = -65546, -65547, -65548, -65549

MAX_RECIPIENTS: Final = 256
MAX_KIND: Final = 64
"""Characters."""
_HASH_SIZE: Final = 32
_NO_DIGEST: Final = bytes(_HASH_SIZE)
_Code = TypeVar("_Code", bound=StrEnum)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Head:
    """A tree head that the speaker accepted: gossip."""

    size: int
    root: bytes

    def to_value(self) -> list[cbor.Value]:
        """CBOR [size, root]."""
        return [self.size, self.root]

    @classmethod
    def from_value(cls, value: cbor.Value) -> Head:
        """Take CBOR [size, root].

        Raises:
            Malformed: `claim-type`.
        """
        match value:
            case [size, bytes(root)] if type(size) is int and size >= 0 and len(root) == _HASH_SIZE:
                return cls(size, root)
        raise Malformed(Reason.CLAIM_TYPE, "a head is [size, 32-byte root]")


@dataclass(frozen=True, slots=True, init=False)
class Header:
    """An envelope's claims. Times are seconds since the epoch, digests 32 bytes.

    Its `__init__` is the one that a frozen dataclass would make, written out: mypyc compiles this one.
    """

    iss: Address
    sub: str
    """The operation's id."""
    aud: tuple[Address, ...]
    iat: int
    exp: int
    cti: MessageId
    net: bytes
    head: Head
    kind: str
    purpose: Purpose
    exercise: bool
    urgency: Urgency = Urgency.ROUTINE
    handling: Handling = Handling.H0
    thread: bytes | None = None
    """Digest of the statement that opened the exchange; None on that one itself."""
    re: bytes | None = None
    """Digest of the statement that this one answers."""
    reply_by: int | None = None
    answer: Answer | None = None
    until: int | None = None
    commit: bytes = _NO_DIGEST

    def __init__(  # noqa: PLR0913, PLR0917  # the claims
        self,
        iss: Address,
        sub: str,
        aud: tuple[Address, ...],
        iat: int,
        exp: int,
        cti: MessageId,
        net: bytes,
        head: Head,
        kind: str,
        purpose: Purpose,
        exercise: bool,  # noqa: FBT001  # as above
        urgency: Urgency = Urgency.ROUTINE,
        handling: Handling = Handling.H0,
        thread: bytes | None = None,
        re: bytes | None = None,
        reply_by: int | None = None,
        answer: Answer | None = None,
        until: int | None = None,
        commit: bytes = _NO_DIGEST,
    ) -> None:
        object.__setattr__(self, "iss", iss)
        object.__setattr__(self, "sub", sub)
        object.__setattr__(self, "aud", aud)
        object.__setattr__(self, "iat", iat)
        object.__setattr__(self, "exp", exp)
        object.__setattr__(self, "cti", cti)
        object.__setattr__(self, "net", net)
        object.__setattr__(self, "head", head)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "purpose", purpose)
        object.__setattr__(self, "exercise", exercise)
        object.__setattr__(self, "urgency", urgency)
        object.__setattr__(self, "handling", handling)
        object.__setattr__(self, "thread", thread)
        object.__setattr__(self, "re", re)
        object.__setattr__(self, "reply_by", reply_by)
        object.__setattr__(self, "answer", answer)
        object.__setattr__(self, "until", until)
        object.__setattr__(self, "commit", commit)

    def with_commit(self, commit: bytes) -> Header:
        """The same claims with this commitment."""
        return replace(self, commit=commit)


def to_claims(header: Header) -> dict[cbor.Key, cbor.Value]:
    """The claims map that goes into the statement's protected header (label 15)."""
    claims: dict[cbor.Key, cbor.Value | None] = {
        ISS: str(header.iss),
        SUB: header.sub,
        AUD: [str(address) for address in header.aud],
        EXP: header.exp,
        IAT: header.iat,
        CTI: bytes(header.cti),
        NET: header.net,
        HEAD: header.head.to_value(),
        KIND: header.kind,
        THREAD: header.thread,
        RE: header.re,
        URGENCY: str(header.urgency),
        REPLY_BY: header.reply_by,
        ANSWER: None if header.answer is None else str(header.answer),
        UNTIL: header.until,
        PURPOSE: str(header.purpose),
        HANDLING: str(header.handling),
        COMMIT: header.commit,
        EXERCISE: header.exercise,
    }
    return {label: value for label, value in claims.items() if value is not None}


def from_claims(value: cbor.Value) -> Header:
    """Check and take a claims map.

    Raises:
        Malformed: `structure`, `claim-missing`, `claim-unknown`, `claim-type`, `claim-conflict`, `recipients`,
            `address`, `message-id`, `operation-unknown` (of a wrong form).
    """
    if not isinstance(value, dict):
        raise Malformed(Reason.STRUCTURE, "the claims are a map")
    claims = _Claims(value)
    header = Header(
        iss=Address.parse(claims.required(ISS, _text)),
        sub=parse_operation_id(claims.required(SUB, _text)),
        aud=claims.required(AUD, _recipients),
        exp=claims.required(EXP, _time),
        iat=claims.required(IAT, _time),
        cti=MessageId.parse(claims.required(CTI, _bytes)),
        net=claims.required(NET, _digest),
        head=claims.required(HEAD, Head.from_value),
        kind=claims.required(KIND, _kind),
        thread=claims.optional(THREAD, _digest),
        re=claims.optional(RE, _digest),
        urgency=claims.required(URGENCY, _urgency),
        reply_by=claims.optional(REPLY_BY, _time),
        answer=claims.optional(ANSWER, _answer),
        until=claims.optional(UNTIL, _time),
        purpose=claims.required(PURPOSE, _purpose),
        handling=claims.required(HANDLING, _handling),
        commit=claims.required(COMMIT, _digest),
        exercise=claims.required(EXERCISE, _flag),
    )
    claims.finish()
    _check_rules(header)
    return header


def _check_rules(header: Header) -> None:
    if (header.answer is Answer.MORE_TIME) != (header.until is not None):
        raise Malformed(Reason.CLAIM_CONFLICT, "until goes with answer more-time, and only with it")
    if header.answer is not None and header.re is None:
        raise Malformed(Reason.CLAIM_CONFLICT, "answer goes with re")
    if header.re is not None and header.thread is None:
        raise Malformed(Reason.CLAIM_CONFLICT, "re goes with thread")
    if header.exp <= header.iat:
        raise Malformed(Reason.CLAIM_CONFLICT, "exp is after iat")


class _Claims:
    """Takes claims out one by one, so that what is left over is known."""

    def __init__(self, values: dict[cbor.Key, cbor.Value]) -> None:
        self._left = dict(values)

    def required(self, label: int, take: Callable[[cbor.Value], _T]) -> _T:
        if label not in self._left:
            raise Malformed(Reason.CLAIM_MISSING, f"claim {label} is missing")
        return take(self._left.pop(label))

    def optional(self, label: int, take: Callable[[cbor.Value], _T]) -> _T | None:
        return self.required(label, take) if label in self._left else None

    def finish(self) -> None:
        if self._left:
            raise Malformed(Reason.CLAIM_UNKNOWN, f"unknown claim {next(iter(self._left))!r}"[:60])


def _text(value: cbor.Value) -> str:
    if not isinstance(value, str):
        raise Malformed(Reason.CLAIM_TYPE, "a claim that is text is of another type")
    return value


def _bytes(value: cbor.Value) -> bytes:
    if not isinstance(value, bytes):
        raise Malformed(Reason.CLAIM_TYPE, "a claim that is bytes is of another type")
    return value


def _digest(value: cbor.Value) -> bytes:
    if not isinstance(value, bytes) or len(value) != _HASH_SIZE:
        raise Malformed(Reason.CLAIM_TYPE, "a digest is 32 bytes")
    return value


def _time(value: cbor.Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
        raise Malformed(Reason.CLAIM_TYPE, "a time is whole seconds since the epoch")
    return value


def _flag(value: cbor.Value) -> bool:
    if not isinstance(value, bool):
        raise Malformed(Reason.CLAIM_TYPE, "exercise is a boolean")
    return value


def is_kind(text: str) -> bool:
    """Whether a text has the form of a message kind: whoever prints one prints it as it is."""
    return 0 < len(text) <= MAX_KIND and text.isascii() and text.isprintable()


def _kind(value: cbor.Value) -> str:
    text = _text(value)
    if not is_kind(text):
        raise Malformed(Reason.CLAIM_TYPE, f"a kind is up to {MAX_KIND} printable characters")
    return text


def _recipients(value: cbor.Value) -> tuple[Address, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_RECIPIENTS:
        raise Malformed(Reason.RECIPIENTS, f"aud lists 1 to {MAX_RECIPIENTS} addresses")
    addresses = tuple(Address.parse(_text(item)) for item in value)
    if len(set(addresses)) != len(addresses):
        raise Malformed(Reason.RECIPIENTS, "a recipient is named twice")
    return addresses


def _code(codes: type[_Code]) -> Callable[[cbor.Value], _Code]:
    known = {str(code): code for code in codes}

    def take(value: cbor.Value) -> _Code:
        code = known.get(_text(value))
        if code is None:
            raise Malformed(Reason.CLAIM_TYPE, f"not one of the {codes.__name__} codes")
        return code

    return take


_urgency, _answer, _purpose, _handling = _code(Urgency), _code(Answer), _code(Purpose), _code(Handling)
