"""Keys that end soon: counted for the metrics, said once for each day."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.changes import DAY
from gateway.expiry import Expiry
from gateway.ports import Trust
from gateway.watching import Watching
from schemas.directory import Directory
from tests.world import NOW, first_directory, new_network


class Said:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []

    def saw(self, name: str, **fields: str | int | None) -> None:
        assert name == "keys-expiring"
        self.events.append((str(fields["address"]), int(fields["days"] or 0)))


@dataclass
class Clock:
    days: float = 0

    def now(self) -> int:
        return round((NOW + self.days * DAY) * 1000)


@dataclass
class Pipeline:
    trust: Trust


def ending(days: int) -> Directory:
    """The first row's keys end after so many days, all others' much later."""
    directory = first_directory()
    row = directory.participants[0]
    signing = tuple(replace(entry, validity=replace(entry.validity, until=NOW + days * DAY)) for entry in row.signing)
    return replace(directory, participants=(replace(row, signing=signing), *directory.participants[1:]))


async def test_what_ends_soon_is_counted_and_said_once_a_day() -> None:
    exchange = Pipeline(Trust(new_network(), ending(40), {}))
    clock, said, gauges = Clock(), Said(), Watching()
    chore = Expiry(exchange, clock, said, gauges)
    await chore.look()
    assert said.events == []
    assert b'bureaunet_keys_expiring{days="30"} 0.0' in gauges.metrics()
    clock.days = 10.5
    await chore.look()
    await chore.look()
    clock.days = 34.5
    await chore.look()
    address = exchange.trust.directory.participants[0].address
    assert said.events == [(address, 29), (address, 5)]
    for within in (b"30", b"7"):
        assert b'bureaunet_keys_expiring{days="' + within + b'"} 1.0' in gauges.metrics()
