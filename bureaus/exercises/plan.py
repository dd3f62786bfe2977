"""What an exercise will do, decided before anything starts: who takes part, who stays outside, which cases there are.

The same operation and seed give the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass

from bureaus.caseload import Caseload, make_caseload
from bureaus.exercises.catalogue import SECRETARIAT, Operation, countries, organisations, participants
from bureaus.sandbox.network import Seat
from schemas.directory import ParticipantKind
from schemas.errors import Misuse
from schemas.identity import Address

DEFAULT_SEED = 2011


@dataclass(frozen=True, slots=True)
class Plan:
    """An exercise."""

    operation: Operation
    members: tuple[Address, ...]
    """The bureaus that take part, each with cases of its own and asked about others'."""
    outsider: Address
    """A bureau of the network that does not take part: one of the deliberate wrongs is its."""
    caseload: Caseload

    @property
    def seats(self) -> tuple[Seat, ...]:
        """Everybody to enrol: the bureaus, the organisations, the secretariat and the outsider."""
        names = countries()
        bureaus = [Seat(code, f"NCB {names[code].name}") for code in (*self.members, self.outsider)]
        others = [
            Seat(Address.parse(code), organisations()[code].name, ParticipantKind.ORGANISATION)
            for code in self.operation.organisations
        ]
        secretariat = Seat(SECRETARIAT, "General Secretariat", ParticipantKind.SECRETARIAT)
        return (*bureaus, *others, secretariat)


def make_plan(
    operation: Operation, seed: int = DEFAULT_SEED, *, targets: int | None = None, bureaus: int | None = None
) -> Plan:
    """The exercise of an operation, or of a slice of it: fewer `targets`, the first so many `bureaus`.

    Raises:
        Misuse: a slice that is no slice, or fewer than three bureaus.
    """
    size = operation.participants if bureaus is None else bureaus
    aims = operation.targets if targets is None else targets
    if not 3 <= size <= operation.participants or not 1 <= aims <= operation.targets:
        raise Misuse(f"{operation.id} has 3 to {operation.participants} bureaus and 1 to {operation.targets} targets")
    sliced = operation.model_copy(update={"targets": aims, "participants": size})
    members = tuple(participants(sliced))
    away = {one.bureau for one in operation.disturbances if one.bureau is not None} - {str(code) for code in members}
    if away:
        raise Misuse(f"{operation.id} disturbs the links of {', '.join(sorted(away))}: a slice must have them")
    outsider = Address(next(code for code in sorted(countries()) if code not in participants(operation)))
    return Plan(sliced, members, outsider, make_caseload(sliced, members, seed))
