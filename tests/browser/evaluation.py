"""The evaluation of a synthetic operation, as `bureaunet secretariat evaluate` writes it: a page in a file.

Five bureaus, two months, everything drawn from a seed: the same page each time.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat import claims, statements
from bureaus.secretariat.claims import Claim
from bureaus.secretariat.evaluation.network import Network, Traffic
from bureaus.secretariat.evaluation.page import Told, page
from bureaus.secretariat.evaluation.report import evaluate
from bureaus.secretariat.quality.survey import survey
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.registry.databases import hit, log
from bureaus.secretariat.registry.results import case, corroboration, report
from schemas.identity import Address
from schemas.messages.codes import CaseTag, Corroboration, ResultKind
from schemas.messages.search_codes import Search, Validity
from schemas.operation import Member, Phase, Role
from tests.integration.secretariat.test_evaluation import NOW, fill
from tests.integration.secretariat.test_reports import INFRA, infra
from tests.support import sqlite_url

CODES: Final = ("AR", "BR", "FR", "KE", "PT")
DAYS: Final = 60
CASES: Final = 24
QUESTIONS: Final = 180
DAY: Final = 86_400


async def evaluation(folder: Path) -> Path:
    """Fill a registry in a folder, and write its evaluation there: the page's file."""
    dice, begun = random.Random(2011), NOW - DAYS * DAY  # noqa: S311  # the same page each time
    members = tuple(Member(Address(code), Role.PARTICIPANT, begun) for code in CODES)
    first = infra("IPSG", begun)
    active = replace(first, name="Infra-Test 2026", members=(first.members[0], *members))
    versions = [active, replace(active, version=2, previous=bytes(32), time=NOW, phase=Phase.EVALUATED)]
    registry = await Registry.open(sqlite_url(folder))
    try:
        async with registry.writing() as connection:
            before = {"records": 3, "records_complete": 1, "notices": 1, "notices_complete": 0, "duplicates": 2}
            await statements.keep_measure(connection, INFRA, "quality-before", before, who="a.example", now=begun)
            await fill(connection, NOW)
            await _results(connection, dice, begun)
            await _questions(connection, dice, begun)
            for source, arrested, located in (("A fact sheet", 9, 6), ("A newspaper", 12, None)):
                said = Claim(INFRA, source, "2026-11", arrested=arrested, located=located)
                await claims.add(connection, said, who="a.example", now=NOW)
            after = (await survey(connection, now=NOW)).measured()
            await statements.keep_measure(connection, INFRA, "quality-after", after, who="a.example", now=NOW)
            found = await evaluate(connection, versions, now=NOW, shown=_traffic(dice))
    finally:
        await registry.aclose()
    file = folder / "evaluation.html"
    file.write_text(page(Told.model_validate_json(json.dumps(found.to_json()))), "utf-8")
    return file


async def _results(connection: AsyncConnection, dice: random.Random, begun: int) -> None:
    for number in range(CASES):
        bureau, reference, time = dice.choice(CODES), f"C-{number}", begun + number * DAY
        about = {"operation": INFRA, "place": number, "time": time}
        tags = json.dumps(dice.sample([str(tag) for tag in CaseTag], 2))
        await connection.execute(insert(case).values(bureau=bureau, reference=reference, tags=tags, **about))
        if number % 3 == 2:
            continue
        kind = dice.choice((ResultKind.ARRESTED, ResultKind.LOCATED, ResultKind.LOCATED, ResultKind.IDENTIFIED))
        row: dict[str, object] = {"result": kind, "country": dice.choice(CODES), "people": 1, "contributors": "[]"}
        row |= {"digest": dice.randbytes(32), "corrects": number == 0, "exercise": False}
        await connection.execute(insert(report).values(bureau=bureau, reference=reference, **row, **about))
        if number % 2:
            said: dict[str, object] = {
                "reporter": bureau,
                "bureau": CODES[CODES.index(bureau) - 1],
                "says": Corroboration.CONFIRMED,
            }
            said |= {"digest": dice.randbytes(32), "result": kind, "exercise": False}
            await connection.execute(insert(corroboration).values(reference=reference, **said, **about))


async def _questions(connection: AsyncConnection, dice: random.Random, begun: int) -> None:
    for _ in range(QUESTIONS):
        asker, digest, time = dice.choice(CODES), dice.randbytes(32), begun + dice.randrange(DAYS * DAY)
        result = dice.choice((Search.HIT, Search.NO_HIT, Search.NO_HIT, Search.CANDIDATES))
        row = {"asker": asker, "bureau": asker, "subject": "document", "urgent": dice.random() < 0.2}
        row |= {"result": result, "shown": 1, "microseconds": dice.randrange(300, 9000)}
        await connection.execute(insert(log).values(digest=digest, time=time, **row))
        if result is Search.HIT:
            word = dice.choice((Validity.CONFIRMED, Validity.CONFIRMED, Validity.CONFIRMED, Validity.NOT_VALID))
            told = {"owner": dice.choice(CODES), "reference": "KE-1", "asker": asker, "bureau": asker, "score": 100}
            told |= {"visibility": "open", "state": word, "answered": time + dice.randrange(60, 3000)}
            await connection.execute(insert(hit).values(question=digest, record=1, time=time, **told))


def _traffic(dice: random.Random) -> Network:
    """As a verified record would show it."""
    used: dict[str, Traffic] = {}
    for code, neighbour in pairwise((*CODES, CODES[0])):
        seconds = [dice.uniform(40, 4000) for _ in range(dice.randrange(8, 20))]
        far = ord(neighbour[0]) - ord(code[0])
        used[code] = Traffic(40 + far, 20, len(seconds) + 1, len(seconds), 1, 0, seconds)
    messages = sum(one.sent for one in used.values())
    return Network(used, contacts=8, whereabouts=messages // 2, messages=messages, size=4 * messages)
