"""Code lists of the messages: every word that has one meaning on the wire.

The header's lists (purpose, handling, urgency, answer) are in `schemas/codes.py`; these are the content's.

Each list names where it comes from; "ours" marks a list that no public source gives. A code is never given a second
meaning and never removed: a list only grows, and a message with a code that the reader does not know is refused.
Unknown is never a code here (except `Sex.U`): what is not known is left out of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.codes import Answer


class Sex(StrEnum):
    """Sex as written in a travel document. Source: ICAO Doc 9303-3, with U for its unspecified."""

    F = "F"
    M = "M"
    U = "U"


class EyeColour(StrEnum):
    """Colour of the eyes. Source: the NCIC code manual, field EYE."""

    BLACK = "BLK"
    BLUE = "BLU"
    BROWN = "BRO"
    GREY = "GRY"
    GREEN = "GRN"
    HAZEL = "HAZ"
    MAROON = "MAR"
    PINK = "PNK"
    MULTICOLOURED = "MUL"


class HairColour(StrEnum):
    """Colour of the hair. Source: the NCIC code manual, field HAI, with BAL from the driving licence lists."""

    BALD = "BAL"
    BLACK = "BLK"
    BLOND = "BLN"
    BLUE = "BLU"
    BROWN = "BRO"
    GREY = "GRY"
    GREEN = "GRN"
    ORANGE = "ONG"
    PINK = "PNK"
    PURPLE = "PLE"
    RED = "RED"
    SANDY = "SDY"
    WHITE = "WHI"


class MarkKind(StrEnum):
    """What a mark on the body is. Source: the groups of NCIC's list of scars, marks and tattoos."""

    AMPUTATION = "amputation"
    BIRTHMARK = "birthmark"
    DEFORMITY = "deformity"
    PIERCING = "piercing"
    SCAR = "scar"
    TATTOO = "tattoo"
    OTHER = "other"


class DocumentType(StrEnum):
    """Kinds of identity document. Source: the documents of ICAO Doc 9303 parts 4 to 7, and national ones (ours)."""

    PASSPORT = "passport"
    DIPLOMATIC_PASSPORT = "diplomatic-passport"
    SERVICE_PASSPORT = "service-passport"
    EMERGENCY_PASSPORT = "emergency-passport"
    TRAVEL_DOCUMENT = "travel-document"
    IDENTITY_CARD = "identity-card"
    RESIDENCE_PERMIT = "residence-permit"
    VISA = "visa"
    CREW_CERTIFICATE = "crew-certificate"
    SEAFARER_BOOK = "seafarer-book"
    DRIVING_LICENCE = "driving-licence"
    OTHER = "other"


class Offence(StrEnum):
    """Families of offences. Ours: the focuses of the INFRA operations and what stands beside them."""

    CHILD_ABUSE = "child-abuse"
    DRUGS = "drugs"
    ENVIRONMENTAL = "environmental"
    FINANCIAL = "financial"
    FIREARMS = "firearms"
    FRAUD = "fraud"
    HOMICIDE = "homicide"
    HUMAN_TRAFFICKING = "human-trafficking"
    KIDNAPPING = "kidnapping"
    MONEY_LAUNDERING = "money-laundering"
    ORGANISED_CRIME = "organised-crime"
    PEOPLE_SMUGGLING = "people-smuggling"
    ROBBERY = "robbery"
    SEXUAL_ABUSE = "sexual-abuse"
    OTHER = "other"


class Finding(StrEnum):
    """What the asked bureau found. Ours (the whereabouts response)."""

    LOCATED = "LOCATED"
    DETAINED = "DETAINED"
    ARRESTED = "ARRESTED"
    DECEASED = "DECEASED"
    TRACE = "TRACE"
    """Was here, or is known here; where the person is now is not known. More may follow."""
    NO_TRACE = "NO_TRACE"
    MORE_TIME = "MORE_TIME"
    REFUSED = "REFUSED"


class RefusalGround(StrEnum):
    """Why a query is not answered. Source: Directive (EU) 2023/977 Article 6; the last three are ours.

    Those three follow from owner control, from Article 3 of INTERPOL's Constitution, and from national law.
    """

    NOT_AVAILABLE = "not-available"
    """The asked authorities do not hold it and cannot obtain it."""
    FORM = "form"
    """The query lacks what a query must say, and stayed so after a question back."""
    AUTHORISATION_REFUSED = "authorisation-refused"
    """A judicial authority did not permit it."""
    PERSONAL_DATA = "personal-data"
    """The personal data is not of a category that may be given."""
    INACCURATE = "inaccurate"
    """What is held is found to be wrong, incomplete or out of date."""
    NATIONAL_SECURITY = "national-security"
    INVESTIGATION = "investigation"
    """It would endanger a running investigation."""
    SAFETY = "safety"
    """It would endanger a person."""
    MINOR_OFFENCE = "minor-offence"
    """The offence carries at most one year under the asked country's law."""
    DISPROPORTIONATE = "disproportionate"
    OWNER_RESTRICTION = "owner-restriction"
    """The owner of the data denies it to the asking country."""
    NEUTRALITY = "neutrality"
    """Set by a person after a review under Article 3; never by code."""
    NATIONAL_LAW = "national-law"


class SourceGrade(StrEnum):
    """How far the source is trusted. Source: the 4x4 system, Regulation (EU) 2016/794 Article 29."""

    A = "A"
    """No doubt about authenticity, trustworthiness and competence."""
    B = "B"
    """Reliable in most instances."""
    C = "C"
    """Not reliable in most instances."""
    X = "X"
    """Cannot be assessed."""


