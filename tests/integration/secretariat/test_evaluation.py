"""Quality before and after, the use of databases and network by bureau, one report as JSON and as a page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat import claims, statements
from bureaus.secretariat.claims import Claim
from bureaus.secretariat.databases import records
from bureaus.secretariat.evaluation.network import Network, network
from bureaus.secretariat.evaluation.page import Told, page
from bureaus.secretariat.evaluation.report import evaluate
from bureaus.secretariat.notices import book
from bureaus.secretariat.notices.book import Notice
from bureaus.secretariat.notices.values import NoticeState
from bureaus.secretariat.quality.survey import survey
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.registry.arrests import arrest
from bureaus.secretariat.registry.databases import hit, log
from bureaus.secretariat.registry.relays import relay
from bureaus.secretariat.settings import DEFAULT
from schemas import messages
from schemas.codes import Answer
from schemas.errors import BureaunetError, Misuse
from schemas.identity import Address
from schemas.messages.codes import CaseTag, NoticeColour
from schemas.messages.databases import DatabaseRecord
from schemas.messages.notice_codes import Issue
from schemas.messages.person import Name, Person
from schemas.messages.result import OperationCase
from schemas.messages.search_codes import HitAction, RecordAct, Search, Validity
from schemas.operation import Phase
from tests.integration.secretariat.cases import PICTURE, RED, WANTED
from tests.integration.secretariat.test_reports import ARRESTED, INFRA, infra, scene
from tests.support import sqlite_url
from tests.world import BR, FR, OPERATION, RESPONSE, Log, first_directory, first_operation

NOW = 1_795_000_000
RED_NUMBER = "R-1/2026"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("fresh_database")
    return found


async def fill(connection: AsyncConnection, now: int) -> None:
    """A red notice of France's, its record, two records of Kenya's of one man, a bare one of Brazil's."""
    bare = Person(name=Name(family="Example"))
    for owner, reference, person in (("KE", "KE-1", WANTED), ("KE", "KE-2", WANTED), ("BR", "BR-1", bare)):
        message = DatabaseRecord(
            act=RecordAct.ADD, reference=reference, person=person, actions=(HitAction.ARREST,), review=now + 10
        )
        await records.carry_out(connection, message, sender=Address(owner), now=now, settings=DEFAULT)
    entry = Notice(
        *(RED_NUMBER, False, Address("FR"), RED.case, NoticeColour.RED, NoticeState.IN_FORCE, 1, (), ()),
        *(now, now + 1000, None, None, ""),
    )
    await book.put(connection, entry)
    content = messages.encode(RED, [PICTURE])
    await book.add_version(connection, entry, Issue.NEW, bytes(32), RED.KIND, content)


async def test_what_lacks_is_twice_stale_or_overdue_is_found_and_kept_in_counts(url: str) -> None:
    registry = await Registry.open(url)
    async with registry.writing() as connection:
        await fill(connection, NOW)
        found = await survey(connection, now=NOW)
        counts = {name: count for name, count in found.measured().items() if not name.endswith("_share")}
        noticed = {"notices": 1, "notices_complete": 1}
        assert counts == noticed | {"records": 3, "records_complete": 2, "duplicates": 1, "stale": 0, "overdue": 0}
        assert [(pair.one, pair.other) for pair in found.pairs] == [("KE KE-1", "KE KE-2")]
        only = await survey(connection, now=NOW, owners={"BR"})
        assert only.measured()["records"] == 1
        assert only.missing()["warrant"] == 1

        held = {"bureau": "BR", "case": "BR-9", "number": RED_NUMBER, "arrested": NOW, "state": "held", "changed": NOW}
        await connection.execute(insert(arrest).values(digest=bytes(32), **held))
        later = await survey(connection, now=NOW + 2000)
        stale = {one.name: one.stale for one in later.looked if one.stale}
        assert stale == {RED_NUMBER: "arrested by BR"}
        assert later.measured()["overdue"] == 4
        assert "Example" not in json.dumps(found.to_json())
    await registry.aclose()


def recorded(folder: Path) -> tuple[Path, Path, Log]:
    """A record in which France asked Brazil, which answered."""
    record_log = Log()
    record_log.publish_directory(first_directory())
    record_log.publish_operation(first_operation())
    query = record_log.submit(aud=(BR,))
    about = {"thread": query.digest, "re": query.digest, "answer": Answer.FINAL, "reply_by": None}
    record_log.submit(None, kept=True, iss=BR, aud=(FR,), kind=RESPONSE, **about)
    record, pinned = folder / "infra.record", folder / "network.bn"
    record.write_bytes(record_log.record())
    pinned.write_bytes(record_log.network.raw)
    return record, pinned, record_log


