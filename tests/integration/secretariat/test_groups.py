"""Named groups across bureaus: kept by the secretariat, published to everybody, expanded by who sends."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureaus.secretariat import groups
from bureaus.secretariat.office import OPERATION
from schemas.codes import Purpose
from schemas.errors import Malformed, Misuse
from schemas.identity import Address
from schemas.messages.group import NetworkGroup
from tests.integration.secretariat.house import House
from tests.unit.bureaus.network import QUERY, counted


async def test_a_group_is_published_to_everybody_changed_and_dissolved(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ("FR", "BR", "KE"))
    async with house.serving() as office, house.bureau("FR") as france, house.bureau("BR") as brazil:
        registry, now = office.registry, office.now()
        for members, version in ((["FR", "BR"], 1), (["BR", "FR"], 1), (["FR", "BR", "KE"], 2)):
            async with registry.writing() as connection:
                made = await groups.publish(connection, "ison", "", members, who="a.example", now=now)
            assert made.version == version
        for bureau in (france, brazil):
            await counted(bureau, "received", "new", 2)
            published = NetworkGroup(
                name="ison",
                version=2,
                title=groups.KNOWN["ison"],
                members=(Address("BR"), Address("FR"), Address("KE")),
            )
            assert await bureau.groups() == {"ison": published}
        sent = await france.ask(QUERY, to=["@ison"], operation=OPERATION, purpose=Purpose.LOCATION)
        assert sent.draft.to == (Address("BR"), Address("KE"))
        await sent.accepted(60)
        async with registry.writing() as connection:
            await groups.publish(connection, "ison", "", [], who="a.example", now=now)
        await counted(france, "received", "new", 3)
        assert await france.groups() == {}


async def test_a_group_needs_a_name_and_members_that_are_addresses(tmp_path: Path) -> None:
    house = await House.gather(tmp_path, ())
    async with house.office() as office, office.registry.writing() as connection:
        with pytest.raises(Misuse, match="no group nobody"):
            await groups.publish(connection, "nobody", "", [], who="a.example", now=1)
        with pytest.raises(Malformed):
            await groups.publish(connection, "ison", "", ["nowhere at all"], who="a.example", now=1)
        with pytest.raises(Misuse, match="a group has a name"):
            await groups.publish(connection, "Not A Name", "", ["FR"], who="a.example", now=1)
        assert await groups.groups(connection) == []
