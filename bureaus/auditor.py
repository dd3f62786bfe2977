"""The offline auditor: whether an operation's record verifies, and whether it holds what bureaus hold receipts for.

Order of work: the pinned network file -> the record, streaming (`schemas/record.py`) -> each kept receipt against it.
Rules: nothing is trusted but the pinned file; nothing is asked of a gateway; `schemas` alone is needed.

A receipt of the record's operation whose entry is not in the record, though the checkpoint covers its index, proves
that the record was cut short: the signature on the receipt is the gateway's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from schemas import cbor
from schemas.errors import BureaunetError, Malformed, Misuse, Reason, Untrusted
from schemas.exchanges import Exchange, Message, Report
from schemas.network import Network, read_network
from schemas.receipts import Acceptance, LastBatch, read_acceptance
from schemas.record import verify_record

Progress = Callable[[int], None]
FORMAT: Final = 1
"""Of the rows for machines (docs/records.md): keys may be added; none changes its meaning or goes."""


class Held(StrEnum):
    """What a kept receipt is to the record."""

    CONFIRMED = "confirmed"
    LATER = "after-the-checkpoint"
    UNRECORDED = "refused-before-the-ledger"
    """A refusal at steps 1 to 7 makes no entry."""
    MISSING = "missing"
    CONTRADICTED = "contradicted"
    INVALID = "invalid"

    @property
    def holds(self) -> bool:
        """Whether record and receipt can both be true."""
        return self in (Held.CONFIRMED, Held.LATER, Held.UNRECORDED)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Kept receipts against the record: how many of each, and what is wrong in words."""

    counts: dict[Held, int] = field(default_factory=lambda: dict.fromkeys(Held, 0))
    wrong: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every receipt holds."""
        return not self.wrong


@dataclass(frozen=True, slots=True)
class Verdict:
    """The auditor's word: a report where the record verified, and the error where it did not."""

    report: Report | None
    error: BureaunetError | None = None
    receipts: Comparison | None = None
    sha256: bytes = b""
    """Of the whole file that was looked at, verified or not."""

    @property
    def ok(self) -> bool:
        """Whether everything verified."""
        return self.error is None and (self.receipts is None or self.receipts.holds)


def pinned(path: Path) -> Network:
    """The network file that was pinned out of band.

    Raises:
        Misuse: it cannot be read or is not a network file.
    """
    try:
        return read_network(path.read_bytes())
    except OSError as error:
        raise Misuse(f"cannot read the network file {path}: {error.strerror}") from None
    except (Malformed, Untrusted) as error:
        raise Misuse(f"{path} is not a network file that verifies: {error.detail}") from error


def audit(
    record: Path, network: Network, receipts: Iterable[bytes] | None = None, progress: Progress | None = None
) -> Verdict:
    """Verify the record, then the receipts against it; `progress` is told how many bytes were read.

    Raises:
        Misuse: the record cannot be read.
    """
    try:
        with record.open("rb") as file:
            hashed = _Hashed(file)
            try:
                report = verify_record(hashed.read, network, progress)
            except (Malformed, Untrusted) as error:
                return Verdict(None, error, None, hashed.rest())
            sha256 = hashed.rest()
    except OSError as error:
        raise Misuse(f"cannot read the record {record}: {error.strerror}") from None
    return Verdict(report, None, None if receipts is None else compare(report, network, receipts), sha256)


class _Hashed:
    """A file, and the hash of all that was read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, count: int) -> bytes:
        data = self._file.read(count)
        self._hash.update(data)
        return data

    def rest(self) -> bytes:
        """The hash of the whole file, once the rest was read."""
        while self.read(1 << 20):
            pass
        return self._hash.digest()


def compare(report: Report, network: Network, receipts: Iterable[bytes]) -> Comparison:
    """Each kept receipt of the record's operation against the record."""
    comparison, last = Comparison(), LastBatch()
    for number, raw in enumerate(receipts, 1):
        try:
            acceptance = read_acceptance(raw, network.id, report.acceptance_keys, last)
        except (Malformed, Untrusted) as error:
            held, said = Held.INVALID, f"receipt {number} does not verify: {error.detail} ({error.reason})"
        else:
            held = _hold(report, acceptance)
            said = f"receipt {number}, {acceptance.digest.hex()[:16]} at index {acceptance.index}: {held}"
        comparison.counts[held] += 1
        if not held.holds:
            comparison.wrong.append(said)
    return comparison


