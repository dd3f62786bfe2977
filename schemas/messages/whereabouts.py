"""Where is this person? The query and its response.

Purpose, urgency, handling and the time to answer by are claims of the header, which is signed and bound to the content:
they are not said twice. The header's answer code and `until` follow from the response (`answer`, `until`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.codes import Answer
from schemas.messages.codes import (
    Asked,
    CaseTag,
    Confidence,
    Finding,
    InformationGrade,
    NoticeColour,
    RefusalGround,
    SourceGrade,
    answer_to,
)
from schemas.messages.fields import Distinct, Message, Model, PartialDate, Place, Prose, Reference, Seconds
from schemas.messages.person import Person

_PLACE: Final = frozenset({"place"})
_MOMENT: Final = frozenset({"place", "date"})
_GRADES: Final = frozenset({"confidence", "source_grade", "information_grade"})

_REQUIRED: Final[Mapping[Finding, frozenset[str]]] = MappingProxyType(
    {
        Finding.LOCATED: _MOMENT | _GRADES,
        Finding.DETAINED: _MOMENT | _GRADES,
        Finding.ARRESTED: _MOMENT | _GRADES,
        Finding.DECEASED: _GRADES,
        Finding.TRACE: _PLACE | _GRADES,
        Finding.NO_TRACE: frozenset(),
        Finding.MORE_TIME: frozenset({"until"}),
        Finding.REFUSED: frozenset({"ground"}),
    }
)
_OPTIONAL: Final[Mapping[Finding, frozenset[str]]] = MappingProxyType(
    {Finding.DECEASED: _MOMENT, Finding.TRACE: frozenset({"date"})}
)


class Notice(Model):
    """A published notice."""

    colour: NoticeColour
    number: Reference


class LastKnown(Model):
    """Where the person was last thought to be, and when."""

    place: Place
    date: PartialDate | None = None


class WhereaboutsQuery(Message):
    """Who is sought, what is asked, and what is known of the place. One of person, notice and case is there."""

    KIND: ClassVar[str] = "whereabouts.query/1"

    asked: Annotated[tuple[Asked, ...], Distinct(len(Asked))]
    person: Person | None = None
    notice: Notice | None = None
    case: Reference | None = None
    """The asking bureau's reference."""
    last_known: LastKnown | None = None
    tags: Annotated[tuple[CaseTag, ...], Distinct(len(CaseTag))] = ()
    background: Prose | None = None
    """Why the question goes to this bureau, in words."""

    @model_validator(mode="after")
    def _is_about_someone(self) -> Self:
        if not self.asked:
            raise PydanticCustomError("asks_nothing", "a query asks something")
        if self.person is None and self.notice is None and self.case is None:
            raise PydanticCustomError("nobody_sought", "a query names a person, a notice or a case")
        return self


class WhereaboutsResponse(Message):
    """What the asked bureau found; which other fields are there follows from the finding.

    LOCATED, DETAINED, ARRESTED: place, date, and the three grades. DECEASED: the grades; place and date if known.
    TRACE: place and the grades; date if known. NO_TRACE: nothing more. MORE_TIME: until. REFUSED: ground.
    """

    KIND: ClassVar[str] = "whereabouts.response/1"

    finding: Finding
    case: Reference | None = None
    """The asking bureau's reference, from the query."""
    place: Place | None = None
    date: PartialDate | None = None
    """When the person was there, was arrested, or died."""
    confidence: Confidence | None = None
    source_grade: SourceGrade | None = None
    information_grade: InformationGrade | None = None
    until: Seconds | None = None
    """With MORE_TIME: when the next answer comes at the latest."""
    ground: RefusalGround | None = None
    """With REFUSED: why."""
    remarks: Prose | None = None

    @property
    def answer(self) -> Answer:
        """The answer code that the header of this response carries."""
        return answer_to(self.finding)

    @model_validator(mode="after")
    def _fields_follow_finding(self) -> Self:
        required = _REQUIRED[self.finding]
        allowed = required | _OPTIONAL.get(self.finding, frozenset())
        for field in sorted(_MOMENT | _GRADES | {"until", "ground"}):
            present = getattr(self, field) is not None
            if field in required and not present:
                raise PydanticCustomError("finding_lacks", "{finding} needs {field}", _said(self.finding, field))
            if present and field not in allowed:
                raise PydanticCustomError("finding_excludes", "{finding} has no {field}", _said(self.finding, field))
        return self


def _said(finding: Finding, field: str) -> dict[str, str]:
    return {"finding": finding.value, "field": field}
