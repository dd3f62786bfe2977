"""What the commands about operations share: making the next version of one, and showing it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from bureaus.client import Bureau
from bureaus.commands.shared import Row, emit, run
from schemas.answer_times import AnswerTime
from schemas.errors import Misuse
from schemas.operation import Operation
from schemas.reviews import Review


def publish(
    ctx: click.Context, home: Path, identifier: str, change: Callable[[Operation, int], Operation], *, as_json: bool
) -> None:
    """Publish the next version: `change` makes it of the newest one and of the time in seconds."""

    async def work() -> tuple[Operation, Review]:
        async with Bureau.open(home) as bureau:
            trust = await bureau.refresh()
            versions = trust.operations.get(identifier)
            if not versions:
                raise Misuse(f"there is no operation {identifier}")
            last, now = versions[-1].signed, int(time.time())
            following = replace(last.operation, version=last.operation.version + 1, previous=last.hash, time=now)
            await bureau.publish_operation(change(following, now))
            return known(bureau, identifier)

    show_operation(*run(ctx, work), as_json=as_json)


def known(bureau: Bureau, identifier: str) -> tuple[Operation, Review]:
    """An operation as this bureau verified it, and when it is due for review."""
    found = bureau.trust.operation(identifier)
    if found is None:
        raise Misuse(f"there is no operation {identifier}")
    return found, next(one for one in bureau.trust.reviews() if one.operation == identifier)


def review_row(review: Review, now: int) -> Row:
    """When an operation is due for review, for machines."""
    standing = "over" if review.over(now) else "due" if review.asked(now) else "later"
    return {"review": _day(review), "review-is": standing}


def review_words(review: Review, now: int) -> str:
    """The same for people."""
    if review.over(now):
        return f"REVIEW OVER since {_day(review)}"
    if review.asked(now):
        return f"REVIEW DUE on {_day(review)}, in {review.days(now)} days"
    return f"review on {_day(review)}"


def _day(review: Review) -> str:
    return datetime.fromtimestamp(review.due, UTC).date().isoformat()


def show_operation(shown: Operation, due: Review, *, as_json: bool) -> None:
    """Print an operation."""
    now = int(time.time())
    row: Row = {
        "event": "operation",
        "id": shown.id,
        "version": shown.version,
        "name": shown.name,
        "owner": shown.owner,
        "phase": shown.phase,
        "members": [{"address": m.address, "role": m.role, "since": m.since, "until": m.until} for m in shown.members],
        "kinds": list(shown.kinds),
        "purposes": list(shown.purposes),
        "handling": list(shown.handling),
        "retention": shown.retention,
        "times": [asdict(one) for one in shown.times],
        "progress": None if shown.progress is None else asdict(shown.progress),
        **review_row(due, now),
    }
    members = ", ".join(f"{member.address} ({member.role})" for member in shown.members)
    text = (
        f"{shown.id}  {shown.name}\n  version   {shown.version}, {shown.phase}\n  owner     {shown.owner}\n"
        f"  members   {members}\n  kinds     {', '.join(shown.kinds)}\n  purposes  {', '.join(shown.purposes)}\n"
        f"  handling  {', '.join(shown.handling)}\n  retention {shown.retention} days\n"
        f"  review    {review_words(due, now)}"
    )
    text += "".join(f"\n  answers   {time_words(one)}" for one in shown.times)
    emit(row, text, as_json=as_json)


def time_words(one: AnswerTime) -> str:
    """How long an answer may take, for people."""
    reminders = ", ".join(f"{percent}%" for percent in one.reminders) or "none"
    again = f", asked {one.requests} times" if one.requests > 1 else ""
    return (
        f"{one.family}, {one.urgency}: within {one.default} s, at most {one.longest} s; reminders: {reminders}{again}"
    )
