"""What a bureau took in before and goes back to: a message to be answered late, and groups that the secretariat lists.

Groups are read from the messages themselves, which the store keeps: of each name the highest version that a secretariat
sent. Nothing else is stored, so that nothing can differ from what was signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from bureaus.store import receiving
from schemas.directory import ParticipantKind
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.group import NetworkGroup

if TYPE_CHECKING:
    from bureaus.desk import OpenBureau
    from bureaus.exchange import Received

GROUP: Final = "@"
"""What a group's name stands behind, where an address is meant otherwise."""


class Recalling:
    """The part of a `Bureau` that finds again what came."""

    @property
    def _parts(self) -> OpenBureau:
        raise NotImplementedError

    async def received(self, digest: bytes) -> Received:
        """A message that came before, by its digest: to answer it now, as within its handler.

        Raises:
            Misuse: none came under this digest.
        """
        kept = await self._parts.store.run(receiving.find, digest)
        if kept is None:
            raise Misuse("no such message came to us")
        return self._parts.view(kept)

    async def groups(self) -> Mapping[str, NetworkGroup]:
        """The groups that a secretariat published to us, by name, in their newest versions."""
        parts = self._parts
        newest: dict[str, NetworkGroup] = {}
        for kept in await parts.store.run(receiving.of_kind, NetworkGroup.KIND):
            received = parts.view(kept)
            row, group = parts.keeper.trust.directory.find(received.sender), received.message
            if not isinstance(group, NetworkGroup) or row is None or row.kind is not ParticipantKind.SECRETARIAT:
                continue
            if group.name not in newest or newest[group.name].version < group.version:
                newest[group.name] = group
        return {name: group for name, group in sorted(newest.items()) if group.members}

    async def expand(self, to: Sequence[str], operation: str) -> list[str]:
        """Addresses, with each `@NAME` replaced by that group's members who may be written to in `operation`.

        We ourselves are left out of a group; what is named outside of one stays as it is. Each address once.

        Raises:
            Misuse: nobody is named; there is no such group, or nobody of it is in the operation.
        """
        if isinstance(to, str) or not to:
            raise Misuse("`to` is a list of one address or more")
        if not any(one.startswith(GROUP) for one in to):
            return list(to)
        groups, found = await self.groups(), dict[str, None]()
        for one in to:
            if one.startswith(GROUP):
                found |= dict.fromkeys(self._members(groups, one.removeprefix(GROUP), operation))
            else:
                found[one] = None
        return list(found)

    def _members(self, groups: Mapping[str, NetworkGroup], name: str, operation: str) -> list[str]:
        if name not in groups:
            raise Misuse(f"the secretariat published no group {name} to us; there are {', '.join(groups) or 'none'}")
        trust, now = self._parts.keeper.trust, self._parts.now() // 1000
        known = trust.operation(operation)

        def reached(address: Address) -> bool:
            member = None if known is None else known.member(address, now)
            return member is not None and member.receives and trust.directory.find(address) is not None

        own = self._parts.who.address
        members = [str(one) for one in groups[name].members if one != own and reached(one)]
        if not members:
            raise Misuse(f"nobody else of the group {name} is in the operation {operation}")
        return members
