"""Code lists of the databases and of hits, under the rules of `codes.py`: lists only grow, unknown is left out."""

from __future__ import annotations

from enum import StrEnum


class RecordKind(StrEnum):
    """What the secretariat's databases hold."""

    WANTED_PERSON = "wanted-person"
    """Sought for arrest."""
    PERSON = "person"
    """Sought for another reason: missing, to be identified, located or warned of."""
    TRAVEL_DOCUMENT = "travel-document"


class RecordAct(StrEnum):
    """What an owner does with a record."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


class DocumentStatus(StrEnum):
    """Why a document is in the database. Source: public descriptions of stolen and lost travel documents."""

    LOST = "lost"
    STOLEN = "stolen"
    STOLEN_BLANK = "stolen-blank"
    REVOKED = "revoked"
    INVALID = "invalid"


class HitAction(StrEnum):
    """What the owner asks of who finds its person or document. Ours, after the notices' purposes."""

    ARREST = "arrest"
    LOCATE = "locate"
    IDENTIFY = "identify"
    OBSERVE = "observe"
    """Note where, when and with whom; the person is not told."""
    SEIZE_DOCUMENT = "seize-document"
    CONTACT_OWNER = "contact-owner"


class RecordOutcome(StrEnum):
    """What became of a record, upon its owner's act or by itself. Ours."""

    RECORDED = "recorded"
    NO_SUCH_RECORD = "no-such-record"
    """The sender owns none of that reference."""
    EXISTS = "exists"
    """The sender owns one of that reference already: update it."""
    REVIEW_DUE = "review-due"
    """Said unasked: the owner is to look at it; what it does not update is taken out at the time of review."""
    ERASED = "erased"
    """Said unasked: the record is out, since its time was over or its owner said that it is not valid."""


class Search(StrEnum):
    """What a question to the databases comes to. Ours."""

    HIT = "hit"
    CANDIDATES = "candidates"
    """Records that may be meant; a person compares."""
    NO_HIT = "no-hit"


class MatchReason(StrEnum):
    """Why a record was found, each a statement about one part of the question. Ours."""

    NUMBER = "number"
    NUMBER_SPELLING = "number-spelling"
    """Equal once read as the zone writes it: spaces, dashes and dots left out."""
    ISSUER = "issuer"
    DOCUMENT_TYPE = "document-type"
    NAME = "name"
    NAME_ORDER = "name-order"
    """The same parts in another order."""
    NAME_SPELLING = "name-spelling"
    NAME_PART_MISSING = "name-part-missing"
    ALIAS = "alias"
    """It is a name that the record has besides its first."""
    ORIGINAL_SCRIPT = "original-script"
    TRANSLITERATED = "transliterated"
    BIRTH_DATE = "birth-date"
    BIRTH_DATE_PARTIAL = "birth-date-partial"
    """Equal as far as both know it."""
    BIRTH_DATE_SWAPPED = "birth-date-swapped"
    """Day and month change places."""
    BIRTH_DATE_NEAR = "birth-date-near"
    """One part differs."""
    BIRTH_DATE_DIFFERS = "birth-date-differs"
    SEX = "sex"
    SEX_DIFFERS = "sex-differs"
    NATIONALITY = "nationality"
    NATIONALITY_DIFFERS = "nationality-differs"


class Validity(StrEnum):
    """What the owner says to a hit. Source: NCIC's hit confirmation."""

    CONFIRMED = "CONFIRMED"
    NOT_VALID = "NOT_VALID"
    IN_PROCESS = "IN_PROCESS"
    """Not known yet: until when is said."""
