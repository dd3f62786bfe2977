"""A gateway that says a false place of a true message hides what lies below it for a while, and not for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.links import Link
from bureaus.links.memory import MemoryLink
from bureaus.settings import Limits
from schemas.codes import Purpose
from schemas.identity import Address
from schemas.messages import WhereaboutsQuery
from schemas.messages.codes import Asked
from schemas.wire import InboxItem
from tests.unit.bureaus.network import OPERATION, Team, counted

HUGE = 2**62


def query(case: str) -> WhereaboutsQuery:
    return WhereaboutsQuery(asked=(Asked.STATUS,), case=case)


class Hiding(MemoryLink):
    """Gives the newest copy alone, under a place above every other; with `honest`, what waits, as it is."""

    honest = False

    async def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:
        async for batch in super().items(after):
            yield batch if self.honest else [replace(batch[-1], index=HUGE)]


@pytest.mark.parametrize("how", ["reopened", "reread"])
async def test_what_was_hidden_behind_a_false_place_comes_when_it_is_hidden_no_more(tmp_path: Path, how: str) -> None:
    team = await Team.gather(tmp_path)
    link = Hiding(team.network, Address("BR"))

    def connect(_who: object) -> Link:
        return link

    async with team.open("FR") as fr:
        for case in ("A-1", "A-2"):
            await (await fr.ask(query(case), to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)).accepted(60)
    quick = Limits(reread_seconds=0.2)
    async with team.open("BR", connect=connect, limits=quick) as br:
        await counted(br, "received", "new", 1)
        if how == "reread":
            link.honest = True
            await counted(br, "received", "new", 2)
    if how == "reopened":
        async with team.open("BR") as br:
            await counted(br, "received", "new", 2)