class InformationGrade(StrEnum):
    """How far the information is trusted. Source: the 4x4 system, Regulation (EU) 2016/794 Article 29."""

    ACCURATE = "1"
    """Accuracy not in doubt."""
    KNOWN_TO_SOURCE = "2"
    """Known personally to the source, not to the officer who passes it on."""
    CORROBORATED = "3"
    """Not known personally to the source, but corroborated by other information."""
    NOT_CORROBORATED = "4"
    """Not known personally to the source, and cannot be corroborated."""


class Confidence(StrEnum):
    """How sure the asked bureau is that its finding concerns the person sought. Ours."""

    CONFIRMED = "confirmed"
    PROBABLE = "probable"
    POSSIBLE = "possible"


class Asked(StrEnum):
    """What a query wants to be done. Ours, after what national central bureaus ask of each other."""

    CONFIRM_LOCATION = "confirm-location"
    CONFIRM_IDENTITY = "confirm-identity"
    STATUS = "status"
    PROVISIONAL_ARREST = "provisional-arrest"


class ResultKind(StrEnum):
    """What an operation counts. Source: public reports on INTERPOL operations."""

    ARRESTED = "arrested"
    LOCATED = "located"
    IDENTIFIED = "identified"
    RESCUED = "rescued"
    SEIZED = "seized"


class NoticeColour(StrEnum):
    """INTERPOL's notices. Source: Rules on the Processing of Data, Article 82 and following; silver: its pilot."""

    RED = "red"
    BLUE = "blue"
    GREEN = "green"
    YELLOW = "yellow"
    BLACK = "black"
    ORANGE = "orange"
    PURPLE = "purple"
    SILVER = "silver"
    UN_SPECIAL = "un-special"


class Corroboration(StrEnum):
    """What another bureau says of a reported result. Ours."""

    CONFIRMED = "confirmed"
    """It saw the same."""
    DISPUTED = "disputed"
    """It did not, by what it has."""


class RelayGround(StrEnum):
    """Why the secretariat relays a question or an answer no further. Ours."""

    NO_CONSENT = "no-consent"
    """The bureau takes no such question this way. Whether it takes others, and whose, is not said."""
    CONTENT = "content"
    """What is enclosed is no message of its kind, or would name an asker that is not to be named."""
    SCOPE = "scope"
    """The bureau is no member of the operation."""
    HANDLING = "handling"
    """The answer may not be passed on to an asker whom the bureau was not told of."""
    UNREACHABLE = "unreachable"
    """The network did not take it."""


class CaseTag(StrEnum):
    """What sets a case apart in an operation. Ours, after the reports on INFRA operations."""

    COLD = "cold"
    HIGH_PRIORITY = "high-priority"
    PUBLIC_APPEAL = "public-appeal"


class TipChannel(StrEnum):
    """How a tip came. Ours, after the ways that public appeals name: the secretariat's page, national programmes."""

    PUBLIC_PAGE = "public-page"
    """The secretariat's own page for the public."""
    ANONYMOUS_PROGRAMME = "anonymous-programme"
    """A national programme that promises not to know who called, such as Crime Stoppers."""
    BUREAU = "bureau"
    """Somebody who told a national police."""


class TipFinding(StrEnum):
    """What came of a tip. Ours."""

    IN_PROCESS = "IN_PROCESS"
    """Being looked at; more may follow."""
    ARRESTED = "ARRESTED"
    """It led to an arrest."""
    LOCATED = "LOCATED"
    """It led to where somebody is."""
    USEFUL = "USEFUL"
    KNOWN = "KNOWN"
    """It was known before."""
    NOT_USEFUL = "NOT_USEFUL"
    NOT_ASSESSED = "NOT_ASSESSED"
    """It says too little to be looked into."""


class DutyFinding(StrEnum):
    """What a bureau says to the Command and Coordination Centre that asked it again. Ours."""

    ANSWERED = "ANSWERED"
    """The asker has an answer by now."""
    IN_PROCESS = "IN_PROCESS"
    """The asker will have one, at the latest when it says."""
    REFUSED = "REFUSED"
    """There will be none; the ground goes to the asker, not to the centre."""
    NOT_HERE = "NOT_HERE"
    """The bureau cannot find the query: it is to be asked anew."""


class Visibility(StrEnum):
    """What an asker is shown of a record that its question finds. Ours, after the owner's control of its data."""

    OPEN = "open"
    """The record, its conditions and its owner."""
    AGENCY_ONLY = "agency-only"
    """That there is one, and whom to ask."""
    SILENT = "silent"
    """Nothing: the answer is as if there were none, and the owner is told."""


_ANSWERS: Final[Mapping[Finding, Answer]] = MappingProxyType(
    {
        Finding.LOCATED: Answer.FINAL,
        Finding.DETAINED: Answer.FINAL,
        Finding.ARRESTED: Answer.FINAL,
        Finding.DECEASED: Answer.FINAL,
        Finding.TRACE: Answer.INTERIM,
        Finding.NO_TRACE: Answer.FINAL,
        Finding.MORE_TIME: Answer.MORE_TIME,
        Finding.REFUSED: Answer.REFUSED,
    }
)


def answer_to(finding: Finding) -> Answer:
    """The header's answer code for a finding: all that the blind gateway learns of it."""
    return _ANSWERS[finding]
