"""The shipped fakes of what the console looks at besides messages (`gateway.ports_looks`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.adapters.memory.store import MemoryStore
from gateway.clocks import Clock, State
from gateway.ports_looks import Approval, Awaited, Condition, Presence
from schemas.identity import Address


class MemoryLooks:
    """A `gateway.ports_looks.Looks` beside a store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._heard: dict[Address, Presence] = {}

    async def awaited(self, asked: Awaited) -> Sequence[Clock]:
        """As the port says."""
        after = asked.after
        last = None if after is None else (*after[:2], after[2].bureau, after[2])
        found = [
            one
            for one in self._store.state.clocks.clocks.values()
            if one.state in asked.states
            and asked.bureau in {None, str(one.recipient.bureau)}
            and asked.urgency in {None, one.urgency}
            and (last is None or (one.due, *one.key) > last)
        ]
        return sorted(found, key=lambda one: (one.due, *one.key))[: asked.limit]

    async def answer_times(self) -> Mapping[Address, Sequence[int]]:
        """As the port says."""
        state, found = self._store.state, defaultdict[Address, list[int]](list)
        for one in state.clocks.clocks.values():
            if one.state is State.ANSWERED and one.answer in state.messages:
                found[one.recipient.bureau].append(max(0, state.messages[one.answer].received - one.opened))
        return found

    async def presences(self) -> Mapping[Address, Presence]:
        """As the port says."""
        return dict(self._heard)

    async def heard(self, seen: Sequence[Presence]) -> None:
        """As the port says."""
        for one in seen:
            before = self._heard.get(one.link)
            if before is None or before.time <= one.time:
                agent = one.agent or ("" if before is None else before.agent)
                self._heard[one.link] = replace(one, agent=agent)

    async def condition(self) -> Condition:
        """As the port says."""
        return Condition("memory", 0, "none", 1, 0, None, (), 0.0)


class MemoryApprovals:
    """A `gateway.ports_looks.Approvals` beside a store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._kept: dict[bytes, Approval] = {}

    async def bring(self, approval: Approval) -> None:
        """As the port says."""
        before = self._kept.get(approval.id, approval)
        self._kept[approval.id] = replace(before, statement=approval.statement)

    async def approval(self, id_: bytes) -> Approval | None:
        """As the port says."""
        found = self._kept.get(id_)
        return None if found is None else self._now(found)

    async def approvals(self, since: int, before: tuple[int, bytes] | None, limit: int) -> Sequence[Approval]:
        """As the port says."""
        found = sorted(self._kept.values(), key=lambda one: (one.made, one.id), reverse=True)
        page = [one for one in found if one.made >= since and (before is None or (one.made, one.id) < before)]
        return [self._now(one) for one in page[:limit]]

    async def about(self, act: str, subject: bytes) -> Sequence[Approval]:
        """As the port says."""
        named = [one for one in map(self._now, self._kept.values()) if (one.act, one.subject) == (act, subject)]
        return sorted((one for one in named if not one.used), key=lambda one: one.made, reverse=True)

    def _now(self, one: Approval) -> Approval:
        return replace(one, used=one.id in self._store.state.requests)
