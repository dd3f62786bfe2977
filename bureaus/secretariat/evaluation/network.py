"""How bureaus used the network in an operation, from its record, verified with the network file alone.

The secretariat owns the operation and has its record (`bureaunet-gateway export`); it holds who asked whom, when, and
when that was answered, and never what. A record that does not verify is not evaluated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bureaus.auditor import audit, pinned
from bureaus.exercises.report import quantile
from schemas.codes import Answer
from schemas.errors import Misuse
from schemas.evidence import Event
from schemas.exchanges import Exchange, Report

if TYPE_CHECKING:
    from pydantic import JsonValue

WHEREABOUTS: Final = frozenset({"whereabouts.query", "whereabouts.response"})
_ENDS: Final = frozenset({Answer.FINAL, Answer.REFUSED})


@dataclass(slots=True)
class Traffic:
    """One bureau's, its units' with it."""

    sent: int = 0
    asked: int = 0
    """Questions that it asked, one for each recipient."""
    was_asked: int = 0
    answered: int = 0
    overdue: int = 0
    escalated: int = 0
    seconds: list[float] = field(default_factory=list)
    """From a question to its final answer to it."""

    def to_json(self) -> dict[str, JsonValue]:
        """With the quantiles in place of every time."""
        ordered = sorted(self.seconds)
        tenths: list[JsonValue] = [quantile(ordered, share / 10) for share in range(1, 10)]
        return {
            "sent": self.sent,
            "asked": self.asked,
            "was_asked": self.was_asked,
            "answered": self.answered,
            "overdue": self.overdue,
            "escalated": self.escalated,
            "answer_seconds": {"median": quantile(ordered, 0.5), "p99": quantile(ordered, 0.99), "tenths": tenths},
        }


@dataclass(frozen=True, slots=True)
class Network:
    """What a record shows of an operation's traffic."""

    by_bureau: Mapping[str, Traffic]
    contacts: int
    """Pairs of bureaus that exchanged anything."""
    whereabouts: int
    """Messages about somebody's whereabouts."""
    messages: int
    size: int
    """Of the tree that it was verified under."""

    def measured(self) -> dict[str, int]:
        """Counts, as an operation's measure keeps them."""
        return {"whereabouts": self.whereabouts, "contacts": self.contacts, "messages": self.messages}


def network(record: Path, pinned_file: Path, operation: str) -> Network:
    """What the record shows, once it verifies.

    Raises:
        Misuse: a file cannot be read, or the record is of another operation. Malformed, Untrusted: it does not verify.
    """
    verdict = audit(record, pinned(pinned_file))
    if verdict.error is not None or verdict.report is None:
        raise verdict.error or Misuse("the record shows nothing")
    if verdict.report.operation != operation:
        raise Misuse(f"the record is of {verdict.report.operation}, not of {operation}")
    return _shown(verdict.report)


def _shown(report: Report) -> Network:
    found: defaultdict[str, Traffic] = defaultdict(Traffic)
    met: set[frozenset[str]] = set()
    whereabouts = messages = 0
    for exchange in report.exchanges:
        for message in exchange.messages():
            messages += 1
            whereabouts += message.kind.partition("/")[0] in WHEREABOUTS
            found[message.sender.bureau].sent += 1
            met |= {frozenset((message.sender.bureau, who.bureau)) for who in message.deliveries}
        _count(exchange, found)
    contacts = sum(len(pair) > 1 for pair in met)
    return Network(dict(sorted(found.items())), contacts, whereabouts, messages, report.size)


def _count(exchange: Exchange, found: defaultdict[str, Traffic]) -> None:
    opening = exchange.opening
    finals = {reply.sender: reply.time for reply in reversed(exchange.replies) if reply.answer in _ENDS}
    clocked = any(delivery.clock for delivery in opening.deliveries.values())
    if opening.reply_by is None and not clocked and not any(reply.answer for reply in exchange.replies):
        return
    asker = found[opening.sender.bureau]
    for who, delivery in opening.deliveries.items():
        asked = found[who.bureau]
        asker.asked += 1
        asked.was_asked += 1
        at = next((time for sender, time in finals.items() if who.covers(sender) or sender.covers(who)), None)
        if at is not None:
            asked.answered += 1
            asked.seconds.append((at - opening.time) / 1000)
        events = [event for event, _ in delivery.clock]
        asked.overdue += Event.ANSWER_OVERDUE in events
        asked.escalated += Event.ESCALATED in events
