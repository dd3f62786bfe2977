"""Refusals of named senders over HTTP, by a real gateway process: who publishes and who reads them."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus

import pytest
import pytest_asyncio

from schemas import wire
from schemas.errors import Reason
from schemas.identity import Address
from schemas.preferences import Preferences, sign_preferences
from tests.integration.gateway_network import GatewayNetwork

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayNetwork]:
    made = GatewayNetwork(tmp_path_factory.mktemp("network"))
    await made.load()
    await made.start()
    yield made
    await made.stop()


async def body(network: GatewayNetwork, name: str, path: str) -> bytes:
    async with network.client(name) as client, client.get(path) as response:
        assert response.status == HTTPStatus.OK
        return await response.read()


async def test_refusals_of_senders_are_published_and_read_by_whom_they_are_of_alone(network: GatewayNetwork) -> None:
    path = f"{wire.PREFERENCES}/BR"
    assert (await network.problem("BR", "GET", path))[0] == HTTPStatus.NOT_FOUND
    said = Preferences(Address("BR"), 1, int(time.time()), frozenset({Address("AR")}))
    raw = sign_preferences(said, network.network.id, network.bureaus["BR"].signing)
    assert (await network.problem("AR", "POST", wire.PREFERENCES, raw))[0] == HTTPStatus.FORBIDDEN
    for _ in range(2):
        async with network.client("BR") as client, client.post(wire.PREFERENCES, data=raw) as answer:
            assert answer.status == HTTPStatus.NO_CONTENT
    assert await body(network, "BR", path) == raw
    assert (await network.problem("AR", "GET", path))[0] == HTTPStatus.NOT_FOUND
    assert (await network.problem("BR", "GET", f"{path}/airport"))[0] == HTTPStatus.NOT_FOUND
    assert json.loads(await body(network, "AR", wire.REFUSING)) == ["BR"]
    assert json.loads(await body(network, "IPSG", wire.REFUSING)) == []
    nobody = replace(said, version=2, refused=frozenset())
    lifted = sign_preferences(nobody, network.network.id, network.bureaus["BR"].signing)
    async with network.client("BR") as client, client.post(wire.PREFERENCES, data=lifted) as answer:
        assert answer.status == HTTPStatus.NO_CONTENT
    refused = (HTTPStatus.UNPROCESSABLE_ENTITY, Reason.VERSION_ORDER)
    assert await network.problem("BR", "POST", wire.PREFERENCES, raw) == refused
    assert json.loads(await body(network, "AR", wire.REFUSING)) == []
