"""The part of the exchange that takes signed statements in: operations, directories, refusals.

Order of work: what is in force is read anew, the statement is verified against it, and one job of a batch keeps it with
its entry. Rules: the same bytes again have the first's index; two that contend for one version are settled by the
store, and the second hears `version-order`.
"""

from __future__ import annotations

from gateway.collector import Collector
from gateway.gatehouse import Gatehouse
from gateway.jobs import Payload, Result
from gateway.ports import Clock, Store
from gateway.trust import TrustKeeper, read_new_operation, read_new_preferences
from gateway.work import Publication
from schemas.errors import Forbidden, Reason, Unavailable, Untrusted
from schemas.identity import Address
from schemas.preferences import claimed_by


class Publishing:
    """Takes versions of statements; a base of the exchange, which has what it needs."""

    _store: Store
    _clock: Clock
    _keeper: TrustKeeper
    gatehouse: Gatehouse
    _collector: Collector[Payload, Result]

    async def publish_operation(self, link: Address, body: bytes) -> int:
        """Keep an operation's version, signed by its owner: the index of its entry; the same again has the first's.

        Raises:
            Malformed, Forbidden, Untrusted: as `trust.read_new_operation`. Unavailable: `link-quota`, too many in this
                minute; and others.
        """
        await self._keeper.refresh()
        now, size = self._clock.now(), await self._store.size()
        try:
            signed = read_new_operation(body, link, self._keeper.trust, now // 1000, size)
        except Untrusted as error:
            if error.reason is not Reason.VERSION_ORDER:  # its owner's, and not new: only then all versions are read
                raise
            known = [index for index, raw in await self._store.operations() if raw == body]
            if not known:
                raise
            return known[0]
        self._count(signed.operation.owner, now)
        return await self._publish(Publication(signed, body))

    async def publish_directory(self, body: bytes) -> int:
        """Keep a directory version signed by the authority: the index of its entry; the same again has the first's.

        Raises:
            Malformed, Untrusted: as schemas.directory.read_directory. Unavailable.
        """
        await self._keeper.refresh()
        known = [index for index, raw in await self._store.directories() if raw == body]
        if known:
            return known[0]
        return await self._publish(Publication(self._keeper.read_directory(body), body))

    async def publish_preferences(self, link: Address, body: bytes) -> int:
        """Keep a version of a participant's refusals: the index of its entry; the newest again has its own.

        Raises:
            Malformed, Forbidden, Untrusted: as `trust.read_new_preferences`. Unavailable: `link-quota`, too many in
                this minute; and others.
        """
        await self._keeper.refresh()
        owner = claimed_by(body)
        if not link.covers(owner):
            raise Forbidden(Reason.LINK_IDENTITY, "refusals are published by whom they are of")
        known = self._keeper.trust.preferences.get(owner)
        if known is not None and known.raw == body:
            return next(index for index, raw in await self._store.preferences() if raw == body)
        now, size = self._clock.now(), await self._store.size()
        signed = read_new_preferences(body, self._keeper.trust, now // 1000, size)
        self._count(owner, now)
        return await self._publish(Publication(signed, body))

    def _count(self, owner: Address, now: int) -> None:
        if not self.gatehouse.publishes(str(owner.bureau), now):
            raise Unavailable(Reason.LINK_QUOTA, "too many statements in this minute", retry_after=60)

    async def _publish(self, publication: Publication) -> int:
        index = await self._collector.put(publication, len(publication.raw), force=True)
        if not isinstance(index, int):
            raise Unavailable(Reason.STORE, "the statement was not kept")
        return index
