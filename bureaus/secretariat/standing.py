"""The standing operation `ipsg-services`: what the secretariat's services are exchanged in.

Its owner is the secretariat, its members everybody in the directory, its kinds all that there are: what an
organisation or a unit may send of them is schemas/rights.py. Order of work: `following` says, purely, which version
ought to be next; `publish` signs and posts it; the chore does so when the directory changed. Rule: nobody is taken out
of its past: whoever leaves the directory is a member until then.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bureaus.client import Bureau
from bureaus.secretariat.office import Chore, Office
from schemas.codes import Handling, Purpose
from schemas.directory import Directory, State
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import KINDS
from schemas.operation import Member, Operation, Phase, Role, SignedOperation

NAME: Final = "Services of the General Secretariat"


def following(
    name: str, owner: Address, directory: Directory, there: SignedOperation | None, now: int
) -> Operation | None:
    """The version to publish at `now`, in seconds: the first, the next, or None where the newest serves.

    Raises:
        Misuse: the operation is somebody else's, or over.
    """
    if there is None:
        members = (Member(owner, Role.OWNER, now), *_joining(directory, (), owner, now))
        return Operation(
            id=name,
            version=1,
            previous=None,
            time=now,
            name=NAME,
            owner=owner,
            phase=Phase.ACTIVE,
            members=members,
            kinds=tuple(sorted(KINDS)),
            purposes=tuple(Purpose),
            handling=tuple(Handling),
        )
    newest = there.operation
    if newest.owner != owner:
        raise Misuse(f"the operation {name} is owned by {newest.owner}")
    if newest.closed:
        raise Misuse(f"the operation {name} is over: the services need another")
    members = (*_staying(newest.members, directory, owner, now), *_joining(directory, newest.members, owner, now))
    kinds = (*newest.kinds, *sorted(set(KINDS) - set(newest.kinds)))
    if (members, kinds) == (newest.members, newest.kinds):
        return None
    return replace(newest, version=newest.version + 1, previous=there.hash, time=now, members=members, kinds=kinds)


def _staying(members: tuple[Member, ...], directory: Directory, owner: Address, now: int) -> tuple[Member, ...]:
    listed = _listed(directory) | {owner}
    return tuple(
        replace(member, until=now) if member.until is None and member.address not in listed else member
        for member in members
    )


def _joining(directory: Directory, members: tuple[Member, ...], owner: Address, now: int) -> tuple[Member, ...]:
    there = {member.address for member in members if member.covers(now)} | {owner}
    joining = sorted(_listed(directory) - there)
    return tuple(Member(address, Role.PARTICIPANT, now) for address in joining)


def _listed(directory: Directory) -> set[Address]:
    """Every participant that may exchange; a unit with a row of its own is its bureau's membership."""
    return {row.address for row in directory.participants if row.state is State.ACTIVE and row.address.unit is None}


async def publish(bureau: Bureau, name: str, now: int) -> Operation | None:
    """Bring the standing operation to the directory: the version that was published, None where none was needed.

    Raises:
        Misuse: it is somebody else's, or over. Forbidden, Untrusted, Unavailable: the gateway does not take it.
    """
    trust = await bureau.refresh()
    versions = trust.operations.get(name)
    there = versions[-1].signed if versions else None
    operation = following(name, bureau.address, trust.directory, there, now)
    if operation is not None:
        await bureau.publish_operation(operation)
    return operation


def chore(office: Office) -> Chore:
    """Holds the operation against the directory."""

    async def hold() -> None:
        await publish(office.bureau, office.operation, office.now())

    return Chore("standing operation", office.settings.standing_seconds, hold)
