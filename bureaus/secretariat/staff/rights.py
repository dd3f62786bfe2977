"""What a member of staff may do. A person may have several rights; none follows from another."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from schemas.errors import Misuse


class Right(StrEnum):
    """One right each."""

    SCREENER = "screener"
    """Screens requests for notices: asks for more, refuses, finds them in order."""
    PUBLISHER = "publisher"
    """Publishes what was found in order; a red notice needs two."""
    DUTY = "duty"
    """Duty officer of the Command and Coordination Centre."""
    FUGITIVE = "fugitive"
    """The fugitive unit: public appeals and tips."""
    EVALUATOR = "evaluator"
    """Reads what is published, what is due, and the audit; changes nothing."""


def parse(names: Iterable[str]) -> frozenset[Right]:
    """Rights by their names.

    Raises:
        Misuse: there is no such right, or none is given.
    """
    try:
        found = frozenset(Right(name) for name in names)
    except ValueError:
        raise Misuse(f"a right is one of {', '.join(Right)}") from None
    if not found:
        raise Misuse("somebody on the staff has one right at least")
    return found


def spell(rights: Iterable[Right]) -> str:
    """As the registry keeps them."""
    return " ".join(sorted(rights))
