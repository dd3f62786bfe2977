"""An operation's life: its phases, and its progress, as the statements that its owner signs (protocol section 2.5).

Order of a step: a person asks for it by command (`ask`: a row), the service makes the next version, signs and publishes
it, and marks the row with the version or with why it was refused. The progress follows by itself: where what is counted
differs from what the newest version says, a new one is published. Rules: phases go forward alone, planned to closed,
and may be passed over; nothing but phase, time and progress changes here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus import logs
from bureaus.secretariat import reports, tally
from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry.results import measure, statement, step
from schemas.errors import BureaunetError, Forbidden, Malformed, Misuse, Reason, Untrusted
from schemas.operation import Operation, Phase, SignedOperation, claimed
from schemas.progress import Objectives, Progress

_log: Final = logs.get(__name__)
ORDER: Final = tuple(Phase)
RECORD: Final = "record"
"""A measure of the network's traffic, from an operation's verified record."""
QUALITY: Final = ("quality-before", "quality-now", "quality-after")


@dataclass(frozen=True, slots=True)
class Step:
    """What a person asked for. `phase` None: that the progress is published now."""

    id: int
    operation: str
    phase: Phase | None
    who: str
    why: str
    time: int
    version: int | None
    """As which it was published."""
    refused: str | None


def register(office: Office) -> None:
    """Nothing comes in by message: who asks for a step is of our own staff."""


def chores(office: Office) -> Sequence[Chore]:
    """Steps as soon as they are asked for; progress from time to time."""
    return (
        Chore("operation steps", office.settings.steps_seconds, partial(take_steps, office), wakes=True),
        Chore("operation progress", office.settings.progress_seconds, partial(publish_progress, office)),
    )


async def ask(
    connection: AsyncConnection, operation: str, phase: Phase | None, *, who: str, why: str, now: int
) -> None:
    """Ask for a step, in the transaction of who asks; the service takes it."""
    values = {"operation": operation, "phase": phase, "who": who, "why": why, "time": now}
    await connection.execute(insert(step).values(**values))
    act = "asked for the progress" if phase is None else f"asked for {phase}"
    await audit.note(connection, time=now, who=who, act=act, subject=operation, why=why)


async def steps(connection: AsyncConnection, operation: str) -> list[Step]:
    """What was asked for of an operation, oldest first."""
    rows = await connection.execute(select(step).where(step.c.operation == operation).order_by(step.c.id))
    return [
        Step(
            row.id,
            row.operation,
            None if row.phase is None else Phase(row.phase),
            row.who,
            row.why,
            row.time,
            row.version,
            row.refused,
        )
        for row in rows
    ]


async def keep_measure(
    connection: AsyncConnection, operation: str, what: str, counts: Mapping[str, int], *, who: str, now: int
) -> None:
    """Keep what was measured; the newest of its sort counts."""
    values = {"operation": operation, "what": what, "counts": json.dumps(dict(counts)), "who": who, "time": now}
    await connection.execute(insert(measure).values(**values))
    await audit.note(connection, time=now, who=who, act=f"measured {what}", subject=operation)


async def measures(connection: AsyncConnection, operation: str) -> dict[str, tuple[int, dict[str, int]]]:
    """The newest measure of each sort: its time and its counts."""
    rows = await connection.execute(select(measure).where(measure.c.operation == operation).order_by(measure.c.id))
    return {row.what: (row.time, json.loads(row.counts)) for row in rows}


async def progress(connection: AsyncConnection, operation: str, now: int, *, exercise: bool = False) -> Progress:
    """What the operation came to by `now`, by what bureaus reported and what was measured."""
    cases = await reports.standing(connection, operation, exercise=exercise)
    found = await measures(connection, operation)
    traffic = found.get(RECORD, (0, {}))[1]
    quality = max((found[what] for what in QUALITY if what in found), default=(0, {}), key=lambda one: one[0])[1]
    objectives = Objectives(
        whereabouts=traffic.get("whereabouts", 0),
        contacts=max(traffic.get("contacts", 0), tally.contacts(cases)),
        notices=quality.get("notices", 0),
        notices_complete=quality.get("notices_complete", 0),
        records=quality.get("records", 0),
        records_complete=quality.get("records_complete", 0),
    )
    return Progress(now, objectives, tally.totals(cases))


def following(there: SignedOperation, phase: Phase | None, said: Progress, now: int) -> Operation:
    """The next version.

    Raises:
        Misuse: the operation is past that phase.
    """
    newest = there.operation
    wanted = newest.phase if phase is None else phase
    if ORDER.index(wanted) < ORDER.index(newest.phase):
        raise Misuse(f"{newest.id} is {newest.phase}: it does not go back to {wanted}")
    return replace(newest, version=newest.version + 1, previous=there.hash, time=now, phase=wanted, progress=said)


# ------------------------------------------------------------------------------------------ the service


async def take_steps(office: Office) -> None:
    """Take every step that waits, oldest first; keep our operations' versions where staff can read them."""
    await keep_versions(office)
    async with office.registry.reading() as connection:
        waiting = select(step).where(step.c.version.is_(None), step.c.refused.is_(None)).order_by(step.c.id)
        rows = list(await connection.execute(waiting))
    for row in rows:
        outcome = await _take(office, row.operation, None if row.phase is None else Phase(row.phase))
        if outcome is None:
            continue
        await keep_versions(office)
        async with office.registry.writing() as connection:
            await connection.execute(update(step).where(step.c.id == row.id).values(**outcome))
            act = "published a version" if "version" in outcome else "refused a step"
            why = str(outcome.get("refused") or f"version {outcome.get('version')}")
            subject = str(row.operation)
            await audit.note(connection, time=office.now(), who=audit.SERVICE, act=act, subject=subject, why=why)


