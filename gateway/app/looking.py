"""What the console looks at besides the exchange: requests of operators, the broker's management, links heard of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway.adapters.rabbitmq.management import BrokerManagement
from gateway.adapters.sql.looks import SqlApprovals
from gateway.adapters.sql.store import SqlStore
from gateway.api.amqp import identify
from gateway.approvals import Requests
from gateway.ports import Arrival, Clock, Handler, Owned, Taking, Trust
from gateway.presence import Presences
from gateway.settings import Settings
from schemas.directory import Link
from schemas.errors import BureaunetError
from schemas.network import Network
from schemas.wire import broker_urls


def requests_of(home: Path, store: SqlStore, network: Network, trust: Callable[[], Trust], clock: Clock) -> Requests:
    """The requests that were brought to the gateway in `home`."""
    kept = SqlApprovals(store.database)
    return Requests(home, store, kept, clock, network, lambda: trust().directory.holders)


def management_of(settings: Settings, authority: Path) -> BrokerManagement | None:
    """The broker's management API, where the settings say where it is; `authority` is the network's certificate.

    Raises:
        Misuse: its password or the authority's certificate cannot be read.
    """
    asked = settings.management.url and settings.broker
    return BrokerManagement(settings.management, authority) if asked else None


def broker_hosts(settings: Settings) -> str:
    """Where the broker is, without how to sign in; empty where there is none."""
    if not settings.broker:
        return ""
    return ", ".join(one.partition("//")[2].partition("/")[0] for one in broker_urls(settings.broker))


def hearing(handler: Handler, presences: Presences) -> Handler:
    """The handler of arrivals, which also notes whose link each came over, where the broker says one thing."""

    async def heard(arrival: Arrival) -> None:
        _note(arrival, presences)
        await handler(arrival)

    return heard


def hearing_taken(taking: Taking, presences: Presences) -> Taking:
    """What takes arrivals at once, likewise; what it does not take goes to the handler."""

    def heard(arrival: Arrival, decided: Callable[[BaseException | None], None], own: Owned) -> bool:
        taken = taking(arrival, decided, own)
        if taken:
            _note(arrival, presences)
        return taken

    return heard


def _note(arrival: Arrival, presences: Presences) -> None:
    try:
        presences.heard(identify(arrival), Link.AMQP)
    except BureaunetError:
        return  # nobody's whom we know: whoever decides it says so
