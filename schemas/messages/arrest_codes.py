"""Code lists of provisional arrest and extradition. Sources: the European Convention on Extradition (ETS 24); ours."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.codes import Answer


class Identified(StrEnum):
    """By what the person was identified. Ours, after the fields of INTERPOL's notices."""

    DOCUMENT = "document"
    FACE = "face"
    FINGERPRINTS = "fingerprints"
    DNA = "dna"
    MARKS = "marks"
    STATEMENT = "statement"
    """By what the person, or another, said."""


class Sought(StrEnum):
    """The owner's word on an arrest. Source: Article 16 of the Convention; NOTED is ours."""

    PAPERS_FOLLOW = "PAPERS_FOLLOW"
    """It asks that the person be held, and intends to ask for extradition: the papers come by `until`."""
    PAPERS_SENT = "PAPERS_SENT"
    """The request for extradition is on its way, or was sent."""
    NOT_SOUGHT = "NOT_SOUGHT"
    """It will not ask for extradition: the person need not be held for it."""
    NOTED = "NOTED"
    """Of one who was told and is not the owner: the General Secretariat."""


class Extradition(StrEnum):
    """What becomes of a request for extradition. Source: Articles 16 and 18 of the Convention."""

    IN_PROCESS = "IN_PROCESS"
    SURRENDERED = "SURRENDERED"
    REFUSED = "REFUSED"
    RELEASED = "RELEASED"


class ExtraditionGround(StrEnum):
    """Why extradition is refused. Source: the articles named. Each is a court's or a minister's decision, no code's."""

    PENALTY_THRESHOLD = "penalty-threshold"
    """Article 2: the offence is not punishable severely enough in both countries."""
    POLITICAL_OFFENCE = "political-offence"
    """Article 3."""
    MILITARY_OFFENCE = "military-offence"
    """Article 4."""
    FISCAL_OFFENCE = "fiscal-offence"
    """Article 5."""
    OWN_NATIONAL = "own-national"
    """Article 6."""
    PLACE_OF_COMMISSION = "place-of-commission"
    """Article 7."""
    PENDING_PROCEEDINGS = "pending-proceedings"
    """Article 8."""
    NON_BIS_IN_IDEM = "non-bis-in-idem"
    """Article 9."""
    LAPSE_OF_TIME = "lapse-of-time"
    """Article 10."""
    CAPITAL_PUNISHMENT = "capital-punishment"
    """Article 11."""
    PAPERS = "papers"
    """Article 13: the papers were not sufficient, and were not supplemented."""
    HUMAN_RIGHTS = "human-rights"
    NATIONAL_LAW = "national-law"


class ReleaseGround(StrEnum):
    """Why a person is released. Source: Articles 16(4) and 18(4) of the Convention; the last three are ours."""

    NO_PAPERS = "no-papers"
    """The papers did not come in time."""
    NOT_COLLECTED = "not-collected"
    """Nobody came for the person in time."""
    NOT_SOUGHT = "not-sought"
    NOT_THE_PERSON = "not-the-person"
    COURT = "court"


_SOUGHT: Final[Mapping[Sought, Answer]] = MappingProxyType(
    {
        Sought.PAPERS_FOLLOW: Answer.MORE_TIME,
        Sought.PAPERS_SENT: Answer.FINAL,
        Sought.NOT_SOUGHT: Answer.FINAL,
        Sought.NOTED: Answer.FINAL,
    }
)
_EXTRADITION: Final[Mapping[Extradition, Answer]] = MappingProxyType(
    {
        Extradition.IN_PROCESS: Answer.MORE_TIME,
        Extradition.SURRENDERED: Answer.FINAL,
        Extradition.REFUSED: Answer.REFUSED,
        Extradition.RELEASED: Answer.FINAL,
    }
)


def answer_to_arrest(word: Sought) -> Answer:
    """The header's answer code for the owner's word on an arrest."""
    return _SOUGHT[word]


def answer_to_extradition(word: Extradition) -> Answer:
    """The header's answer code for the outcome of a request for extradition."""
    return _EXTRADITION[word]
