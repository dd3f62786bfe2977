"""Code lists of the header: the few values that the blind gateway reads. Codes never change meaning and never leave."""

from __future__ import annotations

from enum import StrEnum


class Urgency(StrEnum):
    """How soon an answer is needed; drives the answer clock and the choice of queue."""

    ROUTINE = "routine"
    URGENT = "urgent"


class Answer(StrEnum):
    """What an answering message is to the answer clock, and no more."""

    INTERIM = "interim"
    FINAL = "final"
    REFUSED = "refused"
    MORE_TIME = "more-time"


class Purpose(StrEnum):
    """Why the data is processed; an answer inherits it (INTERPOL Rules on the Processing of Data, Article 10)."""

    ARREST = "arrest"
    EXTRADITION = "extradition"
    LOCATION = "location"
    IDENTIFICATION = "identification"
    BORDER_CHECK = "border-check"
    INFORMATION = "information"
    ADMINISTRATION = "administration"


class Handling(StrEnum):
    """What a recipient may do with it (Europol's handling codes)."""

    H0 = "H0"
    """Prevention and combat of crime only."""
    H1 = "H1"
    """Not for use in judicial proceedings without permission."""
    H2 = "H2"
    """Not to be passed on without permission: never forwarded outside its recipients."""
    H3 = "H3"
    """Other restrictions, in words in the content."""
