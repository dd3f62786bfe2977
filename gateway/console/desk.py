"""What the console's pages read and act through: ports and exchange-level reads, put together by gateway/app.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from gateway.deeds import Deeds
from gateway.gatehouse import Refusal
from gateway.ledger import Ledger
from gateway.ports import Clock, Store, Tree, Trust, Watcher
from gateway.ports_console import Accounts, Sightings
from gateway.ports_witnesses import Cosignatures
from gateway.settings import Console as Limits
from gateway.witnesses import Policies
from schemas.network import Network


@dataclass(frozen=True, slots=True)
class Desk:
    """One gateway process, as its operators see it."""

    network: Network
    accounts: Accounts
    sightings: Sightings
    store: Store
    tree: Tree
    ledger: Ledger
    policies: Policies
    cosignatures: Cosignatures
    trust: Callable[[], Trust]
    """The statements in force."""
    checks: Mapping[str, Callable[[], Awaitable[None]]]
    """What readiness asks, by name; each raises Unavailable."""
    refusals: Iterable[Refusal]
    """The last ones of this process, oldest first."""
    clock: Clock
    watcher: Watcher
    limits: Limits

    @property
    def deeds(self) -> Deeds:
        """Where acts are recorded."""
        return Deeds(self.accounts, self.store, self.clock, self.network.id)
