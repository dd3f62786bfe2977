from collections.abc import Mapping

import pytest
from rich.console import Console

from gateway.api.workers import merged
from gateway.commands.watch_view import drawn, span
from gateway.glance import Glance, Reading, glance, read
from gateway.ports_measures import Lying, Measured, Stage
from gateway.watching import Watching
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.errors import BureaunetError, Reason
from schemas.identity import Address
from tests.support import NOW, QUERY

WELL: Mapping[str, str] = {"store": "ok"}


def reading(watching: Watching, at: float) -> Reading:
    return read(watching.metrics().decode(), at)


def admit(watching: Watching, count: int, milliseconds: int) -> None:
    for _ in range(count):
        watching.saw("submitted", over=Link.HTTP, outcome="accepted")
        watching.saw("admitted", over=Link.HTTP, kind=QUERY, urgency=Urgency.URGENT, milliseconds=milliseconds)


def measured() -> Measured:
    lying = [Lying(Address("BR"), Link.AMQP, Urgency.URGENT, Stage.PENDING, 3, NOW * 1000 - 90_000)]
    ledger = {"appended": 12, "integrated": 12, "signed": 10, "witnessed": 4}
    since = {"appended": 0.0, "integrated": 0.0, "signed": 2.0, "witnessed": 700.0}
    return Measured(NOW * 1000, lying, frozenset({"BR"}), ledger, since, 1, NOW, NOW, {}, None, 2, 9)


def seen() -> Glance:
    watching = Watching()
    admit(watching, 5, 5000)
    before = reading(watching, 10.0)
    admit(watching, 98, 4)
    admit(watching, 2, 400)
    watching.saw("submitted", over=Link.HTTP, outcome="refused", reason=Reason.SIGNATURE)
    watching.measured(measured())
    return glance(before, reading(watching, 20.0), WELL)


def test_rates_are_of_what_came_between_two_readings() -> None:
    found = seen()
    assert (found.outcomes["accepted"], found.refusals) == (10.0, {"signature": 0.1})
    assert found.ready


def test_quantiles_are_of_what_came_between_two_readings() -> None:
    (urgent,) = [one for one in seen().latency if (one.what, one.urgency) == ("accept", "urgent")]
    assert urgent.p50 is not None
    assert urgent.p99 is not None
    assert 0.0025 < urgent.p50 <= 0.005
    assert 0.25 < urgent.p99 <= 0.5


def test_nothing_between_two_readings_has_no_latency() -> None:
    now = reading(Watching(), 1.0)
    assert {(one.p50, one.p99) for one in glance(now, now, WELL).latency} == {(None, None)}


def test_backlog_and_lag_are_as_measured() -> None:
    found = seen()
    (waiting,) = [one for one in found.backlog if one.copies]
    assert (waiting.link, waiting.urgency, waiting.stage, waiting.oldest_seconds) == ("amqp", "urgent", "pending", 90)
    assert [(one.stage, one.behind, one.waiting_seconds) for one in found.ledger][-2:] == [
        ("signed", 2, 2.0),
        ("witnessed", 8, 700.0),
    ]
    assert found.quarantine == 2


def test_counters_that_began_anew_do_not_make_negative_rates() -> None:
    old, new = Watching(), Watching()
    admit(old, 50, 1)
    admit(new, 5, 1)
    assert glance(reading(old, 0.0), reading(new, 10.0), WELL).outcomes["accepted"] == 0.5


def test_workers_are_added_up_and_named() -> None:
    one, two = Watching(), Watching()
    before = merged([("0", one.metrics().decode()), ("1", two.metrics().decode())])
    admit(one, 1, 1)
    admit(two, 3, 1)
    two.measured(measured())
    after = merged(
        [(name, part.metrics().decode()) for name, part in (("supervisor", Watching()), ("0", one), ("1", two))]
    )
    found = glance(
        read(before.decode(), 0.0), read(after.decode(), 1.0), {"worker-0": "ok", "worker-1": "it is being started"}
    )
    assert (found.outcomes["accepted"], found.workers, found.ready) == (4.0, ["0", "1"], False)
    assert found.quarantine == 2


@pytest.mark.parametrize("text", ["", "<html>", "up 1\n", "bureaunet_events_total{event="])
def test_what_is_not_a_gateways_metrics_is_refused(text: str) -> None:
    with pytest.raises(BureaunetError) as refused:
        read(text, 0.0)
    assert refused.value.reason is Reason.STRUCTURE


def test_the_view_shows_what_is_wrong_and_nothing_that_moves_the_cursor() -> None:
    empty = reading(Watching(), 0.0)
    found = glance(empty, empty, {"store": "store: \x1b[2Jgone"})
    console = Console(width=200, force_terminal=False)
    with console.capture() as said:
        console.print(drawn(found, "http://127.0.0.1:9443"))
        console.print(drawn(seen(), "http://127.0.0.1:9443"))
    assert "not ready" in said.get()
    assert "\x1b" not in said.get()
    assert "12 min" in said.get()  # since when entries wait for witnesses


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0.0031, "3 ms"),
        (4.21, "4.2 s"),
        (119.0, "119.0 s"),
        (720.0, "12 min"),
        (7200.0, "2 h"),
        (3e5, "3 d"),
    ],
)
def test_lengths_of_time_are_short(seconds: float | None, shown: str) -> None:
    assert span(seconds) == shown
