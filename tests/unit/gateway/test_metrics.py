from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.api.workers import merged
from gateway.metrics import FRESH, Metrics
from gateway.ports_measures import Measured
from gateway.watching import Watching
from schemas.errors import Reason
from tests.metered import CERTIFICATE_END, Metered, metered
from tests.support import ALWAYS, NOW, QUERY

EMPTY = Measured(
    NOW * 1000, (), frozenset({"FR"}), {"appended": 0}, {"appended": 0.0}, 1, NOW, 0, {"FR": 5}, None, 0, 0
)


@pytest_asyncio.fixture
async def here(tmp_path: Path) -> AsyncIterator[Metered]:
    async with metered(tmp_path) as found:
        await found.measuring.look()
        yield found


def value(here: Metered, name: str, *labels: str) -> float | None:
    return here.samples().get((f"bureaunet_{name}", frozenset(labels)))


async def test_submissions_are_counted_by_link_outcome_and_reason(here: Metered) -> None:
    assert value(here, "submissions_total", "http", "accepted") == 1
    assert value(here, "submissions_total", "amqp", "accepted") == 1
    assert value(here, "submissions_total", "http", "refused", "kind-not-allowed") == 1


async def test_accepted_messages_are_counted_by_kind_and_urgency(here: Metered) -> None:
    assert value(here, "messages_accepted_total", "http", QUERY, "urgent") == 1
    assert value(here, "messages_accepted_total", "amqp", QUERY, "routine") == 1


async def test_a_refused_message_adds_no_label_that_its_sender_chose(here: Metered) -> None:
    assert b"invented" not in here.watching.metrics()


async def test_a_handover_is_timed_from_the_messages_arrival(here: Metered) -> None:
    assert value(here, "handovers_total", QUERY, "urgent", "processed") == 1
    assert value(here, "handover_seconds_sum", "urgent") == 60
    assert value(here, "handover_seconds_count", "urgent") == 1


async def test_what_waits_is_counted_and_aged_by_link_urgency_and_bureau(here: Metered) -> None:
    assert value(here, "backlog_copies", "http", "routine", "consigned") == 1
    assert value(here, "backlog_oldest_seconds", "http", "routine", "consigned") == 120
    assert value(here, "backlog_copies", "http", "urgent", "consigned") == 0
    assert value(here, "inbox_copies", "BR") == 1
    assert value(here, "inbox_copies", "FR") == 0
    assert value(here, "inbox_oldest_seconds", "BR") == 120


async def test_the_ledgers_lag_is_shown_until_it_is_signed(here: Metered) -> None:
    appended = value(here, "ledger_entries", "appended")
    assert (value(here, "ledger_entries", "signed"), value(here, "ledger_waiting_seconds", "signed")) == (0, 120)
    ledger = here.world.ledger(here.tree)
    await ledger.integrate(1000)
    await ledger.checkpoint()
    await here.measuring.look()
    assert value(here, "ledger_entries", "integrated") == value(here, "ledger_entries", "signed") == appended
    assert value(here, "ledger_waiting_seconds", "signed") == 0
    assert value(here, "ledger_entries", "witnessed") is None  # nobody witnesses here


async def test_ends_of_keys_and_certificates_are_shown_and_what_is_set_aside(here: Metered) -> None:
    assert value(here, "key_expiry_timestamp_seconds", "FR") == ALWAYS.until
    here.watching.presented("FR", 1_850_000_000.0)
    here.watching.presented("NOBODY", 1_850_000_000.0)
    await here.measuring.look()
    assert value(here, "certificate_expiry_timestamp_seconds", "gateway") == CERTIFICATE_END
    assert value(here, "certificate_expiry_timestamp_seconds", "FR") == 1_850_000_000
    assert value(here, "certificate_expiry_timestamp_seconds", "NOBODY") is None
    assert (value(here, "quarantine_items"), value(here, "quarantine_bytes")) == (1, 5)
    assert value(here, "directory_timestamp_seconds") == NOW
    assert value(here, "directory_confirmed_timestamp_seconds") == 0


def test_a_look_that_is_old_is_given_out_no_more() -> None:
    now = 0.0
    metrics = Metrics(lambda: now)
    metrics.measured(EMPTY)
    now = FRESH
    assert metrics.registry.get_sample_value("bureaunet_directory_version") == 1
    now = FRESH + 1
    assert metrics.registry.get_sample_value("bureaunet_directory_version") is None


@pytest.mark.parametrize("urgency", ["urgent", "made up"])
def test_what_is_in_no_list_is_other(urgency: str) -> None:
    metrics = Metrics()
    metrics.saw("admitted", {"kind": "made up", "urgency": urgency, "over": "pigeon", "milliseconds": 7})
    metrics.saw("submitted", {"outcome": "refused", "reason": "made up", "over": "http"})
    said = {label for family in metrics.registry.collect() for one in family.samples for label in one.labels.values()}
    assert "other" in said
    assert not {"made up", "pigeon"} & said


def test_the_metrics_of_workers_are_merged_sample_by_sample() -> None:
    one, two = Watching(), Watching()
    one.saw("submitted", over="http", outcome="refused", reason=Reason.SIGNATURE)
    one.measured(EMPTY)
    said = merged([("0", one.metrics().decode()), ("1", two.metrics().decode())]).decode()
    assert 'bureaunet_submissions_total{link="http",outcome="refused",reason="signature",worker="0"} 1.0' in said
    assert 'bureaunet_events_total{event="chore-failed",worker="1"} 0.0' in said
    assert 'bureaunet_accept_seconds_bucket{le="0.001",link="http",urgency="urgent",worker="1"} 0.0' in said
    assert said.count("\nbureaunet_directory_version{") == 1  # of the worker that measured
    assert said.count("# TYPE bureaunet_accept_seconds histogram") == 1
