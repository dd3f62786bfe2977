"""What the broker's driver raises of a connection that is no more, in our words."""

from __future__ import annotations

import asyncio

import aiormq
import pytest
from aiormq.base import FutureStore

from bureaus.links.broker import translated
from schemas.errors import Reason, Unavailable


async def test_what_is_asked_of_a_connection_that_ended_without_a_reason_is_unavailable() -> None:
    """The driver answers with a bare Exception then, once more for each thing that is asked."""
    store = FutureStore(asyncio.get_running_loop())
    await store.reject_all(None)
    with pytest.raises(Unavailable) as caught, translated("opening a channel"):
        await store.create_task(asyncio.sleep(10))
    assert caught.value.reason is Reason.UNREACHABLE
    assert type(caught.value.__cause__) is Exception


@pytest.mark.parametrize("error", [OSError("gone"), aiormq.exceptions.ConnectionClosed(320, "gone"), RuntimeError()])
def test_a_driver_s_error_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable), translated("publishing"):
        raise error


def test_a_mistake_of_ours_is_no_trouble_of_the_broker_s() -> None:
    with pytest.raises(KeyError), translated("publishing"):
        raise KeyError("nothing")


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def wait() -> None:
        with translated("waiting"):
            await asyncio.sleep(10)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
