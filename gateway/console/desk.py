"""What the console's pages read and act through: ports and exchange-level reads, put together by gateway/app."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from gateway.approvals import Requests
from gateway.deeds import Deeds
from gateway.gatehouse import Refusal
from gateway.ledger import Ledger
from gateway.openid import Issuer
from gateway.ports import Clock, Store, Tree, Trust, Watcher
from gateway.ports_broker import BrokerLooks
from gateway.ports_console import Accounts, Sightings
from gateway.ports_looks import Looks
from gateway.ports_witnesses import Cosignatures
from gateway.quarantine import Pipeline
from gateway.settings import Console as Limits
from gateway.witnesses import Policies
from schemas.identity import Address
from schemas.network import Network

_FRESH: Final = 10.0
"""Seconds that answer times are kept: a look at them reads thousands of rows."""


class AnswerTimes:
    """Medians by bureau, not older than `_FRESH`."""

    def __init__(self) -> None:
        self._at = 0.0
        self._found: Mapping[Address, tuple[int, int]] = {}

    async def get(self, looks: Looks) -> Mapping[Address, tuple[int, int]]:
        """Bureau -> (median in milliseconds, of how many answers).

        Raises:
            Unavailable: `store`.
        """
        if not self._at or time.monotonic() - self._at > _FRESH:
            said = await looks.answer_times()
            self._found = {bureau: (round(median(took)), len(took)) for bureau, took in said.items()}
            self._at = time.monotonic()
        return self._found


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What the lists are read from, by a process that serves or by a command."""

    network: Network
    accounts: Accounts
    sightings: Sightings
    looks: Looks
    requests: Requests
    store: Store
    cosignatures: Cosignatures
    trust: Callable[[], Trust]
    """The statements in force."""
    clock: Clock
    watcher: Watcher
    limits: Limits
    broker: BrokerLooks | None = None
    """Its management API; None where there is no broker, or nobody may ask it."""
    broker_address: str = ""
    """Hosts of the broker; empty where there is none."""
    certificates: Callable[[], Mapping[str, float]] = dict
    """Address -> the end of the certificate that its last connection to this process showed, in seconds."""
    answer_times: AnswerTimes = field(default_factory=AnswerTimes)

    @property
    def deeds(self) -> Deeds:
        """Where acts are recorded."""
        return Deeds(self.accounts, self.store, self.clock, self.network.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk(Shelf):
    """One gateway process, as its operators see it."""

    tree: Tree
    ledger: Ledger
    policies: Policies
    checks: Mapping[str, Callable[[], Awaitable[None]]]
    """What readiness asks, by name; each raises Unavailable."""
    refusals: Iterable[Refusal]
    """The last ones of this process, oldest first."""
    pipeline: Pipeline
    """Where what is released goes."""
    place: Callable[[], str] = str
    """How browsers reach the operators' listener, `https://HOST[:PORT]`, where the settings do not say."""
    issuer: Issuer | None = None
    """Who says who somebody is, besides passwords."""
