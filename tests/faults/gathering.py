"""Gathers what the checker judges, after a fault: files, database, and the ledger's HTTP read side."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from bureaus.links import Link
from schemas import cbor, wire
from schemas.errors import BureaunetError, Reason, Unavailable, Untrusted
from schemas.evidence import read_entry
from schemas.merkle import verify_consistency
from schemas.notes import read_checkpoint
from schemas.receipts import read_proof
from tests.faults.books import Books, read_books
from tests.faults.checker import LOST, WRONG, Complaint, Evidence, Store
from tests.faults.journal import read_journal
from tests.faults.scene import Scene

SAMPLE: Final = 20
"""Receipts whose proof is asked for."""


async def gather_evidence(scene: Scene) -> Evidence:
    """Read everything; nobody is sending any more."""
    ground, files = scene.ground, scene.folder / "bureaus"
    light = {str(seat.address): read_journal(files / f"{seat.address}.journal") for seat in ground.light}
    sdk = {str(seat.address): read_store(scene.bureau_home(seat.address) / "bureau.db") for seat in ground.responders}
    return Evidence(ground.network, ground.receipt_keys, await read_books(scene.database_url), light, sdk)


def read_store(path: Path) -> Store:
    """What a bureau with the SDK kept; its process has ended."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        sent = db.execute("SELECT digest, receipt FROM outgoing WHERE receipt IS NOT NULL").fetchall()
        taken = db.execute("SELECT digest, receipt, state FROM incoming").fetchall()
    return Store(
        tuple((bytes(digest), bytes(receipt)) for digest, receipt in sent),
        tuple((bytes(digest), bytes(receipt), str(state)) for digest, receipt, state in taken),
    )


async def read_side(scene: Scene, books: Books, dice: random.Random) -> list[Complaint]:
    """Ask the gateways, as an auditor would: each serves a head that the ledger leads to, and proofs of entries."""
    complaints: list[Complaint] = []
    for seat in scene.ground.light[: len(scene.gateways)]:
        link = scene.reading(seat.address)
        try:
            own = [digest for digest, row in books.messages.items() if row[0] == seat.address and row[1]]
            asked = dice.sample(sorted(own), min(SAMPLE, len(own)))
            await _check_heads(scene, link, books)
            for digest in asked:
                await _check_proof(scene, link, books.outcomes[digest][0], digest)
        except Unavailable as error:
            complaints.append(Complaint(WRONG, f"the ledger cannot be read by {seat.address}: {error.detail}"))
        except BureaunetError as error:
            complaints.append(Complaint(LOST, f"what is served to {seat.address} does not verify: {error}"))
        finally:
            await link.aclose()
    return complaints


async def _check_heads(scene: Scene, link: Link, books: Books) -> None:
    """The head that is served extends every head that was ever published; a few of them are tried."""
    policy = scene.ground.network.policy
    newest = read_checkpoint((await link.get(wire.CHECKPOINT)).decode(), policy).checkpoint
    for size, note in books.checkpoints[:: max(1, len(books.checkpoints) // 5)]:
        if not 0 < size <= newest.size:
            continue
        old = read_checkpoint(note, policy).checkpoint
        answer = cbor.decode(await link.get(f"{wire.CONSISTENCY}/{size}/{newest.size}"))
        path = [node for node in answer if isinstance(node, bytes)] if isinstance(answer, list) else []
        verify_consistency(size, old.root, newest.size, newest.root, path)


async def _check_proof(scene: Scene, link: Link, index: int, digest: bytes) -> None:
    entry = await link.get(f"{wire.ENTRIES}/{index}")
    proof = read_proof((await link.get(f"{wire.PROOFS}/{index}")).decode())
    proof.verify(entry, scene.ground.network.policy)
    if read_entry(entry).digest != digest:
        raise Untrusted(Reason.INCLUSION, "the entry at a receipt's index is of another message")
