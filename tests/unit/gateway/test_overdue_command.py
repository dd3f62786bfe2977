"""`bureaunet-gateway overdue`: who was asked, by whom, since when; for people and for programs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner

from gateway.__main__ import main
from gateway.adapters.sql import Database, SqlStore, prepare
from gateway.authority import Authority
from gateway.clocks import Clock, State, Terms
from gateway.service import complete_service, make_service
from schemas.codes import Urgency
from schemas.identity import Address
from tests.support import sqlite_url

NOW = 1_800_000_000


def clock(number: int, state: State) -> Clock:
    query, due = bytes([number]) * 32, (NOW + number) * 1000
    of = ("infra-test", "whereabouts.query/1", Urgency.URGENT)
    return Clock(query, Address("BR"), Address("FR"), *of, NOW * 1000, due, Terms(1, 2), state)


async def fill(folder: Path, clocks: list[Clock]) -> None:
    database = Database(sqlite_url(folder))
    await prepare(database)
    async with SqlStore(database).begin() as transaction:
        await transaction.open_clocks(clocks)
    await database.close()


def test_silence_is_listed_longest_due_first(tmp_path: Path) -> None:
    home = tmp_path / "gw"
    service = make_service(home, "log.test", [], NOW)
    authority = Authority.create(tmp_path / "authority", service.encode(), "Test", NOW, exercise=True)
    given = [authority.home / name for name in ("network.bn", "certificates/gateway.pem", "ca.pem")]
    complete_service(home, *(path.read_bytes() for path in given))
    states = [State.AWAITING, State.ESCALATED, State.ANSWERED, State.OVERDUE]
    asyncio.run(fill(home, [clock(9 - number, state) for number, state in enumerate(states)]))

    said = CliRunner().invoke(main, ["overdue", "--home", str(home), "--json"])
    assert said.exit_code == 0
    rows = json.loads(said.output)["overdue"]
    assert [(row["due"], row["state"], row["asked"], row["asker"]) for row in rows] == [
        ((NOW + 6) * 1000, "overdue", "BR", "FR"),
        ((NOW + 8) * 1000, "escalated", "BR", "FR"),
    ]
    plain = CliRunner().invoke(main, ["overdue", "--home", str(home)])
    first = plain.output.splitlines()[0]
    assert first == "2027-01-15T08:00:06+00:00 BR asked by FR whereabouts.query/1 urgent overdue"
