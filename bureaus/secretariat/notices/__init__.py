"""Notices and diffusions: asked for, screened, published, changed, ended.

values.py      what the other rooms are told of: Published, Ended
words.py       words that a person must look at
rules.py       what screening looks for, rule by rule
states.py      from state to state
book.py        rows of the registry
intake.py      what bureaus send
acts.py        what people decide: for pages and commands
publishing.py  into force and out of it, and who is told
routine.py     what the service does by itself
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas.messages.notices import (
    DiffusionEnding,
    DiffusionPublication,
    NoticeInformation,
    NoticeRequest,
    NoticeUpdate,
    NoticeWithdrawal,
)

if TYPE_CHECKING:
    from bureaus.secretariat.office import Chore, Office


def register(office: Office) -> None:
    """Register the handlers of what bureaus send."""
    from bureaus.secretariat.notices.intake import Intake  # noqa: PLC0415  # values.py is imported without the room

    intake, on = Intake(office), office.bureau.on
    on(NoticeRequest)(intake.requested)
    on(NoticeInformation)(intake.informed)
    on(NoticeUpdate)(intake.updated)
    on(NoticeWithdrawal)(intake.withdrawn)
    on(DiffusionPublication)(intake.diffused)
    on(DiffusionEnding)(intake.diffusion_ended)


def chores(office: Office) -> Sequence[Chore]:
    """What the room does by itself."""
    from bureaus.secretariat.notices.routine import Chores  # noqa: PLC0415  # as above

    return Chores(office).all()
