"""The gateway's operator, who holds all of the gateway's keys, lies to a bureau's program about directory and ledger.

Each play opens a copy of one bureau's home that has heard the truth before, over a real link that changes some answers.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from bureaus import links
from bureaus.client import Bureau
from bureaus.enrolment import Identity
from bureaus.links import Link
from bureaus.settings import Limits
from bureaus.store import FILE, Store, identity
from gateway import keyfiles
from schemas import wire
from schemas.codes import Purpose
from schemas.directory import Current, Directory, sign_current, sign_directory
from schemas.envelope import digest_of
from schemas.errors import BureaunetError, Reason, Untrusted
from schemas.evidence import Event
from schemas.keys import SigningKey
from schemas.messages import WhereaboutsQuery
from schemas.messages.codes import Asked
from schemas.notes import Checkpoint, sign_checkpoint
from schemas.operation import Phase, sign_operation
from schemas.receipts import Acceptance, sign_acceptances
from schemas.wire import InboxItem, decode_submission
from tests.adversary.cast import LIED_TO
from tests.adversary.scene import OPERATION, Scene
from tests.adversary.table import ALARM, PROGRAM, Seen, play

HOUR: Final = 3600
_INFORMING: Final = asyncio.Lock()
QUICK: Final = Limits(backoff_first_seconds=0.1, backoff_last_seconds=0.2, refresh_pause_seconds=0)


class Lying:
    """A link on which some answers are others than the gateway gave, and receipts another's."""

    def __init__(self, true: Link, answers: Mapping[str, bytes], signer: SigningKey | None, net: bytes) -> None:
        self._true, self._answers, self._signer, self._net = true, answers, signer, net

    async def submit(self, body: bytes) -> bytes:
        if self._signer is None:
            return await self._true.submit(body)
        digest = digest_of(decode_submission(body).statement)
        said = Acceptance(digest, Event.SUBMISSION_ACCEPTANCE, 10**6, int(time.time() * 1000))
        return sign_acceptances([said], self._net, self._signer)[0]

    async def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:
        async for batch in self._true.items(after):
            yield batch

    async def acknowledge(self, body: bytes) -> None:
        await self._true.acknowledge(body)

    async def get(self, path: str) -> bytes:
        return self._answers[path] if path in self._answers else await self._true.get(path)

    async def publish(self, path: str, body: bytes) -> None:
        await self._true.publish(path, body)

    async def aclose(self) -> None:
        await self._true.aclose()


async def _informed(scene: Scene) -> Path:
    """A copy of the program's home, after it has heard the truth."""
    home = scene.folder / LIED_TO
    async with _INFORMING:  # plays run beside each other
        if not (home / "informed").exists():
            async with Bureau.open(home):
                pass
            (home / "informed").touch()
    copy = scene.folder / f"{LIED_TO}-{uuid4().hex[:8]}"
    shutil.copytree(home, copy)
    return copy


@asynccontextmanager
async def _told(
    scene: Scene, home: Path, answers: Mapping[str, bytes], by: SigningKey | None = None
) -> AsyncIterator[Bureau]:
    def connect(who: Identity) -> Link:
        return Lying(links.connect(who), answers, by, scene.network.id)

    async with Bureau.open(home, connect=connect, limits=QUICK) as bureau:
        yield bureau


async def _ask(bureau: Bureau) -> None:
    query = WhereaboutsQuery(asked=(Asked.STATUS,), case="CASE-1")
    await bureau.ask(query, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)


async def _heard(scene: Scene, answers: Mapping[str, bytes]) -> Seen:
    """What the program says to these answers, that it adopts none of it, and whether it keeps an alarm."""
    home = await _informed(scene)
    async with _told(scene, home, answers) as bureau:
        got = "believed"
        try:
            await bureau.refresh()
        except BureaunetError as error:
            got = error.reason
        adopted = bureau.trust.directory.version != scene.directory.version
        adopted = adopted or bureau.trust.operation("infra-forged") is not None
        alarmed = bureau.trust.alarm is not None
        if alarmed:
            try:
                await _ask(bureau)
            except Untrusted:
                pass
            else:
                adopted = True
    async with await Store.open(home / FILE) as store:
        kept = await store.run(identity.alarm)
    if adopted or alarmed != (kept is not None):
        return Seen("believed", "nowhere")
    return Seen(kept[0], ALARM) if kept else Seen(got, PROGRAM)


def _operators(scene: Scene, name: str) -> SigningKey:
    return keyfiles.load_signing_key(scene.home / "keys" / f"{name}.pem")


