"""What an exercise will do, decided before anything starts: who takes part, who stays outside, which cases there are.

The same operation and seed give the same plan.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from bureaus.caseload import Case, Caseload, make_caseload
from bureaus.exercises.catalogue import SECRETARIAT, Operation, countries, organisations, participants
from bureaus.sandbox.network import Seat
from schemas.codes import Urgency
from schemas.directory import Link, ParticipantKind
from schemas.errors import Misuse
from schemas.identity import Address

DEFAULT_SEED = 2011
DESKS = ("ccc", "fugitives")
"""The secretariat's units: the duty desk, which escalations come to, and the desk for tips."""
STRANGER = "STRANGER"
"""An organisation of no exercise, for those in which every country takes part."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An exercise."""

    operation: Operation
    members: tuple[Address, ...]
    """The bureaus that take part, each with cases of its own and asked about others'."""
    outsider: Address
    """A bureau of the network that does not take part: one of the deliberate wrongs is its."""
    caseload: Caseload
    units: tuple[Address, ...] = ()
    """Units of members: they ask about their bureaus' cases, and are asked nothing."""

    @property
    def askers(self) -> tuple[Address, ...]:
        """Everybody who may ask."""
        return (*self.members, *self.units)

    @property
    def seats(self) -> tuple[Seat, ...]:
        """Everybody to enrol: the bureaus, their units, the organisations, the secretariat and the outsider."""
        names = countries()
        there = [code for code in (*self.members, self.outsider) if code in names]
        units: defaultdict[Address, list[str]] = defaultdict(list)
        for unit in self.units:
            units[unit.bureau].append(unit.unit or "")
        bureaus = [Seat(code, f"NCB {names[code].name}", units=tuple(units[code])) for code in there]
        posts = [Seat(unit, f"{unit}, a unit", ParticipantKind.UNIT, link=Link.HTTP) for unit in self.units]
        known = {**{code: one.name for code, one in organisations().items()}, STRANGER: "An organisation outside"}
        strange = () if self.outsider in names else (str(self.outsider),)
        others = [
            Seat(Address.parse(code), known[code], ParticipantKind.ORGANISATION)
            for code in (*self.operation.organisations, *strange)
        ]
        secretariat = Seat(SECRETARIAT, "General Secretariat", ParticipantKind.SECRETARIAT, units=DESKS)
        return (*bureaus, *posts, *others, secretariat)


def _outside(operation: Operation) -> Iterator[str]:
    """Who may be the outsider."""
    yield from sorted(countries())
    yield from sorted(set(organisations()) - set(operation.organisations))
    yield STRANGER


def urgent(plan: Plan, case: Case) -> bool:
    """Whether a case is asked about as urgent, on the virtual clock: by the asking's urgency and share."""
    asking = plan.operation.asking
    if asking.urgency is Urgency.URGENT:
        return True
    drawn = random.Random(f"{plan.caseload.seed} {case.reference} urgency").random()  # no secret
    return drawn < asking.urgent_share


def asker(plan: Plan, case: Case) -> Address:
    """Who asks about a case: its owner, or one of its owner's units, drawn from the seed."""
    units = [unit for unit in plan.units if unit.bureau == case.owner]
    if not units:
        return case.owner
    return random.Random(f"{plan.caseload.seed} {case.reference} unit").choice(units)  # no secret


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
    units = tuple(unit for unit in map(Address.parse, operation.units) if unit.bureau in members)
    there = {str(code) for code in (*members, *units)}
    away = {one.bureau for one in operation.disturbances if one.bureau is not None} - there
    if away:
        raise Misuse(f"{operation.id} disturbs the links of {', '.join(sorted(away))}: a slice must have them")
    outsider = Address(next(code for code in _outside(operation) if code not in participants(operation)))
    return Plan(sliced, members, outsider, make_caseload(sliced, members, seed), units)
