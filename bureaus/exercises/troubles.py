"""What bureaus do wrong in an exercise: they flood, send rubbish, or lose a key to a thief.

All of it goes past the SDK, over the bureau's own link, and is counted by what the gateway said. Every choice is drawn
from a seed. A compromise runs as it would: the thief sends with the stolen key, the bureau makes new keys, the
authority lists them and revokes the stolen one from the next entry on, everybody takes up the directory, and the thief
is refused.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bureaus.client import Bureau
from bureaus.exercises.runner import hand
from bureaus.exercises.wrongs import Hand
from bureaus.sandbox.network import PrivateNetwork
from schemas import envelope, wire
from schemas.claims import Header
from schemas.codes import Handling, Purpose, Urgency
from schemas.errors import BureaunetError, Forbidden, Reason, Unavailable
from schemas.identity import Address, MessageId
from schemas.messages import WhereaboutsQuery, encode
from schemas.messages.codes import Asked
from schemas.receipts import Acceptance

AT_ONCE: Final = 8
REFRESH_SECONDS: Final = 180.0
"""Real seconds that a new directory may take to be covered by a checkpoint, and each bureau to take it up then."""
_TAKING_UP: Final = 4
"""Bureaus that take it up at one time: it is large, where the network is."""
_PAUSE: Final = 0.5
_LIFETIME: Final = 7 * 24 * 3600
_REFERENCE: Final = "NO-CASE-OF-OURS"
_LARGEST: Final = 2000
"""Bytes of rubbish."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where trouble is made."""

    operation: str
    bureaus: Mapping[Address, Bureau]
    now: Callable[[], int]
    """Milliseconds since the epoch."""
    fly: Callable[[bytes, Address, Address], None] = lambda _digest, _sender, _recipient: None
    """Told of each message that was accepted: its digest, sender and recipient."""
    going: Callable[[], None] = lambda: None
    """Called whenever what takes long has come further."""
    seed: str = ""