def _hold(report: Report, acceptance: Acceptance) -> Held:
    if acceptance.index is None:
        return Held.UNRECORDED
    recorded = report.indices.get(acceptance.digest)
    if recorded is None:
        return Held.LATER if acceptance.index >= report.size else Held.MISSING
    return Held.CONFIRMED if recorded == acceptance.index else Held.CONTRADICTED


def receipts_in(path: Path) -> Iterator[bytes]:
    """The receipts in a file, one after another (a CBOR sequence, RFC 8742).

    Raises:
        Misuse: the file cannot be read or is not a sequence of receipts.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Misuse(f"cannot read the receipts {path}: {error.strerror}") from None
    while data:
        try:
            _, used = cbor.decode_first(data)
        except Malformed as error:
            raise Misuse(f"{path} is not a sequence of receipts: {error.detail}") from error
        yield data[:used]
        data = data[used:]


def message_row(message: Message) -> dict[str, object]:
    """One message for machines: who, to whom, what, when, and each recipient's side."""
    return {
        "digest": message.digest.hex(),
        "index": message.index,
        "accepted": message.time,
        "sender": message.sender,
        "kind": message.kind,
        "purpose": message.purpose,
        "handling": message.handling,
        "exercise": message.exercise,
        "reply_by": message.reply_by,
        "answer": message.answer,
        "void": message.void,
        "sealed": message.sealed,
        "overdue": message.overdue,
        "expired": message.expired,
        "erased": message.erased,
        "deliveries": [
            {
                "recipient": side.recipient,
                "consigned": side.consigned,
                "given_up": side.given_up,
                "handed_over": side.handed_over,
                "failed": side.failed,
                "reason": side.reason,
                "late": side.late,
                "missing": side.missing,
                "clock": [{"event": event, "time": time} for event, time in side.clock],
            }
            for side in message.deliveries.values()
        ],
    }


def exchange_row(exchange: Exchange) -> dict[str, object]:
    """One exchange for machines."""
    return {
        "thread": exchange.opening.digest.hex(),
        "unanswered": list(exchange.unanswered),
        "messages": [message_row(message) for message in exchange.messages()],
    }


def verdict_row(verdict: Verdict, *, exchanges: bool = False) -> dict[str, object]:
    """The verdict for machines; with `exchanges`, every message too. Times of messages are milliseconds."""
    row: dict[str, object] = {"format": FORMAT, "ok": verdict.ok, "sha256": verdict.sha256.hex()}
    if verdict.error is not None:
        row |= {"reason": verdict.error.reason, "detail": verdict.error.detail}
    if verdict.receipts is not None:
        counts = {str(held): count for held, count in verdict.receipts.counts.items() if count}
        row["receipts"] = {"ok": verdict.receipts.holds, "counts": counts, "wrong": verdict.receipts.wrong}
    if verdict.report is not None:
        row |= _report_row(verdict.report)
        if exchanges:
            row["exchanges"] = [exchange_row(exchange) for exchange in verdict.report.exchanges]
    return row


def verdict_json(verdict: Verdict, *, exchanges: bool = False) -> Iterator[str]:
    """The JSON of `verdict_row`, an exchange at a time, so that a big record's takes no memory of its own."""
    head = json.dumps(verdict_row(verdict))
    if not exchanges or verdict.report is None:
        yield head
        return
    yield f'{head[:-1]}, "exchanges": ['
    for number, exchange in enumerate(verdict.report.exchanges):
        yield f"{', ' if number else ''}{json.dumps(exchange_row(exchange))}"
    yield "]}"


def _report_row(report: Report) -> dict[str, object]:
    refusals: dict[Reason, int] = {}
    for refusal in report.refusals:
        refusals[refusal.reason] = refusals.get(refusal.reason, 0) + 1
    return {
        "operation": report.operation,
        "name": report.name,
        "phase": report.phase,
        "network": report.network.hex(),
        "checkpoint": {
            "size": report.size,
            "root": report.root.hex(),
            "time": report.checkpoint_time,
            "provisional": report.provisional,
            "witnesses": list(report.witnesses),
            "quorum": report.quorum,
        },
        "directory": report.directory_version,
        "bytes": report.length,
        "entries": report.entries,
        "events": {str(event): count for event, count in report.events.items()},
        "messages": report.messages,
        "exchange_count": len(report.exchanges),
        "sealed": report.sealed,
        "void": sum(message.void for exchange in report.exchanges for message in exchange.messages()),
        "missing": dict(report.missing),
        "refusals": {str(reason): count for reason, count in refusals.items()},
        "doubtful_heads": [
            {"entry": one.index, "party": one.party, "size": one.head.size, "root": one.head.root.hex()}
            for one in report.doubtful_heads
        ],
    }
