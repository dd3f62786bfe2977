"""The served document is valid OpenAPI 3.1 and says exactly what the routes are."""

from __future__ import annotations

import json

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from gateway.adapters.memory import MemoryCosignatures, MemoryStore, MemoryTree
from gateway.api.bureaus import BureausApi
from gateway.api.http import bureaus_application
from gateway.api.listener import Connections
from gateway.api.openapi import document
from gateway.api.reading import ReadingApi
from gateway.api.witnessing import WitnessingApi
from gateway.app import SystemClock
from gateway.delivery import Delivery
from gateway.exchange import Exchange
from gateway.ledger import Ledger
from gateway.settings import BureausListener
from gateway.watching import Watching
from gateway.witnesses import Policies, Witnesses
from tests import world


def served() -> set[tuple[str, str]]:
    watching, clock, limits = Watching(), SystemClock(), BureausListener()
    store = MemoryStore()
    exchange = Exchange(
        store=store, network=world.new_network(), signer=world.ACCEPTANCE, clock=clock, watcher=watching
    )
    bureaus = BureausApi(exchange, Delivery(store, watching), clock, limits, watching, Connections(limits, watching))
    tree = MemoryTree(store)
    witnesses = Witnesses(MemoryCosignatures(tree), Policies(store, world.new_network()), clock, watching)
    reading = ReadingApi(store, Ledger(tree, world.LOG, clock, watching), clock)
    routes = bureaus_application(bureaus, reading, WitnessingApi(witnesses)).router.routes()
    return {(route.method, route.resource.canonical) for route in routes if route.resource is not None}


def documented() -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, item in as_json()["paths"].items() for method in item}


def as_json() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    read: dict[str, dict[str, dict[str, dict[str, object]]]] = json.loads(json.dumps(document()))
    return read


def test_the_document_is_valid() -> None:
    validate(as_json(), cls=OpenAPIV31SpecValidator)


async def test_every_route_is_documented_and_every_documented_route_is_there() -> None:
    assert served() == documented()


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for item in as_json()["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)
