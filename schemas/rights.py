"""What a participant may send by what it is: a pure table, beside the operation's own list (protocol section 3).

A kind is sent when the operation lists it and the sender's row may send it. A bureau's units without a row of their own
send as their bureau. Whoever is not in the table sends nothing: organisations are denied all but what it names. What is
reserved is the word of a secretariat alone, so that nobody can speak as if a message had come through it. The
gateway goes by it at admission step 12; whoever verifies a record sees by it what a gateway admitted and must not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.directory import ParticipantKind

EVERYTHING: Final = frozenset({"*"})
_ANSWERS: Final = frozenset({"whereabouts.response", "duty.answer", "tip.disposition", "correction", "cancellation"})
RIGHTS: Final[Mapping[ParticipantKind, frozenset[str]]] = {
    ParticipantKind.NATIONAL_BUREAU: EVERYTHING,
    ParticipantKind.SECRETARIAT: EVERYTHING,
    ParticipantKind.REGIONAL_BUREAU: EVERYTHING,
    ParticipantKind.ORGANISATION: _ANSWERS | {"tip"},
    ParticipantKind.UNIT: _ANSWERS | {"whereabouts.query", "database.query"},
}
"""Kind of participant -> the families of messages that it may send: a kind without its version."""

RESERVED: Final[Mapping[str, frozenset[ParticipantKind]]] = {
    "relay.delivery": frozenset({ParticipantKind.SECRETARIAT}),
    "network.group": frozenset({ParticipantKind.SECRETARIAT}),
}
"""Families that only these kinds of participant send, whatever their row of `RIGHTS` allows."""


def may_send(kind: ParticipantKind, message: str) -> bool:
    """Whether a participant of this kind may send a message of this kind, such as `whereabouts.query/1`."""
    family = message.partition("/")[0]
    allowed = RIGHTS.get(kind, frozenset())
    return (allowed is EVERYTHING or family in allowed) and kind in RESERVED.get(family, ParticipantKind)
