"""Verifying and exporting an operation's record, against the bare cryptography of the same bytes; and what is held.

The other side checks the same Ed25519 signatures (statements, acknowledgements, each batch of receipts once) and hashes
the record once: no decoding, no tree, no rules. `python -m benchmarks.big_record 100000 FOLDER` makes a big record, for
`bureaunet verify` by hand.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.big_record import BigRecord
from benchmarks.compare import Measured, Question, compare
from gateway.export import export_operation
from schemas import cbor, cose, envelope
from schemas.evidence import ACKNOWLEDGEMENT_TYP
from schemas.keys import SigningPublic
from schemas.network import Network
from schemas.receipts import ACCEPTANCE_TYP
from schemas.record import verify_record
from schemas.record_items import ACKNOWLEDGED, SUBMITTED, ItemReader, Step
from tests.support import Stores, World, sql_stores, sqlite_url

MESSAGES: Final = 2000
EXPORTED: Final = 500
AT_ONCE: Final = 100
_BARE: Final = "against its Ed25519 checks and one SHA-256 of it, bare"
VERIFY: Final = Question("record-verify", f"CPU per message of verifying a record, {_BARE}", "ms", goal=4)
EXPORT: Final = Question("record-export", f"CPU per message of exporting a record from SQLite, {_BARE}", "ms", goal=5)
HELD: Final = Question(
    "record-held", "KiB per message that verifying holds at its peak, against the record's own", "KiB", goal=0.3
)


def run() -> list[Measured]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        made, path = BigRecord(), Path(folder, "big.record")
        made.write(MESSAGES, path)
        data, network = path.read_bytes(), made.network
        keys = [made.acceptance.public, *(key.public for key in made.signing.values())]
        bare = _bare(data, keys)
        verified = compare(
            VERIFY, lambda: _cpu(lambda: _verify(data, network)) / MESSAGES, lambda: _cpu(bare) / MESSAGES
        )
        held = compare(HELD, lambda: _peak(data, network) / MESSAGES, lambda: len(data) / 1024 / MESSAGES)
        return [verified, asyncio.run(_exported(Path(folder))), held]


def _cpu(work: Callable[[], object]) -> float:
    """Milliseconds of CPU."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


def _verify(data: bytes, network: Network) -> int:
    return verify_record(io.BytesIO(data).read, network).messages


def _peak(data: bytes, network: Network) -> float:
    """KiB at the peak of verifying, the record's own bytes apart."""
    stream = io.BytesIO(data)
    tracemalloc.start()
    try:
        verify_record(stream.read, network)
        return tracemalloc.get_traced_memory()[1] / 1024
    finally:
        tracemalloc.stop()


def _bare(data: bytes, keys: list[SigningPublic]) -> Callable[[], None]:
    """The signatures of a record, taken out beforehand, and its hash."""
    by_id = {key.key_id: key for key in keys}
    checks = [(by_id[one.key_id], one) for one in _signatures(data)]

    def check() -> None:
        for key, one in checks:
            one.verify(key)
        hashlib.sha256(data).digest()

    return check


def _signatures(data: bytes) -> Iterator[cose.Sign1]:
    reader, last = ItemReader(io.BytesIO(data).read), b""
    reader.header(), reader.network(), reader.checkpoint()
    for step in reader.steps():
        if not isinstance(step, Step):
            return
        if step.entry.event in SUBMITTED:
            receipt, statement, _ = step.attachments
            parts = cbor.decode(receipt or b"")
            batch = parts[0] if isinstance(parts, list) and isinstance(parts[0], bytes) else b""
            if batch != last:
                yield cose.parse_sign1(batch, ACCEPTANCE_TYP)
                last = batch
            yield envelope.read(statement or b"").sign1
        elif step.entry.event in ACKNOWLEDGED:
            yield cose.parse_sign1(step.attachments[0] or b"", ACKNOWLEDGEMENT_TYP)


async def _exported(folder: Path) -> Measured:
    world = World()
    async with sql_stores(sqlite_url(folder)) as kept:
        await _fill(world, kept)
        data = await _export(world, kept)
        if verify_record(io.BytesIO(data).read, world.network).messages != EXPORTED:
            raise RuntimeError("what was exported does not hold every message")
        loop = asyncio.get_running_loop()
        bare = _bare(data, [world.acceptance.public, *(office.signing.public for office in world.offices.values())])

        def ours() -> float:
            return _cpu(lambda: asyncio.run_coroutine_threadsafe(_export(world, kept), loop).result()) / EXPORTED

        return await asyncio.to_thread(compare, EXPORT, ours, lambda: _cpu(bare) / EXPORTED)


async def _fill(world: World, kept: Stores) -> None:
    """Queries that were accepted, consigned and acknowledged, under a checkpoint."""
    async with world.gateway(kept.store) as exchange:
        for _ in range(EXPORTED // AT_ONCE):
            world.clock.move(1000)
            sent = [world.envelope(content=bytes(700)) for _ in range(AT_ONCE)]
            await asyncio.gather(*(world.send(exchange, one) for one in sent))
            said = [world.acknowledgement("BR", one.digest) for one in sent]
            await asyncio.gather(*(exchange.evidence(world.office("BR").address, one) for one in said))
    ledger = world.ledger(kept.tree)
    while await ledger.integrate(1000):
        pass
    await ledger.checkpoint()


async def _export(world: World, kept: Stores) -> bytes:
    out = io.BytesIO()
    await export_operation(kept.store, kept.tree, world.network.raw, world.operation.id, out.write)
    return out.getvalue()
