"""How a request and a notice move from state to state: pure.

    request  waiting -> more-information -> waiting     asked, and answered; the bureau may also send more by itself
             waiting -> approved -> published           by as many people as it needs
             waiting, more-information -> refused
    notice   in-force -> withdrawn | expired
             in-force -> ending -> cancelled            by a person, then said by the service

Rule: what is decided stays decided. New information makes approvals of what was there before void.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bureaus.secretariat.notices.values import NoticeState, RequestState
from schemas.errors import Misuse
from schemas.messages.notice_codes import Ending


class Act(StrEnum):
    """What happens to a request."""

    ASK = "ask for more"
    INFORM = "take more"
    REFUSE = "refuse"
    APPROVE = "approve"
    PUBLISH = "publish"


_NEXT: Final[Mapping[tuple[RequestState, Act], RequestState]] = MappingProxyType(
    {
        (RequestState.WAITING, Act.ASK): RequestState.MORE,
        (RequestState.WAITING, Act.INFORM): RequestState.WAITING,
        (RequestState.MORE, Act.INFORM): RequestState.WAITING,
        (RequestState.WAITING, Act.REFUSE): RequestState.REFUSED,
        (RequestState.MORE, Act.REFUSE): RequestState.REFUSED,
        (RequestState.WAITING, Act.APPROVE): RequestState.APPROVED,
        (RequestState.APPROVED, Act.PUBLISH): RequestState.PUBLISHED,
    }
)
OPEN: Final = frozenset({RequestState.WAITING, RequestState.MORE})
"""A person has still to decide."""
ENDINGS: Final[Mapping[Ending, NoticeState]] = MappingProxyType(
    {
        Ending.WITHDRAWN: NoticeState.WITHDRAWN,
        Ending.CANCELLED: NoticeState.CANCELLED,
        Ending.EXPIRED: NoticeState.EXPIRED,
    }
)


def after(state: RequestState, act: Act, *, people: int = 1, needed: int = 1) -> RequestState:
    """The state after an act; `people` approved by then, of the `needed` different ones.

    Raises:
        Misuse: that cannot be done with a request in this state.
    """
    following = _NEXT.get((state, act))
    if following is None:
        raise Misuse(f"a request that is {state} cannot be made to {act}")
    if act is Act.APPROVE and people < needed:
        return state
    return following


def ended(state: NoticeState, ending: Ending) -> NoticeState:
    """The state of a notice that ends.

    Raises:
        Misuse: it is not in force.
    """
    from_here = {NoticeState.IN_FORCE, NoticeState.ENDING} if ending is Ending.CANCELLED else {NoticeState.IN_FORCE}
    if state not in from_here:
        raise Misuse(f"it is not in force: {state}")
    return ENDINGS[ending]
