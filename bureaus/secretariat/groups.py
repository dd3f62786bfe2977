"""Named groups of addresses across bureaus: kept here, published to every bureau, expanded by whoever sends.

A group is known to the gateway by nothing: who sends to it names every member. Rules: each change is a new version,
sent to everybody by the outgoing messages; a group without members is dissolved, and its name may be used again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry.outgoing import EVERYBODY
from bureaus.secretariat.registry.relays import group
from schemas.codes import Purpose
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.group import NetworkGroup

KNOWN = {
    "fugitives": "Fugitive investigators",
    "ison": "Specialised operational network against migrant smuggling",
    "environment": "Environmental security",
}
"""The networks that the sources of domain.md name, and their titles."""


def register(office: Office) -> None:
    """Nothing comes in by message: who changes a group is of our own staff."""


def chores(office: Office) -> Sequence[Chore]:  # noqa: ARG001  # every room has both
    """None: outgoing messages are sent by the office."""
    return ()


async def groups(connection: AsyncConnection) -> list[NetworkGroup]:
    """Every group in its newest version, dissolved ones too, by name."""
    rows = await connection.execute(select(group).order_by(group.c.name, group.c.version))
    newest = {row.name: row for row in rows}
    return [
        NetworkGroup(
            name=row.name, version=row.version, title=row.title, members=tuple(map(Address, json.loads(row.members)))
        )
        for row in newest.values()
    ]


async def publish(
    connection: AsyncConnection, name: str, title: str, members: Sequence[str], *, who: str, now: int
) -> NetworkGroup:
    """The next version of a group, kept and posted to everybody; the same again is the version that there is.

    Raises:
        Malformed: `address`. Misuse: there is no group to dissolve, or no such name, title or number of members.
    """
    newest = {one.name: one for one in await groups(connection)}.get(name)
    listed = tuple(sorted(set(map(Address.parse, members))))
    if newest is None and not listed:
        raise Misuse(f"there is no group {name}")
    title = title or (newest.title if newest is not None else KNOWN.get(name, name))
    if newest is not None and (newest.title, newest.members) == (title, listed):
        return newest
    version = 1 if newest is None else newest.version + 1
    try:
        made = NetworkGroup(name=name, version=version, title=title, members=listed)
    except ValueError:
        raise Misuse("a group has a name of a-z, 0-9 and -, a title of one line, and at most 256 members") from None
    values = {"title": title, "members": json.dumps([str(one) for one in listed]), "who": who, "time": now}
    await connection.execute(insert(group).values(name=name, version=version, **values))
    key = f"group {name} {version}"
    await outgoing.post(connection, made, to=[EVERYBODY], purpose=Purpose.ADMINISTRATION, key=key)
    act = "published a group" if listed else "dissolved a group"
    why = f"version {version}, {len(listed)} members"
    await audit.note(connection, time=now, who=who, act=act, subject=name, why=why)
    return made


async def publish_again(connection: AsyncConnection, name: str, *, who: str, now: int) -> NetworkGroup:
    """Post the version that there is again: who joined the network since has not got it.

    Raises:
        Misuse: there is no group of this name.
    """
    newest = {one.name: one for one in await groups(connection)}.get(name)
    if newest is None:
        raise Misuse(f"there is no group {name}")
    await outgoing.post(connection, newest, to=[EVERYBODY], purpose=Purpose.ADMINISTRATION)
    await audit.note(connection, time=now, who=who, act="published a group again", subject=name)
    return newest
