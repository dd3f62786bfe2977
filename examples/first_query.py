"""A first query: a private network on this machine, two bureaus, one question, one answer, and the proof of it.

Run it from the repository: `.venv/bin/python examples/first_query.py`. All persons are synthetic.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from bureaus.client import Bureau
from bureaus.exchange import Received
from bureaus.sandbox.network import PrivateNetwork, Seat
from schemas.codes import Handling, Purpose
from schemas.directory import ParticipantKind
from schemas.identity import Address
from schemas.messages import Person, WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import Asked, Finding
from schemas.messages.person import Name
from schemas.operation import Member, Operation, Phase, Role

IPSG, FR, BR = Address("IPSG"), Address("FR"), Address("BR")


def operation() -> Operation:
    """What the exchange is recorded against: signed by its owner, never by the gateway."""
    now = int(time.time())
    return Operation(
        id="first-query",
        version=1,
        previous=None,
        time=now,
        name="First query",
        owner=IPSG,
        phase=Phase.ACTIVE,
        members=(Member(IPSG, Role.OWNER, now), Member(FR, Role.PARTICIPANT, now), Member(BR, Role.PARTICIPANT, now)),
        kinds=("whereabouts.query/1", "whereabouts.response/1"),
        purposes=(Purpose.ARREST,),
        handling=(Handling.H0,),
    )


def answering(bureau: Bureau) -> Bureau:
    """Teach a bureau to answer: what a handler sends and its completion are one commit in the bureau's store."""

    @bureau.on(WhereaboutsQuery)
    async def handle(query: Received) -> None:
        await query.answer(WhereaboutsResponse(finding=Finding.NO_TRACE))

    return bureau


async def main() -> None:
    """Start the network, ask, print what came back."""
    seats = [
        Seat(IPSG, "General Secretariat", ParticipantKind.SECRETARIAT),
        Seat(FR, "France"),
        Seat(BR, "Brazil"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        async with PrivateNetwork(Path(folder) / "network", seats) as network:
            async with network.bureau(IPSG) as secretariat:
                await secretariat.publish_operation(operation())
            async with network.bureau(FR) as france, answering(network.bureau(BR)):
                query = WhereaboutsQuery(
                    person=Person(name=Name(family="Sample-Ex", given="Ada")), asked=(Asked.CONFIRM_LOCATION,)
                )
                exchange = await france.ask(query, to=["BR"], operation="first-query", purpose=Purpose.ARREST)
                accepted = await exchange.accepted()
                print(f"accepted as entry {accepted.index} of the ledger")
                async for response in exchange.responses(deadline=30):
                    if isinstance(response.message, WhereaboutsResponse):
                        print(f"{response.sender} answers {response.message.finding}")
                proof = await exchange.proof()
                print(f"proven under a signed checkpoint of {proof.checkpoint.checkpoint.size} entries or more")


if __name__ == "__main__":
    asyncio.run(main())
