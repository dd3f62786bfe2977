"""Batches run beside one another; who lets an exercise's time pass waits for them and is alone."""

from __future__ import annotations

import asyncio

import pytest

from gateway.passing import Turn


async def test_who_wants_it_alone_waits_for_those_inside_and_lets_no_other_in() -> None:
    turn, said, leave = Turn(), list[str](), asyncio.Event()

    async def batch(name: str) -> None:
        async with turn.shared():
            said.append(name)
            await leave.wait()
        said.append(f"{name} left")

    async def alone() -> None:
        async with turn:
            said.append("alone")

    first = [asyncio.create_task(batch("a")), asyncio.create_task(batch("b"))]
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(alone()), asyncio.create_task(batch("c"))]
    await asyncio.sleep(0.01)
    assert said == ["a", "b"]
    leave.set()
    await asyncio.gather(*first, *rest)
    assert said == ["a", "b", "a left", "b left", "alone", "c", "c left"]


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    turn = Turn()
    async with turn.shared():
        waiting = asyncio.create_task(turn.__aenter__())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(60), turn.shared():
            pass