async def keep_versions(office: Office) -> None:
    """Keep every version of our operations in the registry, as it was signed: the bureau's store is the service's."""
    ours = {
        name: versions
        for name, versions in office.bureau.trust.operations.items()
        if name != office.operation and versions and versions[-1].signed.operation.owner == office.bureau.address
    }
    async with office.registry.reading() as connection:
        query = select(statement.c.operation, func.max(statement.c.version)).group_by(statement.c.operation)
        kept = {str(row[0]): int(row[1]) for row in await connection.execute(query)}
    new = [
        {"operation": name, "version": one.signed.operation.version, "raw": one.signed.raw}
        for name, versions in ours.items()
        for one in versions
        if one.signed.operation.version > kept.get(name, 0)
    ]
    if new:
        async with office.registry.writing() as connection:
            await connection.execute(insert(statement), new)


async def versions(connection: AsyncConnection, operation: str) -> list[Operation]:
    """Every version of an operation of ours that is kept, oldest first.

    Raises:
        Misuse: none is.
    """
    query = select(statement.c.raw).where(statement.c.operation == operation).order_by(statement.c.version)
    found = [claimed(bytes(raw)) for (raw,) in await connection.execute(query)]
    if not found:
        raise Misuse(f"{operation} is no operation of ours, or the service has not run since it was opened")
    return found


async def _take(office: Office, operation: str, phase: Phase | None) -> dict[str, int | str] | None:
    """What becomes of a step; None where another version was published meanwhile, and the next run takes it."""
    try:
        made = await _publish(office, _ours(office, operation), phase)
    except (Misuse, Forbidden, Malformed, Untrusted) as error:
        if error.reason is Reason.VERSION_ORDER:
            await office.bureau.refresh()
            return None
        return {"refused": error.detail or str(error.reason)}
    return {"version": made.version}


async def publish_progress(office: Office) -> None:
    """Publish what is counted where it differs from what the newest version of an operation of ours says."""
    for name in sorted(office.bureau.trust.operations):
        there = office.bureau.trust.operations[name][-1].signed
        ours = there.operation.owner == office.bureau.address and not there.operation.closed
        if not ours or (name == office.operation) is office.standing:  # of an exercise, its own operation alone
            continue
        said = there.operation.progress or Progress(0)
        now = await _counted(office, there.operation)
        if (now.objectives, now.results) == (said.objectives, said.results):
            continue
        try:
            await _publish(office, there, None)
        except BureaunetError as error:
            _log.warning("the progress could not be published", operation=name, reason=error.reason)


async def _counted(office: Office, operation: Operation) -> Progress:
    exercise = operation.training and not office.bureau.trust.network.genesis.exercise
    async with office.registry.reading() as connection:
        return await progress(connection, operation.id, office.now(), exercise=exercise)


async def _publish(office: Office, there: SignedOperation, phase: Phase | None) -> Operation:
    made = following(there, phase, await _counted(office, there.operation), office.now())
    await office.bureau.publish_operation(made)
    return made


def _ours(office: Office, operation: str) -> SignedOperation:
    versions = office.bureau.trust.operations.get(operation)
    if not versions or versions[-1].signed.operation.owner != office.bureau.address:
        raise Misuse(f"{operation} is no operation of ours")
    return versions[-1].signed


def counts(said: Progress) -> dict[str, int]:
    """The objectives and results by name."""
    return asdict(said.objectives) | asdict(said.results)
