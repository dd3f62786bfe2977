"""An INFRA operation of the catalogue, as the statement that its owner signs and everybody keeps a copy of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from bureaus.exercises import catalogue
from schemas.codes import Handling, Purpose
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import Result, WhereaboutsQuery, WhereaboutsResponse
from schemas.operation import Member, Operation, Phase, Role, SignedOperation

_T = TypeVar("_T")
KINDS: Final = (WhereaboutsQuery.KIND, WhereaboutsResponse.KIND, Result.KIND)
PURPOSES: Final = (Purpose.ARREST, Purpose.LOCATION, Purpose.IDENTIFICATION)
HANDLING: Final = (Handling.H0, Handling.H1, Handling.H2, Handling.H3)


def first_version(
    operation: catalogue.Operation, bureaus: Sequence[Address], *, owner: Address, phase: Phase, now: int
) -> Operation:
    """Version 1 of the operation among these bureaus, from `now` (seconds since the epoch).

    Its organisations are observers: they receive and never ask.
    """
    members = [Member(owner, Role.OWNER, now)]
    members += [Member(bureau, Role.PARTICIPANT, now) for bureau in bureaus]
    members += [Member(Address.parse(code), Role.OBSERVER, now) for code in operation.organisations]
    return Operation(
        id=operation.id,
        version=1,
        previous=None,
        time=now,
        name=operation.name,
        owner=owner,
        phase=phase,
        members=tuple(members),
        kinds=KINDS,
        purposes=_with(PURPOSES, (operation.asking.purpose,)),
        handling=HANDLING,
    )


def next_version(there: SignedOperation, first: Operation) -> Operation | None:
    """What an exercise publishes where its operation is on the network already; None where that serves as it is.

    `first` is what it would be if it were not there. Nobody and nothing is taken out of an operation: what `first` has
    and the version `there` lacks is added, and the phase is that of `first`.

    Raises:
        Misuse: it belongs to another owner, or is over: then another id is needed.
    """
    now = there.operation
    if now.owner != first.owner:
        raise Misuse(f"the operation {now.id} is there, and is owned by {now.owner}: take another id for this exercise")
    if now.closed:
        raise Misuse(f"the operation {now.id} is there, and is over: take another id for this exercise")
    new = [one for one in first.members if now.member(one.address, first.time) is None]
    same = now.phase is first.phase and all(
        set(wanted) <= set(had)
        for wanted, had in (
            (first.kinds, now.kinds),
            (first.purposes, now.purposes),
            (first.handling, now.handling),
        )
    )
    if same and not new:
        return None
    return replace(
        now,
        version=now.version + 1,
        previous=there.hash,
        time=first.time,
        phase=first.phase,
        members=(*now.members, *new),
        kinds=_with(now.kinds, first.kinds),
        purposes=_with(now.purposes, first.purposes),
        handling=_with(now.handling, first.handling),
    )


def _with(had: tuple[_T, ...], wanted: tuple[_T, ...]) -> tuple[_T, ...]:
    return (*had, *(one for one in wanted if one not in had))
