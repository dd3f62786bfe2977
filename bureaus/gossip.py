"""Gossip: heads that others signed, held against ours; and what becomes of a contradiction.

Every message carries the tree head that its sender accepted, signed. A gateway that shows two bureaus two histories, or
that was restored from an old backup, must carry one's head to the other. Order of work: `Gossip` takes heads from the
inbox, and compares them beside the traffic, never in its way; `contradiction` collects what shows it, and `keep` writes
the proof of misbehaviour to the bureau's home, where anyone can check it with `bureaunet misbehaviour FILE`.

Rules: what the log or the gateway signed against itself is an alarm and stops all sealing. A bureau's word alone does
not: one bureau that lies must not silence the others. It is kept and told, and the note behind it settles who lied.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bureaus import logs
from bureaus.links import Link
from bureaus.settings import Limits
from schemas import cbor, wire
from schemas.claims import Head
from schemas.errors import BureaunetError, Reason, Unavailable
from schemas.misbehaviour import Evidence, Source, Statement, forked, prefix_root
from schemas.notes import Policy, open_note

_log: Final = logs.get(__name__)
WAITING: Final = 256
"""Speakers whose heads wait to be compared; those heard first go."""
PATIENCE: Final = 60.0
"""Seconds that the gateway may show us a smaller tree than somebody else accepted, before it is told."""
_PAUSE: Final = 1.0


async def contradiction(
    link: Link,
    one: tuple[Statement, Head],
    other: tuple[Statement, Head],
    policy: Policy,
    directories: tuple[bytes, ...] = (),
) -> Evidence | None:
    """What shows that two signed heads contradict each other, as far as the gateway's own answers give it; else None.

    Raises:
        Unavailable: the gateway cannot be reached.
    """
    small, large = sorted((one, other), key=lambda pair: pair[1].size)
    if small[1].size == large[1].size:
        return Evidence(one[0], other[0], (), directories)
    path = await _shown(link, small[1].size, large[1])
    if path and forked(small[1], large[1], path):
        return Evidence(one[0], other[0], path, directories)
    note = await _got(link, f"{wire.CHECKPOINT}/{small[1].size}")
    try:
        opened = None if note is None else open_note(note.decode(), policy)
    except (BureaunetError, UnicodeDecodeError):  # what it gives instead of a note shows nothing
        return None
    if opened is None or opened.checkpoint.size != small[1].size or opened.checkpoint.root == small[1].root:
        return None
    return Evidence(small[0], Statement(Source.NOTE, note or b""), (), directories)


async def _shown(link: Link, size: int, large: Head) -> tuple[bytes, ...]:
    """A path under the larger root that shows its root over the first `size` entries; empty where none was had."""
    path = await _consistency(link, size, large.size)
    if size & (size - 1) == 0:
        path = (*_first_node(await _consistency(link, size + 1, large.size), size + 1, large.size), *path)
    return path if prefix_root(size, large.size, large.root, path) is not None else ()


async def _consistency(link: Link, old: int, new: int) -> tuple[bytes, ...]:
    got = await _got(link, f"{wire.CONSISTENCY}/{old}/{new}") if old < new else None
    try:
        nodes = [] if got is None else cbor.decode(got)
    except BureaunetError:
        return ()
    return tuple(node for node in nodes if isinstance(node, bytes)) if isinstance(nodes, list) else ()


async def _got(link: Link, path: str) -> bytes | None:
    try:
        return await link.get(path)
    except Unavailable as error:
        if error.reason is not Reason.NOT_FOUND:
            raise
    except BureaunetError:  # it does not answer with one: then it shows nothing
        pass
    return None


def _first_node(path: tuple[bytes, ...], old: int, new: int) -> tuple[bytes, ...]:
    """The node over the first old - 1 entries, a power of two, out of the consistency proof of `old` and `new`."""
    node, last = old - 1, new - 1
    for sibling in path[1:]:
        if node & 1 or node == last:
            return (sibling,)
        node, last = node >> 1, last >> 1
    return ()


MOST_PROOFS: Final = 100
"""Proofs of misbehaviour that a home keeps. A fork that grows gives another one with each head; the first shows it."""


def keep(home: Path, file: bytes) -> Path | None:
    """Write a proof of misbehaviour into the bureau's home; the same again is written once.

    None where `MOST_PROOFS` others lie there already: a log that forks without end fills no disk.
    """
    path = home / f"misbehaviour-{hashlib.sha256(file).hexdigest()[:16]}.bn"
    if not path.exists() and sum(1 for _ in home.glob("misbehaviour-*.bn")) >= MOST_PROOFS:
        return None
    fresh = path.with_suffix(".part")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "wb") as out:
        out.write(file)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    return path


class Compared(Protocol):
    """What compares a head with ours: `bureaus.heads`."""

    async def heard(self, head: Head, statement: Statement) -> Evidence | None:
        """What contradicts our head, or None where it agrees. Raises Unavailable, Untrusted, Malformed."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """The newest head that somebody signed: in what, and until when it is looked at."""

    head: Head
    statement: Statement
    until: float


class Gossip:
    """Heads from messages that came in, compared beside the traffic: of each speaker the largest, in rounds.

    A speaker checked that its head extends the ones that it had before: its largest stands for all of them.
    """

    def __init__(self, compared: Compared, accuse: Callable[[str, Evidence], Awaitable[None]], limits: Limits) -> None:
        """`accuse` is told of a contradiction: (in words, evidence)."""
        self._compared = compared
        self._accuse = accuse
        self._limits = limits
        self._waiting: OrderedDict[str, _Heard] = OrderedDict()
        self._rung = asyncio.Event()

    @property
    def settled(self) -> bool:
        """Whether nothing waits to be compared."""
        return not self._waiting

    def heard(self, by: str, head: Head, statement: Statement) -> None:
        """A head in a statement whose signature was verified."""
        known = self._waiting.get(by)
        if head.size and (known is None or known.head.size < head.size):
            self._waiting[by] = _Heard(head, statement, asyncio.get_running_loop().time() + PATIENCE)
            while len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)
            self._rung.set()

    async def run(self) -> None:
        """Compare what is heard, for ever; what is ahead of what we are shown is looked at again for a while."""
        while True:
            if not self._waiting:
                await self._rung.wait()
            self._rung.clear()
            for by, one in list(self._waiting.items()):
                if await self._done(by, one) and self._waiting.get(by) is one:
                    del self._waiting[by]
            await asyncio.sleep(self._limits.gossip_seconds or (_PAUSE if self._waiting else 0.0))

    async def _done(self, by: str, one: _Heard) -> bool:
        try:
            found = await self._compared.heard(one.head, one.statement)
        except Unavailable:
            if asyncio.get_running_loop().time() < one.until:
                return False
            _log.warning("we are shown a smaller tree than another bureau", by=by, size=one.head.size)
        except BureaunetError as error:
            _log.error("a head that we heard contradicts ours, and nothing shows it", by=by, reason=error.reason)
        else:
            if found is not None:
                await self._accuse(f"{by} accepted a tree head that contradicts ours", found)
        return True
