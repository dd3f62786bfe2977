"""The answer clock: what becomes of a query for each of its recipients, and when. Pure.

Order of work: an admitted query opens one clock for each recipient (`start`); a handover (`taken`, `declined`) and what
answers it (`answered`) move the clock; a chore asks `tick` of every clock whose time came, and does what it says.
Rules: the gateway is blind, so it knows of an answer what its header says and no more (protocol section 1); a stage is
done once, so that a clock set back repeats nothing; reminders that time overtook while nobody looked are left out.

Limits are those of the sources: NCIC and Nlets for hit confirmations, Directive (EU) 2023/977, Article 5 for
whereabouts, the European Convention on Extradition, Article 16 for papers after a provisional arrest. Those of database
queries are this project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gateway.clocks import ENDED, OPEN, Clock, State, Terms
from schemas.claims import Header
from schemas.codes import Answer, Urgency
from schemas.errors import Reason

__all__ = [
    "ENDED",
    "OPEN",
    "Act",
    "Clock",
    "Stage",
    "State",
    "Terms",
    "answered",
    "declined",
    "stages",
    "start",
    "taken",
    "terms_of",
    "tick",
]

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


class Act(StrEnum):
    """What has to be done now."""

    REMIND = "remind"
    """Tell the bureau asked."""
    OVERDUE = "overdue"
    """Attest the silence to both sides."""
    ASK_AGAIN = "ask-again"
    """Tell the bureau asked, and the asker, that this is the next request."""
    ESCALATE = "escalate"
    """Tell the Command and Coordination Centre."""


_CONFIRMATION: Final = {
    Urgency.URGENT: Terms(10 * _MINUTE, _HOUR, requests=3),
    Urgency.ROUTINE: Terms(_HOUR, _DAY, requests=3),
}
_WHEREABOUTS: Final = {
    Urgency.URGENT: Terms(8 * _HOUR, 3 * _DAY),
    Urgency.ROUTINE: Terms(7 * _DAY, 7 * _DAY),
}
_PAPERS: Final = Terms(18 * _DAY, 40 * _DAY)
_DATABASE: Final = {
    Urgency.URGENT: Terms(_MINUTE, 10 * _MINUTE, reminders=()),
    Urgency.ROUTINE: Terms(10 * _MINUTE, _HOUR, reminders=()),
}
TABLE: Final[Mapping[str, Mapping[Urgency, Terms]]] = {
    "whereabouts.query": _WHEREABOUTS,
    "hit.confirmation": _CONFIRMATION,
    "arrest.provisional": {Urgency.URGENT: _PAPERS, Urgency.ROUTINE: _PAPERS},
    "database.query": _DATABASE,
}
"""Family of kinds, without the version -> urgency -> terms. Others are timed only where their header has a reply-by."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Something that happens at a set time of a clock."""

    at: int
    acts: tuple[Act, ...]


def terms_of(header: Header, own: Mapping[str, Mapping[Urgency, Terms]]) -> Terms | None:
    """The terms that a message is timed by, the operation's `own` first; None where no answer is awaited."""
    if header.re is not None:
        return None
    family = header.kind.partition("/")[0]
    found = own.get(family, {}).get(header.urgency) or TABLE.get(family, {}).get(header.urgency)
    if found is None and header.reply_by is not None:
        return _WHEREABOUTS[header.urgency]
    return found


def start(query: bytes, header: Header, now: int, terms: Terms) -> list[Clock]:
    """The clocks of an admitted query, one for each recipient. Time runs from the admission, by the gateway's clock.

    The asker's reply-by counts, up to the longest time that the terms grant.
    """
    due = now + terms.default * 1000
    if header.reply_by is not None:
        due = min(max(header.reply_by * 1000, now), now + terms.longest * 1000)
    first = _first(now, due, terms)
    return [
        Clock(query, recipient, header.iss, header.sub, header.kind, header.urgency, now, due, terms, next_at=first)
        for recipient in header.aud
    ]


def _first(opened: int, due: int, terms: Terms) -> int | None:
    """When the first of a clock's stages is: every query asks for it, so it is reckoned without the others."""
    if terms.reminders:
        return opened + (due - opened) * terms.reminders[0] // 100
    return due if terms.requests else None


def stages(clock: Clock) -> list[Stage]:
    """All that happens to a clock which nobody answers, in order."""
    time = clock.due - clock.opened
    found = [Stage(clock.opened + time * percent // 100, (Act.REMIND,)) for percent in clock.terms.reminders]
    again = clock.terms.default * 1000
    for request in range(1, clock.terms.requests + 1):
        first, last = request == 1, request == clock.terms.requests
        acts = ((Act.OVERDUE,) if first else ()) + ((Act.ESCALATE,) if last else (Act.ASK_AGAIN,))
        found.append(Stage(clock.due + (request - 1) * again, acts))
    return found


def taken(clock: Clock) -> Clock:
    """The recipient's program took the query (ContentHandover)."""
    return replace(clock, state=State.ACKNOWLEDGED) if clock.state is State.AWAITING else clock


def declined(clock: Clock, reason: Reason | None) -> Clock:
    """The recipient's program refused to take it (ContentHandoverFailure): nobody there will answer."""
    if clock.state in ENDED:
        return clock
    return replace(clock, state=State.REFUSED, reason=reason, next_at=None)


def answered(clock: Clock, digest: bytes, answer: Answer, until: int | None) -> Clock:
    """A message of the recipient's answers the query. `until` is in seconds, with more-time alone.

    More time is granted up to the longest that the terms have; a time that is earlier than the one in force changes
    nothing. What comes after a final answer changes nothing either.
    """
    if clock.state in ENDED:
        return clock
    clock = replace(clock, answer=digest)
    match answer:
        case Answer.FINAL:
            return replace(clock, state=State.ANSWERED, next_at=None)
        case Answer.REFUSED:
            return replace(clock, state=State.REFUSED, next_at=None)
        case Answer.MORE_TIME if until is not None:
            return _extended(clock, until * 1000)
        case _:
            return replace(clock, state=State.INTERIM) if clock.state in OPEN else clock


def _extended(clock: Clock, until: int) -> Clock:
    due = min(until, clock.opened + clock.terms.longest * 1000)
    if due <= clock.due:
        return replace(clock, state=State.MORE_TIME) if clock.state in OPEN else clock
    reminded = len(clock.terms.reminders)
    return _set(replace(clock, state=State.MORE_TIME, due=due, stage=min(clock.stage, reminded)))


def tick(clock: Clock, now: int) -> tuple[Clock, tuple[Act, ...]]:
    """What has to be done at `now`, and the clock once it is done. Reminders that time overtook are left out."""
    if clock.state in ENDED:
        return replace(clock, next_at=None), ()
    passed = [stage for stage in stages(clock)[clock.stage :] if stage.at <= now]
    if not passed:
        return _set(clock), ()
    acts = tuple(act for stage in passed for act in stage.acts if act is not Act.REMIND)
    state = clock.state
    if Act.OVERDUE in acts:
        state = State.OVERDUE
    if Act.ESCALATE in acts:
        state = State.ESCALATED
    done = replace(clock, stage=clock.stage + len(passed), state=state)
    return _set(done), acts or (Act.REMIND,)


def _set(clock: Clock) -> Clock:
    """The clock, with the time at which its next stage is."""
    left = stages(clock)[clock.stage :]
    return replace(clock, next_at=left[0].at if left else None)