def test_the_networks_use_comes_from_a_record_that_verifies(tmp_path: Path) -> None:
    record, pinned, _ = recorded(tmp_path)
    found = network(record, pinned, OPERATION)
    assert found.measured() == {"whereabouts": 2, "contacts": 1, "messages": 2}
    france, brazil = found.by_bureau["FR"], found.by_bureau["BR"]
    assert (france.asked, france.was_asked, brazil.was_asked, brazil.answered) == (1, 0, 1, 1)
    assert len(brazil.seconds) == 1
    with pytest.raises(Misuse, match="is of"):
        network(record, pinned, "another")
    record.write_bytes(record.read_bytes()[:-40])
    with pytest.raises(BureaunetError):
        network(record, pinned, OPERATION)


async def use(connection: AsyncConnection, now: int) -> None:
    asked = [("FR/airport", "FR", Search.HIT, 400), ("FR", "FR", Search.NO_HIT, 900), ("XX", "XX", Search.HIT, 1)]
    for number, (asker, bureau, result, micro) in enumerate(asked):
        row = {"asker": asker, "bureau": bureau, "subject": "document", "urgent": number == 0, "result": result}
        digest = bytes([number]) * 32
        await connection.execute(insert(log).values(digest=digest, time=now, shown=1, microseconds=micro, **row))
    common = {"owner": "KE", "reference": "KE-1", "asker": "FR", "bureau": "FR", "score": 100, "visibility": "open"}
    for number, (state, answered) in enumerate(
        ((Validity.CONFIRMED, now + 60), (Validity.NOT_VALID, now + 120), ("asked", None), ("told", None))
    ):
        values = {**common, "state": state, "answered": answered, "question": bytes([number]) * 32, "record": number}
        await connection.execute(insert(hit).values(time=now, **values))
    relayed = {"operation": INFRA, "asker": "FR", "target": "KE", "named": True, "kind": "whereabouts.query/1"}
    await connection.execute(
        insert(relay).values(request=bytes(32), reference="R-1", handling="H0", state="answered", time=now, **relayed)
    )


async def test_an_operation_is_evaluated_before_and_after_as_json_and_as_one_page(tmp_path: Path, url: str) -> None:
    async with scene(tmp_path, url) as there:
        now = there.office.now()
        await there.tell(there.france, OperationCase(case="FR-1", tags=(CaseTag.COLD,), notice=RED_NUMBER), ARRESTED)
        async with there.office.registry.writing() as connection:
            await fill(connection, now)
            await use(connection, there.operation.time)
            before = (await survey(connection, now=now)).measured()
            await statements.keep_measure(connection, INFRA, "quality-before", before, who="a.example", now=now)
            for source, arrested in (("<script>alert(1)</script>", 3), ("a report", 4)):
                await claims.add(
                    connection, Claim(INFRA, source, "2026-11", arrested=arrested), who="a.example", now=now
                )
        assert (await there.step(Phase.EVALUATED)).refused is None
        there.office.now = lambda: now + 100
        shown = Network({}, 1, 2, 2, 8)
        async with there.office.registry.reading() as connection:
            versions = await statements.versions(connection, INFRA)
            found = await evaluate(connection, versions, now=now + 100, shown=shown)
        assert [one.version for one in versions] == list(range(1, there.operation.version + 1))
        told = found.to_json()
        results, bases = told["results"], told["databases"]
        assert isinstance(results, dict)
        assert isinstance(bases, dict)
        assert results["totals"] == {"arrested": 1, "located": 0, "identified": 0, "rescued": 0, "seized": 0}
        assert results["by_tag"] == {"cold": {"cases": 1, "results": 1}}
        assert [one.published for one in found.claims[:2]] == ["2026-11", "2026-11"]
        assert found.claims[-1].source == claims.OURS
        assert set(bases) <= {"FR", "KE", "IPSG"}
        france, kenya = found.use["FR"], found.use["KE"]
        assert (france.confirmed, france.false_hits) == (1, 1)
        assert (kenya.asked_of, kenya.unanswered, dict(kenya.confirming.counts)) == (3, 1, {60: 1, 120: 1})
        assert {one.name: one.stale for one in found.quality.looked if one.stale} == {
            RED_NUMBER: "arrested by its owner's own report"
        }
        assert found.relays == {"answered": 1}

        html = page(Told.model_validate_json(json.dumps(told)))
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        assert "default-src 'none'" in html
        for words in ("Results by kind", "Totals as claimed", "Before, after, and now", "Use of the databases"):
            assert words in html
        assert not any(f'{scheme}"' in html or f"{scheme}//" in html for scheme in ("http:", "https:"))


async def test_only_our_own_operations_are_evaluated(url: str) -> None:
    registry = await Registry.open(url)
    async with registry.reading() as connection:
        with pytest.raises(Misuse, match="no operation of ours"):
            await statements.versions(connection, "infra-none")
        empty = await evaluate(connection, [replace(infra("IPSG", NOW), time=NOW)], now=NOW, shown=None)
    assert empty.to_json()["network"] is None
    assert "no record of the operation was given" in page(Told.model_validate_json(json.dumps(empty.to_json())))
    await registry.aclose()
