"""A pytest plugin: member countries in a box, for the tests of a service that speaks to the network.

    pytest_plugins = "bureaus.testing"          # in the top conftest.py; an installed bureaunet needs no such line

    @pytest.mark.bureaunet("FR", "BR")
    async def test_a_question_arrives(bureaus: Countries, operation: Operation) -> None:
        asked = await bureaus["FR"].ask(QUERY, to=["BR"], operation=operation.id, purpose=Purpose.ARREST)
        await assert_delivered(bureaus, asked)

Fixtures: `bureaus` (the network's bureaus by code, open), `operation` (active, everybody a member), `gateway` (kill it,
start it again, set its clock wrong), `links` (cut them, mend them, make them poor) and `clock` (let time pass). The
marker names the bureaus; `link="amqp"` gives a private RabbitMQ and PostgreSQL instead of HTTP and SQLite,
`clock="exercise"` lets time stand still until the test says `await clock.forward(hours=8)`. Each test has a network of
its own, fresh.

It needs pytest-asyncio; without it the plugin is there and has no fixtures. All bureaus are synthetic.
"""

from __future__ import annotations

from importlib.util import find_spec

from bureaus.testing.assertions import assert_delivered, assert_record_verifies, assert_refused
from bureaus.testing.countries import Clock, Countries, Gateway, Links

pytest_plugins = ["bureaus.testing.fixtures"] if find_spec("pytest_asyncio") else []

__all__ = ["Clock", "Countries", "Gateway", "Links", "assert_delivered", "assert_record_verifies", "assert_refused"]
