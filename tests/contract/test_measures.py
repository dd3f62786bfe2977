from pathlib import Path

import pytest

from gateway.adapters.sql.measures import SqlMeasures
from gateway.ports_measures import Lying, Stage
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.identity import Address
from tests.metered import metered
from tests.support import NOW

BR = Address("BR")


@pytest.mark.postgres
async def test_postgresql_counts_what_lies_in_inboxes_and_quarantine(fresh_database: str, tmp_path: Path) -> None:
    async with metered(tmp_path, url=fresh_database) as here:
        measures = SqlMeasures(here.database)
        assert await measures.lying() == [Lying(BR, Link.HTTP, Urgency.ROUTINE, Stage.CONSIGNED, 1, NOW * 1000)]
        assert await measures.set_aside() == (1, 5)
        await here.measuring.look()
        assert here.watching.registry.get_sample_value("bureaunet_inbox_copies", {"bureau": "BR"}) == 1
