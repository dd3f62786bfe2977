"""The database goes away and comes back under a gateway: nobody is told yes, and nothing is lost."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path

import pytest

from bureaus.sandbox.postgres import Postgres
from schemas import wire
from tests.integration.gateway_network import GatewayNetwork

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


async def test_without_its_database_a_gateway_asks_to_wait_and_then_goes_on(tmp_path: Path) -> None:
    async with Postgres() as server:
        network = GatewayNetwork(tmp_path)
        network.said["BUREAUNET_DATABASE_URL"] = await server.create_database("bureaunet")
        await network.load()
        await network.start("--workers", "2")
        await network.open_operation()
        body = wire.encode_submission(network.query("BR", "AR"))
        await server.kill()
        async with network.client("BR") as client, client.post(wire.MESSAGES, data=body) as response:
            assert response.status == HTTPStatus.SERVICE_UNAVAILABLE, await response.text()
            assert int(response.headers["Retry-After"]) >= 1
            assert (await response.json())["reason"] == "store"
        await server.start()
        statuses: list[int] = []
        async with asyncio.timeout(60), network.client("BR") as client:
            while HTTPStatus.OK not in statuses:
                async with client.post(wire.MESSAGES, data=body) as response:
                    statuses.append(response.status)
                await asyncio.sleep(0.1)
        assert set(statuses) <= {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}
        assert len(await network.inbox("AR")) == 1
        assert await network.stop() == 0
