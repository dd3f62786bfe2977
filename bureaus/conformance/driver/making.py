"""Operations that make something: an envelope, an acknowledgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bureaus.conformance.driver.given import Given
from bureaus.conformance.driver.reading import Operation, Shown
from schemas.claims import Head, Header
from schemas.codes import Purpose
from schemas.envelope import seal
from schemas.errors import Reason
from schemas.evidence import Acknowledgement, Outcome, sign_acknowledgement
from schemas.identity import Address, MessageId
from schemas.keys import SealingPublic, SigningKey, Suite
from schemas.merkle import EMPTY

_LIFETIME: Final = 3600


def _seal(given: Given) -> Shown:
    now = given.number("now")
    header = Header(
        iss=Address.parse(given.text("from")),
        sub=given.text("operation"),
        aud=tuple(map(Address.parse, given.texts("to"))),
        iat=now,
        exp=now + _LIFETIME,
        cti=MessageId.new(now * 1000),
        net=given.data("net"),
        head=Head(0, EMPTY),
        kind=given.text("kind"),
        purpose=Purpose(given.text("purpose")),
        exercise=given.flag("exercise"),
    )
    keys = [SealingPublic(Suite.HPKE_9_KE, raw) for raw in given.list("keys")]
    made = seal(header, given.data("content"), keys, SigningKey(given.data("signing_seed")))
    return {"statement": made.statement.hex(), "sealed": (made.sealed or b"").hex()}


def _acknowledge(given: Given) -> Shown:
    reason = given.maybe_text("reason")
    said = Acknowledgement(
        Address.parse(given.text("from")),
        given.data("digest"),
        Outcome.PROCESSED if reason is None else Outcome.REFUSED,
        given.number("now"),
        given.data("net"),
        Head(0, EMPTY),
        None if reason is None else Reason(reason),
    )
    return {"data": sign_acknowledgement(said, SigningKey(given.data("signing_seed"))).hex()}


MAKING: Final[Mapping[str, Operation]] = {"acknowledge": _acknowledge, "seal": _seal}
"""By the operation's name."""
