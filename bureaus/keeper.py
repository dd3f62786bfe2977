"""Fetches, verifies and keeps what the bureau goes by: directory versions, operations, the tree head.

Order of a refresh: which directory is current, the versions up to it one by one, the tree head, operations. Each step
is verified before it is kept, and kept before it is used. Rules: a version never goes back, each names the one before
by hash and is proven to be in the ledger (bureaus/heads.py); a row of ours lists no key that we did not make; a tree
head extends the one before. What breaks one of these is an alarm: its evidence is kept and nothing more is sealed until
a person has looked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bureaus import gossip, logs
from bureaus.calling import tell
from bureaus.heads import Heads
from bureaus.links import Link
from bureaus.pump import Backoff
from bureaus.settings import Limits
from bureaus.store import Store, identity, verified
from bureaus.store.identity import Keys
from bureaus.trust import Trust, Version
from schemas import cbor, wire
from schemas.directory import CURRENT_LIFETIME, Directory, Participant, read_current, read_directory, read_stated
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable, Untrusted
from schemas.identity import Address, parse_operation_id
from schemas.misbehaviour import Evidence, Source, Statement, is_misbehaviour
from schemas.network import Network
from schemas.operation import Operation, claimed_owner, read_operation
from schemas.threshold import Holders

_log: Final = logs.get(__name__)
_STEPS: Final = 10_000
"""Directory versions fetched in one refresh at most."""


class Keeper:
    """Keeps `trust`, which is None until a directory was verified for the first time."""

    def __init__(
        self,
        store: Store,
        link: Link,
        network: Network,
        address: Address,
        clock: Callable[[], int],
        limits: Limits,
        keys: Keys,
    ) -> None:
        """`clock` gives milliseconds since the epoch."""
        self._store = store
        self._link = link
        self._network = network
        self._address = address
        self._clock = clock
        self._limits = limits
        self._keys = keys
        self._turn = asyncio.Lock()
        self._refreshed = 0
        self._trust: Trust | None = None
        self.heads = Heads(store, link, network, limits, self._sound_alarm)
        self.when_refreshed: Callable[[], Awaitable[None]] = _nothing
        """Called after each refresh."""
        self.when_misbehaved: list[Callable[[Path, str], None]] = []
        """Told of each proof of misbehaviour: its file, and what happened in words."""

    @property
    def trust(self) -> Trust:
        """What we go by now.

        Raises:
            Unavailable: no directory was ever had: the gateway could not be reached yet.
        """
        if self._trust is None:
            raise Unavailable(Reason.UNREACHABLE, "no directory was fetched yet")
        return self._trust

    async def load(self) -> None:
        """Read what was verified before, and verify it again."""
        raw = await self._store.run(verified.directory)
        if raw is None:
            return
        office = await self._store.run(verified.holders)
        holders = None if office is None else Holders.from_value(cbor.decode(office))
        directory = read_directory(raw, self._network, holders=holders)
        alarm = await self._store.run(identity.alarm)
        await self.heads.load()
        head = self.heads.head
        confirmed = self._confirmed(directory, await self._store.run(verified.confirmation))
        self._trust = Trust(
            self._address, self._network, directory, confirmed, head, {}, None if alarm is None else alarm[1]
        )
        for place, statement in await self._store.run(verified.operations):
            self._trust = self._with_operation(self._trust, statement, place)[0]

    def _confirmed(self, directory: Directory, raw: bytes | None) -> int:
        try:
            return 0 if raw is None else read_current(raw, self._network, directory, 0).time
        except Untrusted:  # the process ended between a version and its confirmation: the next refresh has both
            return 0

    async def refresh(self) -> None:
        """Look for anything newer. Whoever asks while one is under way shares the next.

        Raises:
            Unavailable: the gateway cannot be reached. Untrusted, Malformed: what it gives does not verify.
        """
        asked = self._clock()
        async with self._turn:
            if self._refreshed > asked:
                return  # somebody else's refresh began after we asked
            began = self._clock()
            await self._refresh_directory()
            await self.heads.refresh()
            self._trust = replace(self.trust, head=self.heads.head)
            await self._refresh_operations()
            self._refreshed = began
            await self.when_refreshed()

    async def catch_up(self) -> None:
        """As `refresh`, for what somebody else sent: not before the pause of the limits is over.

        Raises:
            As `refresh`.
        """
        pause = self._refreshed / 1000 + self._limits.refresh_pause_seconds - self._clock() / 1000
        await asyncio.sleep(max(0.0, pause))
        await self.refresh()

    async def take_head(self, note: str) -> None:
        """Hold a checkpoint against the head that we accepted, and accept it where it is larger.

        Raises:
            Untrusted: `consistency`, it contradicts ours: an alarm; `checkpoint`. Unavailable. Malformed.
        """
        await self.heads.take(note)
        self._trust = replace(self.trust, head=self.heads.head)

    async def keep_fresh(self) -> None:
        """Refresh now and then, for ever; a failure is logged and tried again."""
        backoff = Backoff(self._limits)
        wait = self._limits.refresh_seconds if self._refreshed else 0.0
        while True:
            await asyncio.sleep(wait)
            try:
                await self.refresh()
            except Unavailable as error:
                _log.info("the gateway cannot be reached", bureau=self._address)
                wait = backoff.next(error.retry_after)
            except BureaunetError as error:
                _log.error("the gateway's word does not verify", bureau=self._address, reason=error.reason)
                wait = backoff.next()
            else:
                backoff.reset()
                wait = self._limits.refresh_seconds

    async def ready_for(self, operation: str, to: Sequence[Address]) -> Trust:
        """What to seal by: fetched anew where it is too old, or knows the operation or a recipient not yet.

        Raises:
            Unavailable: it must be fetched, and the gateway cannot be reached. Untrusted, Malformed: it does not
            verify.
        """
        if not self._serves(operation, to):
            await self.refresh()
        return self.trust

    def _serves(self, operation: str, to: Sequence[Address]) -> bool:
        trust = self._trust
        if trust is None or trust.operation(operation) is None:
            return False
        fresh = self._clock() // 1000 - trust.confirmed <= CURRENT_LIFETIME
        return fresh and all(trust.directory.find(address) is not None for address in to)

    # ---------------------------------------------------------------------------------------- directory

    async def _refresh_directory(self) -> None:
        if self._trust is None:
            await self._first_directory()
        for _ in range(_STEPS):
            raw = await self._link.get(wire.CURRENT)
            try:
                current = read_current(raw, self._network, self.trust.directory, self._clock() // 1000)
            except Untrusted as error:
                await self._check_version(raw)
                if error.reason not in (Reason.NOT_CURRENT, Reason.KEY_UNKNOWN) or not await self._next_directory():
                    raise
            else:
                await self._store.run(verified.keep_confirmation, raw)
                self._trust = replace(self.trust, confirmed=current.time)
                await self.heads.confirm(raw, current)
                return

    async def _first_directory(self) -> None:
        """The newest; where the authority was succeeded, the first, so that each names who signs the next."""
        raw = await self._link.get(wire.DIRECTORY)
        try:
            directory = read_directory(raw, self._network)
        except Untrusted as error:
            if error.reason not in (Reason.KEY_UNKNOWN, Reason.THRESHOLD):
                raise
            raw = await self._link.get(f"{wire.DIRECTORY}/1")
            directory = read_directory(raw, self._network)
        await self._adopt_directory(directory, raw)

    async def _next_directory(self) -> bool:
        """Fetch and adopt the version after ours: whether there is one."""
        directory = self.trust.directory
        try:
            raw = await self._link.get(f"{wire.DIRECTORY}/{directory.version + 1}")
        except Forbidden:
            return False
        try:
            following = read_directory(raw, self._network, directory)
        except Untrusted as error:
            if error.reason is Reason.VERSION_ORDER:
                said = "a directory version contradicts the one that we have"
                await self._sound_alarm(error.reason, said, await self._two_directories() or raw)
            raise
        await self._adopt_directory(following, raw)
        return True

    async def _check_version(self, raw: bytes) -> None:
        """Sound the alarm where the gateway states another directory under the number of the one that we have.

        Raises:
            Untrusted: `not-current`, after the alarm.
        """
        directory = self.trust.directory
        try:
            stated = read_stated(raw, self._network, directory)
        except (Malformed, Untrusted):  # by no key that ours delegates: the versions after ours say more
            return
        if stated.version != directory.version or stated.hash == directory.hash:
            return
        said = f"the gateway states another directory version {stated.version} than the one that we have"
        ours = await self._store.run(verified.directory) or b""
        words = Statement(Source.DIRECTORY, ours), Statement(Source.CURRENT, raw)
        evidence = Evidence(*words, (), (ours,)).encode()
        await self._sound_alarm(Reason.NOT_CURRENT, said, await self._two_directories() or evidence)
        raise Untrusted(Reason.NOT_CURRENT, said)

    async def _two_directories(self) -> bytes | None:
        """The proof that the authority signed two versions under the number of ours, if the gateway has the other."""
        directory = self.trust.directory
        try:
            raw = await self._link.get(f"{wire.DIRECTORY}/{directory.version}")
            other = read_directory(raw, self._network, holders=directory.holders)
        except BureaunetError:  # it has none, or what it has is signed by nobody: then ours has no rival
            return None
        if other.version != directory.version or other.hash == directory.hash:
            return None
        ours = await self._store.run(verified.directory) or b""
        return Evidence(Statement(Source.DIRECTORY, ours), Statement(Source.DIRECTORY, raw)).encode()

    async def _adopt_directory(self, directory: Directory, raw: bytes) -> None:
        row = directory.find(self._address)
        if row is not None and row.address == self._address and not _key_ids(row) <= self._keys.made:
            await self._sound_alarm(Reason.KEY_UNKNOWN, "the directory lists a key for us that we did not make", raw)
            raise Untrusted(Reason.KEY_UNKNOWN, "the directory lists a key for us that we did not make")
        await self.heads.prove(directory)
        holders = None if directory.holders is None else cbor.encode(directory.holders.to_value())
        await self._store.run(verified.keep_directory, directory.version, raw, holders)
        head = self.heads.head
        before = self._trust or Trust(self._address, self._network, directory, 0, head)
        self._trust = replace(before, directory=directory, head=head)
        _log.info("directory adopted", bureau=self._address, version=directory.version)

    # ---------------------------------------------------------------------------------------- operations

    async def _refresh_operations(self) -> None:
        """Fetch newer versions; one that does not verify keeps no other away, and is told of at the end."""
        wrong: Untrusted | Malformed | None = None
        for name, newest, place in _listed(await self._link.get(wire.OPERATIONS)):
            try:
                await self._refresh_operation(name, newest, place)
            except (Untrusted, Malformed) as error:
                wrong = wrong or error
        if wrong is not None:
            raise wrong

    async def _refresh_operation(self, name: str, newest: int, place: int) -> None:
        known = self.trust.operations.get(name, ())
        if known and known[-1].place is None and known[-1].signed.operation.version == newest:
            await self._keep_operation(known[-1].signed.raw, place)
        first = known[-1].signed.operation.version + 1 if known else newest
        for version in range(first, newest + 1):
            raw = await self._link.get(f"{wire.OPERATIONS}/{name}?version={version}")
            await self._keep_operation(raw, place if version == newest else None)

    async def _keep_operation(self, raw: bytes, place: int | None) -> None:
        self._trust, operation = self._with_operation(self.trust, raw, place)
        await self._store.run(verified.keep_operation, operation.id, operation.version, place, raw)

    def _with_operation(self, trust: Trust, raw: bytes, place: int | None) -> tuple[Trust, Operation]:
        """The trust with one more version, or with the place of its newest one."""
        name, owner = claimed_owner(raw)
        known = trust.operations.get(name, ())
        if known and known[-1].signed.raw == raw:
            known, last = known[:-1], known[-1].signed
        else:
            row = trust.directory.find(owner)
            keys = {} if row is None else {entry.key.key_id: entry.key for entry in row.signing}
            last = read_operation(raw, trust.network.id, keys, known[-1].signed if known else None)
        operations = {**trust.operations, name: (*known, Version(last, place))}
        return replace(trust, operations=operations), last.operation

    async def _sound_alarm(self, reason: Reason, detail: str, evidence: bytes) -> None:
        _log.critical("alarm", bureau=self._address, reason=reason, detail=detail)
        if self._trust is not None:
            self._trust = replace(self._trust, alarm=self._trust.alarm or detail)
        await self._store.run(identity.raise_alarm, self._clock(), reason, detail, evidence)
        if is_misbehaviour(evidence):  # last: neither a full disk nor whoever is told keeps the alarm away
            await self.accuse(detail, evidence)

    async def accuse(self, detail: str, evidence: bytes) -> None:
        """Keep a proof of misbehaviour in our home, and tell of it; of a growing fork the first proofs are enough."""
        path = await asyncio.to_thread(gossip.keep, self._store.path.parent, evidence)
        if path is None:
            _log.critical("misbehaviour", bureau=self._address, detail=detail, kept=False, most=gossip.MOST_PROOFS)
            return
        _log.critical("misbehaviour", bureau=self._address, detail=detail, file=path.name)
        tell(self.when_misbehaved, path, detail)


async def _nothing() -> None:
    """Tell nobody."""


def _key_ids(row: Participant) -> set[bytes]:
    return {entry.key.key_id for entry in row.signing} | {entry.key.key_id for entry in row.sealing}


def _listed(data: bytes) -> list[tuple[str, int, int]]:
    """(id, newest version, its ledger index) of the gateway's list."""
    try:
        found = [(entry["id"], entry["version"], entry["index"]) for entry in json.loads(data)]
    except (ValueError, TypeError, KeyError):
        raise Malformed(Reason.STRUCTURE, "the list of operations is not of the form") from None
    for name, version, place in found:
        if not isinstance(version, int) or not isinstance(place, int):
            raise Malformed(Reason.STRUCTURE, "the list of operations is not of the form")
        parse_operation_id(str(name))
    return found
