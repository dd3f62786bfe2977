"""What a batch means to the answer clocks, within its own transaction.

Order of work: each accepted message that awaits answers opens its clocks; then the clocks that the batch touches are
locked, in key order, and moved: by answers in the batch's order, then by handovers. An answer moves the clocks whose
recipients its sender speaks for; a handover moves that of its own recipient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from gateway import deadlines
from gateway.clocks import Clock, Terms
from gateway.ports import Handover, Transaction
from schemas.answer_times import AnswerTime
from schemas.codes import Urgency
from schemas.envelope import Statement
from schemas.evidence import Outcome
from schemas.identity import Address

Own: TypeAlias = Mapping[str, Sequence[AnswerTime]]
"""Operation -> the times that it sets itself."""
_Terms: TypeAlias = Mapping[str, Mapping[Urgency, Terms]]
_Clocks: TypeAlias = dict[tuple[bytes, Address, Address], Clock]


async def record(
    transaction: Transaction, accepted: Sequence[Statement], handed: Sequence[Handover], now: int, own: Own
) -> dict[int, Clock]:
    """Open the clocks of what was accepted, and move those that answers and handovers touch.

    Those that a handover ended, because the recipient's program refused the query, by the handover's place in `handed`.

    Raises:
        Unavailable: `store`.
    """
    by_kind = {operation: terms_by_kind(times) for operation, times in own.items()}
    await transaction.open_clocks([clock for statement in accepted for clock in _opened(statement, now, by_kind)])
    answers = [statement for statement in accepted if statement.header.answer is not None]
    keys = [(statement.header.re, statement.header.iss.bureau) for statement in answers]
    wanted = [(query, bureau) for query, bureau in keys if query is not None]
    wanted += [(handover.key[0], handover.key[1].bureau) for handover in handed]
    before = {clock.key: clock for clock in await transaction.lock_clocks(wanted)}
    after = dict(before)
    for statement in answers:
        _answer(after, statement)
    declined = {place: clock for place, one in enumerate(handed) if (clock := _hand_over(after, one)) is not None}
    await transaction.save_clocks([clock for key, clock in after.items() if clock != before[key]])
    return declined


def terms_by_kind(times: Iterable[AnswerTime]) -> _Terms:
    """An operation's own times, as `deadlines.terms_of` takes them."""
    found: dict[str, dict[Urgency, Terms]] = {}
    for time in times:
        found.setdefault(time.family, {})[time.urgency] = Terms(
            time.default, time.longest, time.reminders, time.requests
        )
    return found


def _opened(statement: Statement, now: int, own: Mapping[str, _Terms]) -> list[Clock]:
    header = statement.header
    terms = deadlines.terms_of(header, own.get(header.sub, {}))
    return [] if terms is None else deadlines.start(statement.digest, header, now, terms)


def _answer(clocks: _Clocks, statement: Statement) -> None:
    header = statement.header
    if header.re is None or header.answer is None:
        return
    for key, clock in clocks.items():
        if clock.query == header.re and header.iss.covers(clock.recipient):
            clocks[key] = deadlines.answered(clock, statement.digest, header.answer, header.until)


def _hand_over(clocks: _Clocks, handover: Handover) -> Clock | None:
    """Move the recipient's clock: as it is then, if the handover ended it."""
    digest, recipient = handover.key
    key = digest, recipient.bureau, recipient
    clock = clocks.get(key)
    if clock is None:
        return None
    said = handover.signed.acknowledgement
    refused = said.outcome is Outcome.REFUSED
    clocks[key] = deadlines.declined(clock, said.reason) if refused else deadlines.taken(clock)
    return clocks[key] if refused and clocks[key] != clock else None
