"""Code lists of notices and diffusions, and what a notice of each colour may be about.

Colours are in `codes.py`. Sources: INTERPOL's Rules on the Processing of Data (RPD), articles 82 to 96 on the colours,
83 on red notices; "ours" marks what no public source gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.codes import Answer
from schemas.messages.codes import NoticeColour


class ThingKind(StrEnum):
    """What a notice is about that is no named person. Ours, after what the articles on the colours name."""

    ASSET = "asset"
    BODY = "body"
    """A body, or a part of one, that nobody has put a name to."""
    ENTITY = "entity"
    EVENT = "event"
    METHOD = "method"
    """How a crime is done or hidden."""
    OBJECT = "object"
    PROCESS = "process"


class Pursued(StrEnum):
    """Why a person is wanted. Source: RPD article 83(2)."""

    PROSECUTION = "prosecution"
    SENTENCE = "sentence"
    """To serve one."""


class Decision(StrEnum):
    """What the secretariat decided on what a bureau asked for. Ours."""

    MORE_INFORMATION = "MORE_INFORMATION"
    REFUSED = "REFUSED"
    PUBLISHED = "PUBLISHED"
    WITHDRAWN = "WITHDRAWN"
    """The owner asked to take it back, and it is taken back."""


class NoticeGround(StrEnum):
    """Why a notice is not published, or not taken back. Source: RPD articles 83 to 87 by their subjects; names ours."""

    IDENTITY = "identity"
    """Too little is known to tell the person from another."""
    OFFENCE = "offence"
    """No offence of ordinary law is named, or it is of a kind that is excluded."""
    PENALTY = "penalty"
    """Below the threshold."""
    WARRANT = "warrant"
    ASSURANCE = "assurance"
    """Nobody assures that extradition will be asked for."""
    INACCURATE = "inaccurate"
    PURPOSE = "purpose"
    """Another colour, or no notice, is for this."""
    NEUTRALITY = "neutrality"
    """Article 3 of the Constitution: set by a person after a review; never by code."""
    NOT_OWNER = "not-owner"
    """The bureau that asks is not the one that the notice belongs to."""
    NOT_IN_FORCE = "not-in-force"
    REFERENCE = "reference"
    """The bureau used this reference for another request."""
    SIZE = "size"
    """Too large to be circulated with all that a publication says besides."""


class Issue(StrEnum):
    """What a publication is to those before it. Ours."""

    NEW = "new"
    UPDATED = "updated"
    """In place of the version before."""
    ADDENDUM = "addendum"
    """Beside the version before: what was learned since."""


class Ending(StrEnum):
    """How a notice or a diffusion ends. Source: RPD article 81 (withdrawal, cancellation); expiry after article 50."""

    WITHDRAWN = "withdrawn"
    """By its owner."""
    CANCELLED = "cancelled"
    """By the secretariat."""
    EXPIRED = "expired"
    """Not confirmed by its owner at its review."""


PERSONS: Final = frozenset(
    {
        NoticeColour.RED,
        NoticeColour.BLUE,
        NoticeColour.GREEN,
        NoticeColour.YELLOW,
        NoticeColour.ORANGE,
        NoticeColour.UN_SPECIAL,
    }
)
"""Colours that may be about a named person."""
THINGS: Final[Mapping[NoticeColour, frozenset[ThingKind]]] = MappingProxyType(
    {
        NoticeColour.BLACK: frozenset({ThingKind.BODY}),
        NoticeColour.ORANGE: frozenset({ThingKind.EVENT, ThingKind.OBJECT, ThingKind.PROCESS}),
        NoticeColour.PURPLE: frozenset({ThingKind.METHOD, ThingKind.OBJECT}),
        NoticeColour.SILVER: frozenset({ThingKind.ASSET}),
        NoticeColour.UN_SPECIAL: frozenset({ThingKind.ENTITY}),
    }
)
"""Colours that may be about something else, and what."""

_ANSWERS: Final[Mapping[Decision, Answer]] = MappingProxyType(
    {
        Decision.MORE_INFORMATION: Answer.INTERIM,
        Decision.REFUSED: Answer.REFUSED,
        Decision.PUBLISHED: Answer.FINAL,
        Decision.WITHDRAWN: Answer.FINAL,
    }
)


def answer_of(decision: Decision) -> Answer:
    """The header's answer code for a decision."""
    return _ANSWERS[decision]