def query(scene: Scene, sender: Hand, to: Address) -> tuple[Header, bytes]:
    """A query about no case at all, sealed and signed by whoever holds the hand: its header, and the submission."""
    now = scene.now()
    header = Header(
        iss=sender.address,
        sub=scene.operation,
        aud=(to,),
        iat=now // 1000,
        exp=now // 1000 + _LIFETIME,
        cti=MessageId.new(now),
        net=sender.trust.network.id,
        head=sender.trust.head,
        kind=WhereaboutsQuery.KIND,
        purpose=Purpose.ARREST,
        exercise=sender.trust.network.genesis.exercise,
        urgency=Urgency.ROUTINE,
        handling=Handling.H0,
        thread=None,
        re=None,
        reply_by=None,
        answer=None,
        until=None,
    )
    content = encode(WhereaboutsQuery(asked=(Asked.STATUS,), case=_REFERENCE))
    sealed = envelope.seal(header, content, sender.trust.sealing_keys((to,), now // 1000), sender.key)
    return header, wire.encode_submission(sealed)


async def flood(scene: Scene, who: Address, count: int) -> str:
    """Send so many queries at once: what became of them, in words. Raises Unavailable."""
    own = hand(scene.bureaus[who], scene.now())
    others = [code for code in scene.bureaus if code != who and code in _members(scene)]
    rng = random.Random(f"{scene.seed} {who} flood")  # nothing secret comes of it
    sent = [query(scene, own, rng.choice(others)) for _ in range(count)]
    at_once = asyncio.Semaphore(AT_ONCE)

    async def send(header: Header, body: bytes) -> Acceptance:
        async with at_once:
            acceptance = (await own.submit(body))[1]
        if acceptance.accepted:
            scene.fly(acceptance.digest, who, header.aud[0])
        return acceptance

    said = await asyncio.gather(*(send(*one) for one in sent))
    return f"{who} sent {count} queries at once: {_counted(said)}"


async def rubbish(scene: Scene, who: Address, count: int) -> str:
    """Send so many bodies that are no envelopes, every other one an envelope that was spoilt: what the gateway said."""
    own = hand(scene.bureaus[who], scene.now())
    other = next(code for code in scene.bureaus if code != who)
    rng = random.Random(f"{scene.seed} {who} rubbish")  # nothing secret comes of it
    said: Counter[str] = Counter()
    for number in range(count):
        body = rng.randbytes(rng.randint(1, _LARGEST))
        if number % 2:
            whole = bytearray(query(scene, own, other)[1])
            whole[len(whole) // 2] ^= 1 << rng.randrange(8)
            body = bytes(whole)
        try:
            acceptance = (await own.submit(body))[1]
            said["accepted" if acceptance.accepted else f"refused, {acceptance.reason}"] += 1
        except BureaunetError as error:  # no receipt can name what it is
            said[f"not taken, {error.reason}"] += 1
    return f"{who} sent {count} bodies of rubbish: {_words(said)}"


async def compromise(scene: Scene, network: PrivateNetwork, who: Address, count: int) -> str:
    """A thief has the bureau's signing key, until it is revoked: what became of the thief's queries.

    Raises:
        Unavailable: a command of the authority failed. Untrusted, Malformed: a directory does not verify.
    """
    bureau = scene.bureaus[who]
    thief = hand(bureau, scene.now())
    other = next(code for code in scene.bureaus if code != who and code in _members(scene))
    version = bureau.trust.directory.version
    before = [await _steal(scene, thief, other) for _ in range(count)]
    rotation = await bureau.rotate()
    await _authority(network, "approve", rotation.path)
    await refresh_all(scene, version + 1)
    void = max((one.index for one in before if one.index is not None), default=bureau.trust.head.size) + 1
    await _authority(network, "revoke", who, "--key", thief.key.key_id.hex(), "--void-from", str(void))
    await refresh_all(scene, version + 2)
    after = [await _steal(scene, replace(thief, trust=bureau.trust), other) for _ in range(count)]
    return (
        f"a thief with the key of {who} sent {count} queries: {_counted(before)}; {who} made new keys, and the "
        f"authority revoked the stolen one; then {count} more: {_counted(after)}"
    )


async def refresh_all(scene: Scene, version: int) -> None:
    """Let everybody take up this version of the directory, or a later one: the gateway said that it goes by it.

    Raises:
        Unavailable: not within `REFRESH_SECONDS`, or no checkpoint covers it by then.
    """
    at_once = asyncio.Semaphore(_TAKING_UP)

    async def take_up(bureau: Bureau) -> None:
        async with at_once:
            await _refresh(scene, bureau, version)

    first, *others = scene.bureaus.values()
    await take_up(first)  # until a checkpoint covers it, the others need not ask
    await asyncio.gather(*map(take_up, others))


async def _refresh(scene: Scene, bureau: Bureau, version: int) -> None:
    until = time.monotonic() + REFRESH_SECONDS
    while True:
        late = Unavailable(Reason.NOT_CURRENT, f"the gateway does not go by version {version} of the directory yet")
        try:
            await bureau.refresh()
        except (Unavailable, Forbidden) as error:
            late = error if isinstance(error, Unavailable) else late
        scene.going()
        if bureau.trust.directory.version >= version:
            return
        if time.monotonic() > until:
            raise late
        await asyncio.sleep(_PAUSE)


async def _steal(scene: Scene, thief: Hand, other: Address) -> Acceptance:
    acceptance = (await thief.submit(query(scene, thief, other)[1]))[1]
    if acceptance.accepted:
        scene.fly(acceptance.digest, thief.address, other)
    return acceptance


async def _authority(network: PrivateNetwork, command: str, *arguments: object) -> None:
    home = network.gateway_home.parent / "authority"
    await network.command("authority", command, "--home", home, *map(str, arguments))
    await network.command("participant", "load", "--home", network.gateway_home, home / "directory.cbor")


def _members(scene: Scene) -> frozenset[Address]:
    """Whom the operation has as members, but for its owner."""
    for bureau in scene.bureaus.values():
        operation = bureau.trust.operation(scene.operation)
        if operation is None:
            raise Forbidden(Reason.OPERATION_UNKNOWN, f"nobody knows {scene.operation}")
        return frozenset(member.address for member in operation.members if member.address != operation.owner)
    return frozenset()


def _counted(said: list[Acceptance]) -> str:
    return _words(Counter("accepted" if one.accepted else f"refused, {one.reason}" for one in said))


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
