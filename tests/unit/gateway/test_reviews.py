"""Reviews of operations: when they are due, that their owners are asked in time, and what the command lists."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from gateway.adapters.memory import ListWatcher, MemoryStore
from gateway.app import open_records
from gateway.reviews import Reviews, reviews
from schemas.identity import Address
from schemas.operation import REVIEW, Phase, claimed, read_operation, sign_operation
from schemas.reviews import ASK
from tests.support import NOW, World
from tests.unit.gateway.test_two_people import Scene, command


async def test_a_review_is_five_years_after_the_first_version_unless_one_names_it() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store) as exchange:
        world.clock.move(1000)
        await exchange.publish_operation(Address("IPSG"), world.amend(phase=Phase.FOLLOW_UP))
        (review,) = await reviews(store)
        assert (review.due, review.phase, review.version) == (NOW + REVIEW, Phase.FOLLOW_UP, 2)
        await exchange.publish_operation(Address("IPSG"), world.amend(review=NOW + 10))
        (review,) = await reviews(store)
        assert (review.operation, review.owner, review.due) == (world.operation.id, "IPSG", NOW + 10)


async def test_the_owner_is_asked_half_a_year_before_once_and_again_when_it_is_over() -> None:
    world, store, watcher = World(), MemoryStore(), ListWatcher()
    async with world.gateway(store) as exchange:
        await exchange.publish_operation(Address("IPSG"), world.amend(review=NOW + ASK + 1000))
        work = Reviews(store, world.clock, watcher)
        await work.look()
        assert watcher.named("review-due") == []
        world.clock.move(1000 * 1000)
        await work.look()
        await work.look()
        said = [{**seen.fields} for seen in watcher.named("review-due")]
        assert said == [{"operation": world.operation.id, "owner": "IPSG", "days": ASK // 86_400}]
        world.clock.move(ASK * 1000)
        await work.look()
        assert [seen.fields["days"] for seen in watcher.named("review-due")] == [ASK // 86_400, 0]
        later = world.clock.now() // 1000 + 2 * ASK
        await exchange.publish_operation(Address("IPSG"), world.amend(review=later))
        await work.look()
        assert len(watcher.named("review-due")) == 2, "the owner has answered"


def test_a_statement_without_a_time_of_review_is_as_before_and_one_with_it_says_so() -> None:
    world = World()
    keys = {world.offices["IPSG"].signing.key_id: world.offices["IPSG"].signing.public}
    assert read_operation(world.operation_raw, world.network.id, keys).operation.review is None
    raw = world.amend(review=NOW + 5)
    assert claimed(raw).review == NOW + 5
    assert claimed(raw) == world.operation


def test_the_command_lists_what_is_due_and_says_when_one_is_over(tmp_path: Path) -> None:
    scene, world = Scene(tmp_path), World()

    async def publish(review: int) -> None:
        async with open_records(scene.home) as records, records.store.begin() as transaction:
            world.amend(review=review)
            raw = sign_operation(world.operation, world.network.id, world.offices["IPSG"].signing)
            keys = {world.offices["IPSG"].signing.key_id: world.offices["IPSG"].signing.public}
            signed = read_operation(raw, world.network.id, keys)
            await transaction.save_operation(signed, world.operation.version)

    asyncio.run(publish(scene.now + 2 * ASK))
    assert command("operation", "reviews", "--home", scene.home).output == ""
    assert "later" in command("operation", "reviews", "--all", "--home", scene.home).output
    asyncio.run(publish(scene.now + ASK - 10))
    row = json.loads(command("operation", "reviews", "--json", "--home", scene.home).output)
    assert (row["operation"], row["owner"], row["state"], row["version"]) == (world.operation.id, "IPSG", "due", 3)
    asyncio.run(publish(scene.now - 10))
    assert "over" in command("operation", "reviews", "--home", scene.home, ok=False).output
