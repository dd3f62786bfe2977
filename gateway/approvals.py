"""Requests of operators that were brought to the gateway: what waits for a second person, and what may act.

Order of work: an operator makes and signs a request at home (gateway/two_people.py) and brings the file; the other
takes the file from here, signs it at home and brings it again; when enough have signed, whoever acts needs no file any
more. Rules: a file is kept when it verifies against the list of operators in force, in its time, not used before;
signatures under one request are joined; nothing here signs, and no private key comes here. What acts checks all again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from gateway import two_people
from gateway.ports import Clock, Store
from gateway.ports_looks import Approval, Approvals
from gateway.two_people import LIFETIME, Act, Operators
from schemas.errors import BureaunetError, Forbidden, Reason
from schemas.network import Network
from schemas.threshold import Holders

LOOK_SECONDS = 60.0
"""Between two counts for the metrics."""
_MOST = 500
"""Requests that are counted."""


class Standing(StrEnum):
    """Where a request stands."""

    WAITS = "waits"
    """For somebody's signature."""
    READY = "ready"
    """Enough have signed; nobody has acted."""
    USED = "used"
    EXPIRED = "expired"
    VOID = "void"
    """Somebody who signed it is no operator any more."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request as people look at it."""

    kept: Approval
    signers: tuple[str, ...]
    """Names of the operators who signed."""
    needed: int
    until: int
    """Milliseconds since the epoch."""
    standing: Standing


class Requests:
    """The requests of one gateway."""

    def __init__(
        self,
        home: Path,
        store: Store,
        kept: Approvals,
        clock: Clock,
        network: Network,
        holders: Callable[[], Holders | None],
    ) -> None:
        """`holders` are in the authority's office now."""
        self._home, self._store, self._kept, self._clock = home, store, kept, clock
        self._network, self._holders = network, holders

    async def operators(self) -> Operators | None:
        """Who they are; None where the authority named none.

        Raises:
            Malformed, Untrusted, Unavailable: as `two_people.operators_of`.
        """
        return await two_people.operators_of(self._home, self._store, self._network, self._holders())

    async def bring(self, data: bytes, account: str, why: str) -> Waiting:
        """Keep a request, or more signatures under one that is kept.

        Raises:
            Forbidden: `threshold`, the authority named no operators; `not-current`, it is too old or of the future;
                `request-used`. Malformed, Untrusted: as `two_people.signed_by`. Unavailable.
        """
        operators = await self.operators()
        if operators is None:
            raise Forbidden(Reason.THRESHOLD, "the authority has listed no operators: nobody's signature could count")
        request, _ = two_people.signed_by(operators, data, self._network)
        now = self._clock.now() // 1000
        if not now - LIFETIME <= request.time <= now + two_people.SKEW:
            raise Forbidden(Reason.NOT_CURRENT, "the operators' request is too old, or of the future")
        before = await self._kept.approval(request.id)
        if before is not None and before.used:
            raise Forbidden(Reason.REQUEST_USED, "the operators' request acted before: make another")
        statement = data if before is None else two_people.merged(before.statement, data)
        made = request.time * 1000
        approval = Approval(request.id, str(request.act), request.subject, made, statement, account, why)
        await self._kept.bring(approval)
        return self._waiting(await self._kept.approval(request.id) or approval, operators)

    async def one(self, id_: bytes) -> Waiting | None:
        """One.

        Raises:
            Unavailable: `store`.
        """
        found, operators = await self._kept.approval(id_), await self.operators()
        return None if found is None else self._waiting(found, operators)

    async def listed(self, before: tuple[int, bytes] | None, limit: int) -> Sequence[Waiting]:
        """Those of twice a request's lifetime, newest first.

        Raises:
            Unavailable: `store`.
        """
        since = self._clock.now() - 2 * LIFETIME * 1000
        operators = await self.operators()
        return [self._waiting(one, operators) for one in await self._kept.approvals(since, before, limit)]

    async def about(self, act: Act, subject: bytes) -> Sequence[Waiting]:
        """Those that have not acted, for an act on these bytes, newest first.

        Raises:
            Unavailable: `store`.
        """
        found, operators = await self._kept.about(str(act), hashlib.sha256(subject).digest()), await self.operators()
        return [self._waiting(one, operators) for one in found]

    async def ready(self, act: Act, subject: bytes) -> bytes | None:
        """A request for an act on these bytes that enough operators signed, and that has its time.

        Raises:
            Unavailable: `store`.
        """
        found = (one for one in await self.about(act, subject) if one.standing is Standing.READY)
        return next((one.kept.statement for one in found), None)

    async def rest(self, act: Act, subject: bytes) -> None:
        """Check and record the request that an act on these bytes rests on: it acts now, and never again.

        Raises:
            Forbidden: `threshold`, not enough operators signed, or there are none; `request-used`. Unavailable.
        """
        operators = await self.operators()
        if operators is None:
            raise Forbidden(Reason.THRESHOLD, "this takes two people, and the authority has listed no operators")
        data, now = await self.ready(act, subject), self._clock.now() // 1000
        approved = two_people.check(operators, data, act, subject, self._network, now)
        await two_people.record(self._store, self._clock, approved)

    def _waiting(self, kept: Approval, operators: Operators | None) -> Waiting:
        now, until = self._clock.now(), kept.made + LIFETIME * 1000
        needed = 0 if operators is None else operators.needed
        names: tuple[str, ...] = ()
        standing = Standing.VOID
        if operators is not None:
            try:
                signers = two_people.signed_by(operators, kept.statement, self._network)[1]
            except BureaunetError:  # by somebody whom a newer list does not name
                signers = ()
            names = tuple(one.name for one in signers)
            if names:
                standing = Standing.READY if len(names) >= needed else Standing.WAITS
        if kept.used:
            standing = Standing.USED
        elif now > until:
            standing = Standing.EXPIRED
        return Waiting(kept, names, needed, until, standing)


class Counted:
    """How many requests wait, for the metrics of every process."""

    def __init__(self, requests: Requests, registry: CollectorRegistry) -> None:
        self._requests = requests
        says = "Requests of operators that wait for a signature, or that enough have signed and nobody acted on."
        self._gauge = Gauge("bureaunet_approvals", says, ["standing"], registry=registry)

    async def look(self) -> None:
        """Count.

        Raises:
            Unavailable: `store`.
        """
        found = [one.standing for one in await self._requests.listed(None, _MOST)]
        for standing in (Standing.WAITS, Standing.READY):
            self._gauge.labels(str(standing)).set(found.count(standing))
