"""Every list of the console, by name: each has its page, its files, its API and its command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.console import approvals, aside, awaited, bureaus, exchanges, machinery, operations, registers
from gateway.console.listing import Listing

LISTINGS: Final[Mapping[str, Listing]] = {
    listing.name: listing
    for listing in (
        exchanges.LISTING,
        awaited.LISTING,
        operations.LISTING,
        bureaus.LISTING,
        approvals.LISTING,
        aside.LISTING,
        registers.HEADS,
        registers.AUDIT,
        machinery.QUEUES,
        machinery.CONNECTIONS,
    )
}
