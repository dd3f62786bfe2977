"""What the notices' room tells the others: that something was published, and that it ended. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from schemas.identity import Address
from schemas.messages.attachments import Attachment
from schemas.messages.codes import NoticeColour, Visibility
from schemas.messages.notice_codes import Ending, Issue
from schemas.messages.notices import Thing
from schemas.messages.person import Person

Subject: TypeAlias = Person | Thing


class RequestState(StrEnum):
    """Where a request, or an update, stands."""

    WAITING = "waiting"
    """On screening."""
    MORE = "more-information"
    """The bureau was asked."""
    APPROVED = "approved"
    """By as many people as it needs; the service publishes it at once."""
    REFUSED = "refused"
    PUBLISHED = "published"


class NoticeState(StrEnum):
    """Where a notice or a diffusion stands."""

    IN_FORCE = "in-force"
    ENDING = "ending"
    """A person cancelled it, and the service is about to say so to everybody."""
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Published:
    """A notice or a diffusion that is in force from now on, or changed. Times are seconds since the epoch."""

    number: str
    """Of a notice `R-1/2026`; of a diffusion `D-1/2026`, given by the secretariat."""
    version: int
    colour: NoticeColour
    owner: Address
    subject: Subject
    denied: tuple[str, ...]
    what: Issue
    time: int
    review: int
    attachments: tuple[Attachment, ...] = ()
    diffusion: bool = False
    visibility: Visibility = Visibility.OPEN
    """As in the databases. What must not be seen is a record there, and no notice."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A notice or a diffusion that is not in force from now on."""

    number: str
    owner: Address
    ending: Ending
    time: int
    diffusion: bool = False
