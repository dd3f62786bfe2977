"""The unit of work of a handler: what it sends goes out together with its completion, or not at all.

Inside a handler, `ask`, `tell` and `answer` seal at once and put what they sealed into the handler's unit; the one
commit at its end writes all of it. Nothing was sent before that commit, so nothing can be waited for: whoever tries
gets `Misuse`.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bureaus.store.sending import Posting
from schemas.errors import Misuse

if TYPE_CHECKING:
    from bureaus.exchange import Sent

_current: Final[ContextVar[Unit | None]] = ContextVar("unit", default=None)


@dataclass(slots=True, eq=False)
class Unit:
    """What one run of a handler sends. `owner` is the bureau it runs for."""

    owner: object
    sent: list[tuple[Sent, Posting]] = field(default_factory=list)
    closed: bool = False
    """The handler has ended: tasks that it left behind are outside."""

    def enter(self) -> None:
        """In the handler's own task: from here on what is sent joins this unit."""
        _current.set(self)


def current(owner: object) -> Unit | None:
    """The unit of the handler of this bureau that we are inside of, or None."""
    unit = _current.get()
    return unit if unit is not None and unit.owner is owner and not unit.closed else None


def refuse_waiting(owner: object, what: str) -> None:
    """Refuse to wait inside a handler.

    Raises:
        Misuse: we are inside of one.
    """
    if current(owner) is not None:
        raise Misuse(f"{what} cannot be awaited inside a handler: what it asks is sent when it has ended")
