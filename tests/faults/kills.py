"""Faults that end a process: a gateway at each stage of its pipeline, the broker, the database, a bureau."""

from __future__ import annotations

import random
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from schemas.identity import Address
from tests.faults.fault import Fault, Strike
from tests.faults.load import Load
from tests.faults.scene import Setting

STAGES: Final = {
    "before-transaction": "before its transaction begins",
    "inside-transaction": "when all is written and nothing committed",
    "after-commit": "after the commit, before anyone has a receipt",
    "after-publish": "after the broker confirmed copies, before they are marked",
    "acknowledging": "when arrivals are decided and not acknowledged to the broker",
}
VICTIM: Final = 1
"""The gateway that is killed; its number."""


def _rehearse(stage: str) -> Callable[[random.Random, int], Setting]:
    def setting(dice: random.Random, count: int) -> Setting:
        arrivals, batches = dice.randint(count // 40, count // 4), dice.randint(5, max(10, count // 250))
        at = arrivals if stage == "acknowledging" else batches
        return Setting(rehearse={VICTIM: {"BUREAUNET_TEST_KILL_AT": f"{stage}:{at}"}})

    return setting


async def _ends_itself(strike: Strike) -> None:
    victim = strike.scene.gateways[VICTIM]
    if not await victim.ended(within=60.0):
        raise TimeoutError("the gateway did not reach its stage")
    strike.begin("a gateway ended itself")
    await strike.rest(0.2, 3.0)
    await victim.start_patiently()


async def _kill_gateway(strike: Strike) -> None:
    victim = strike.dice.choice(strike.scene.gateways)
    await victim.kill()
    await strike.rest(0.2, 3.0)
    await victim.start_patiently()


async def _kill_broker(strike: Strike) -> None:
    broker = strike.scene.broker
    await broker.settle()
    strike.begin("kill -9 of the broker")
    await broker.kill()
    await broker.start()


async def _stop_postgres(strike: Strike) -> None:
    """SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, recovery at the next start."""
    await strike.scene.postgres.process.stop(by=signal.SIGQUIT)
    await strike.rest(0.5, 3.0)
    await strike.scene.postgres.start()


def _ends_at(stage: str) -> Callable[[Load], None]:
    def prepare(load: Load) -> None:
        for number, responder in enumerate(load.responders.values()):
            responder.arguments = ("--end-at", f"{stage}:{5 + 9 * number}")

    return prepare


async def _kill_bureaus(strike: Strike) -> None:
    """They end themselves at the stage; then each is killed twice more at random moments."""
    for _ in range(2):
        for address in (Address("BR"), Address("AR"), Address("CL")):
            await strike.rest(0.3, 1.5)
            process = strike.load.responders[address].process
            if process is not None and process.running:
                await process.kill()


def _gateway_at(stage: str, when: str) -> Fault:
    return Fault(f"gateway-{stage}", "kill", f"kill -9 of a gateway {when}", _ends_itself, _rehearse(stage))


def _bureau_at(name: str, stage: str, when: str) -> Fault:
    return Fault(name, "kill", f"kill -9 of bureaus {when}", _kill_bureaus, prepare=_ends_at(stage))


def _simple(name: str, about: str, strike: Callable[[Strike], Awaitable[None]]) -> Fault:
    return Fault(name, "kill", about, strike)


FAULTS: Final = (
    *(_gateway_at(stage, when) for stage, when in STAGES.items()),
    _simple("gateway-anytime", "kill -9 of a gateway at any moment", _kill_gateway),
    _simple("broker", "kill -9 of the only broker", _kill_broker),
    _simple("postgres-immediate", "immediate shutdown of PostgreSQL", _stop_postgres),
    _bureau_at("bureau-handled", "handled", "in the handler, after its answer, before the commit"),
    _bureau_at("bureau-committed", "committed", "between the commit of a handler and the acknowledgement"),
)
