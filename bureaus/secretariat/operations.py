"""An INFRA operation of the catalogue, as the statement that its owner signs and everybody keeps a copy of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bureaus.exercises import catalogue
from schemas.codes import Handling, Purpose
from schemas.identity import Address
from schemas.messages import Result, WhereaboutsQuery, WhereaboutsResponse
from schemas.operation import Member, Operation, Phase, Role

KINDS: Final = (WhereaboutsQuery.KIND, WhereaboutsResponse.KIND, Result.KIND)
PURPOSES: Final = (Purpose.ARREST, Purpose.LOCATION, Purpose.IDENTIFICATION)
HANDLING: Final = (Handling.H0, Handling.H1, Handling.H2)


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
        purposes=PURPOSES,
        handling=HANDLING,
    )
