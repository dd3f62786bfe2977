from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.adapters.sql.measures import SqlMeasures, lying
from gateway.adapters.sql.tables import Stage as Lies
from gateway.ports_measures import Lying, Stage
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.identity import Address
from tests.metered import metered
from tests.support import NOW

BR = Address("BR")


@pytest.mark.postgres
async def test_postgresql_looks_the_message_of_each_copy_up_and_reads_no_others(
    fresh_database: str, tmp_path: Path
) -> None:
    async with metered(tmp_path, url=fresh_database) as here, here.database.read() as connection:
        asked = lying(Lies.CONSIGNED, sqlite=False).compile(
            here.database.engine.sync_engine, compile_kwargs={"literal_binds": True}
        )
        await connection.execute(text("SET LOCAL enable_nestloop = off"))  # any other join would be taken then
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {asked}"))).scalars())
    assert "Nested Loop" in plan, plan
    assert "Hash Join" not in plan
    assert "Merge Join" not in plan


@pytest.mark.postgres
async def test_postgresql_counts_what_lies_in_inboxes_and_quarantine(fresh_database: str, tmp_path: Path) -> None:
    async with metered(tmp_path, url=fresh_database) as here:
        measures = SqlMeasures(here.database)
        assert await measures.lying() == [Lying(BR, Link.HTTP, Urgency.ROUTINE, Stage.CONSIGNED, 1, NOW * 1000)]
        assert await measures.set_aside() == (1, 5)
        await here.measuring.look()
        assert here.watching.registry.get_sample_value("bureaunet_inbox_copies", {"bureau": "BR"}) == 1
