"""One exchange as a timeline: who did what, when, by the gateway's clock; what is missing stands first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from markupsafe import Markup

from bureaus.page import parts, words
from schemas.exchanges import Delivery, Exchange, Message

STEPS_SHOWN: Final = 500
"""Of one exchange."""
_COLUMNS: Final = ("Time (UTC)", "Who", "What happened", "Evidence")


def lacking(exchange: Exchange) -> list[str]:
    """What is missing in an exchange, one sentence each; empty where nothing is."""
    said = [f"{who} has not given a final answer." for who in exchange.unanswered]
    for message in exchange.messages():
        what = f"the {words.kind(message.kind)} of {message.sender}"
        owing = (side for side in message.deliveries.values() if side.missing)
        said += [f"{side.recipient} {words.missing(side.missing or '')} of {what}." for side in owing]
        if message.sealed_missing:
            said.append(f"The sealed content of {what} is not in the record, and nothing says that it was erased.")
        if message.void:
            said.append(f"The key under {what} was revoked from before it on: it was accepted then, and is void now.")
    return said


def show(number: int, exchange: Exchange, *, opened: bool) -> Iterator[Markup]:
    """An exchange that can be opened and closed."""
    opening, missing = exchange.opening, lacking(exchange)
    state = (
        Markup('<strong class="bad">incomplete</strong>') if missing else Markup('<span class="good">complete</span>')
    )
    yield Markup('<details id="e{}"{}><summary>{}. {}: <strong>{}</strong> to {}, {}, {}; {}</summary>\n').format(
        number,
        Markup(" open") if opened else "",
        number,
        parts.moment(opening.time),
        opening.sender,
        ", ".join(opening.deliveries),
        words.kind(opening.kind),
        parts.counted(len(exchange.replies), "reply", "replies"),
        state,
    )
    for sentence in missing:
        yield Markup('<p class="bad">Missing: {}</p>\n').format(sentence)
    yield Markup("<p>Purpose: {}. Handling: {} ({}).{}</p>\n").format(
        words.PURPOSES[opening.purpose],
        words.HANDLING[opening.handling],
        opening.handling,
        " This was an exercise." if opening.exercise else "",
    )
    steps = sorted(_steps(exchange), key=lambda step: step[0])
    rows = ((parts.moment(time), who, what, evidence) for time, who, what, evidence in steps[:STEPS_SHOWN])
    yield from parts.table(f"Exchange {number}, step by step", _COLUMNS, rows)
    if len(steps) > STEPS_SHOWN:
        yield Markup("<p>The first {} of {} are shown; the JSON has them all.</p>\n").format(
            STEPS_SHOWN, parts.counted(len(steps), "step")
        )
    yield Markup("</details>\n")


def _steps(exchange: Exchange) -> Iterator[tuple[int, str, str, object]]:
    for message in exchange.messages():
        said = _said(message)
        evidence = Markup('<span class="quiet">entry {}, {}</span>').format(message.index, parts.digest(message.digest))
        yield message.time, message.sender, said, evidence
        for side in message.deliveries.values():
            yield from _side(message, side)
        what = f"the {words.kind(message.kind)} of {message.sender}"
        for time, happened in (
            (message.expired, f"noted that {what} expired"),
            (message.erased, f"erased the sealed content of {what}"),
        ):
            if time is not None:
                yield time, "gateway", happened, ""


def _said(message: Message) -> str:
    what = f"sent a signed {words.kind(message.kind)} to {', '.join(message.deliveries)}, which was accepted"
    if message.answer is not None:
        what += f": {words.ANSWERS[message.answer]}"
    return f"{what} (void now)" if message.void else what


def _side(message: Message, side: Delivery) -> Iterator[tuple[int, str, str, object]]:
    what = f"the {words.kind(message.kind)} of {message.sender}"
    if side.consigned is not None:
        yield side.consigned, "gateway", f"placed a copy of {what} in the inbox of {side.recipient}", ""
    for event, time in side.clock:
        yield time, "gateway", words.CLOCK[event].format(side.recipient, what), ""
    reason = f" ({side.reason})" if side.reason is not None else ""
    if side.given_up is not None:
        why = "" if side.late else reason
        yield side.given_up, "gateway", f"could not deliver {what} to {side.recipient}{why}", ""
    late = ", although the gateway had given it up" if side.late else ""
    if side.handed_over is not None:
        yield side.handed_over, side.recipient, f"confirmed, signed, that it has {what}{late}", ""
    if side.failed is not None and (side.late or side.given_up is None):
        yield side.failed, side.recipient, f"refused, signed, {what}{reason}{late}", ""