async def _current(scene: Scene, version: Directory, age: int = 0) -> bytes:
    """The gateway's word that a version is current."""
    head = scene.programs["CO"].trust.head
    said = Current(version.version, version.hash, int(time.time()) - age, head)
    return sign_current(said, scene.network.id, _operators(scene, "current"))


def _next(scene: Scene, by: SigningKey, *, of: str) -> tuple[Directory, bytes]:
    """A directory in which a bureau has a key more, signed by somebody."""
    rows = []
    for row in scene.directory.participants:
        foreign = replace(row.signing[0], key=SigningKey.generate().public)
        rows.append(replace(row, signing=(foreign, *row.signing)) if row.address == of else row)
    made = replace(
        scene.directory, version=3, previous=scene.directory.hash, participants=tuple(rows), hash=b"", time=scene.now
    )
    raw = sign_directory(made, [by], scene.network)
    return replace(made, hash=digest_of(raw)), raw


@play
async def key_slipped_in(scene: Scene) -> Seen:
    version, raw = _next(scene, _operators(scene, "acceptance"), of="BR")
    return await _heard(scene, {f"{wire.DIRECTORY}/3": raw, wire.CURRENT: await _current(scene, version)})


@play
async def key_of_ours_slipped_in(scene: Scene) -> Seen:
    """The authority was tricked into signing it."""
    version, raw = _next(scene, scene.authority_key, of=LIED_TO)
    return await _heard(scene, {f"{wire.DIRECTORY}/3": raw, wire.CURRENT: await _current(scene, version)})


@play
async def directory_rolled_back(scene: Scene) -> Seen:
    first = replace(scene.directory, version=1, hash=digest_of(scene.first_directory))
    answers = {f"{wire.DIRECTORY}/3": scene.first_directory, wire.CURRENT: await _current(scene, first)}
    return await _heard(scene, answers)


@play
async def directory_frozen(scene: Scene) -> Seen:
    return await _heard(scene, {wire.CURRENT: await _current(scene, scene.directory, age=25 * HOUR)})


@play
async def split_view(scene: Scene) -> Seen:
    head = scene.programs["CO"].trust.head
    origin = scene.network.policy.origin
    log = keyfiles.load_note_key(scene.home / "keys" / "log.pem", origin)
    note = sign_checkpoint(Checkpoint(origin, head.size + 10_000, bytes(32)), log, int(time.time())).encode()
    path = await _last_size(scene)
    return await _heard(scene, {wire.CHECKPOINT: note, f"{wire.CONSISTENCY}/{path}/{head.size + 10_000}": b"\x80"})


async def _last_size(scene: Scene) -> int:
    """The tree size that the program heard of first."""
    home = await _informed(scene)
    async with await Store.open(home / FILE) as store:
        rows = await store.run(lambda db: db.execute("SELECT value FROM meta WHERE name = 'checkpoint'").fetchall())
    return int(rows[0][0].split(b"\n")[1])


@play
async def forged_operation(scene: Scene) -> Seen:
    forged = scene.operation("infra-forged", Phase.ACTIVE)
    raw = sign_operation(forged, scene.network.id, _operators(scene, "acceptance"))
    listed = json.dumps([{"id": "infra-forged", "version": 1, "index": 3}]).encode()
    return await _heard(scene, {wire.OPERATIONS: listed, f"{wire.OPERATIONS}/infra-forged?version=1": raw})


async def _receipts_by(scene: Scene, signer: SigningKey) -> Seen:
    """The envelope stays in the outbox, and goes once there is a true receipt for it."""
    home = await _informed(scene)
    async with _told(scene, home, {}, signer) as bureau:
        await _ask(bureau)
        await asyncio.sleep(1)
        waiting = (await bureau.counts())["sent"].get("waiting", 0)
    async with Bureau.open(home) as bureau:
        async with asyncio.timeout(60):
            while (await bureau.counts())["sent"].get("accepted", 0) != waiting:  # noqa: ASYNC110  # has no event
                await asyncio.sleep(0.1)
    return Seen(Reason.UNREACHABLE if waiting == 1 else "believed", PROGRAM)


@play
async def forged_receipt(scene: Scene) -> Seen:
    return await _receipts_by(scene, SigningKey.generate())


@play
async def receipt_by_another_use(scene: Scene) -> Seen:
    """The gateway's own key, which is listed for another use."""
    return await _receipts_by(scene, _operators(scene, "current"))


@play
async def current_by_another_use(scene: Scene) -> Seen:
    """The acceptance key says which version is current."""
    head = scene.programs["CO"].trust.head
    said = Current(scene.directory.version, scene.directory.hash, int(time.time()) + 60, head)
    return await _heard(scene, {wire.CURRENT: sign_current(said, scene.network.id, _operators(scene, "acceptance"))})
