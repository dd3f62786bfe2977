"""Five countries in one test: a question to four, four answers, a refusal, a crash, and a record that verifies.

Run it from the repository: `.venv/bin/pytest examples/test_five_countries.py`. All persons are synthetic.
"""

import pytest

from bureaus.testing import Countries, Gateway, assert_delivered, assert_record_verifies, assert_refused
from schemas.codes import Purpose
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import Asked, Finding
from schemas.operation import Operation

QUERY = WhereaboutsQuery(asked=(Asked.STATUS,), case="SYNTHETIC-1")
OTHERS = ("AR", "BR", "ES", "IT")


@pytest.mark.bureaunet("FR", *OTHERS)
async def test_five_countries(bureaus: Countries, operation: Operation, gateway: Gateway) -> None:
    """France asks four; the gateway is killed once, and nothing is lost."""
    for code in OTHERS:
        bureaus.answer(code, WhereaboutsResponse(finding=Finding.NO_TRACE))
    france = bureaus["FR"]
    await gateway.kill()
    exchange = await france.ask(QUERY, to=OTHERS, operation=operation.id, purpose=Purpose.ARREST)
    await gateway.start()
    answers = {answer.sender async for answer in exchange.responses(deadline=30)}
    assert answers == set(OTHERS)  # noqa: S101  # how a test speaks
    await assert_delivered(bureaus, exchange)
    elsewhere = await bureaus.open_operation("without-france", "BR", "IT")
    refused = france.ask(QUERY, to=["BR"], operation=elsewhere.id, purpose=Purpose.ARREST)
    await assert_refused(refused, reason="sender-not-member")
    await assert_record_verifies(bureaus, operation.id)
