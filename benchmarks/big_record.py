"""Writes the record of a big synthetic operation: real signatures, seals, receipts and paths, made by `schemas` alone.

    python -m benchmarks.big_record 100000 FOLDER     FOLDER/big.record and FOLDER/network.bn

Two passes: entries with what they rest on go to a spool file while their leaf hashes stay in memory; then, once the
tree is whole, each is written with its path. Half of the messages are queries to one bureau, half their answers; each
is consigned and handed over, and receipts come in batches, as a gateway makes them. Everything in it is made up.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from schemas import merkle
from schemas.claims import Head, Header
from schemas.codes import Answer, Handling, Purpose
from schemas.directory import (
    Directory,
    Link,
    Participant,
    ParticipantKind,
    SealingEntry,
    Service,
    SigningEntry,
    State,
    Use,
    Validity,
    sign_directory,
)
from schemas.envelope import Envelope, seal
from schemas.evidence import Acknowledgement, Entry, Event, Outcome, sign_acknowledgement
from schemas.identity import Address, MessageId
from schemas.keys import NoteKey, SealingKey, SigningKey
from schemas.network import Genesis, Network, make_network, read_network
from schemas.notes import Checkpoint, Policy, sign_checkpoint
from schemas.operation import Member, Operation, Phase, Role, sign_operation
from schemas.receipts import Acceptance, sign_acceptances
from schemas.record_items import (
    Attachments,
    End,
    ItemReader,
    checkpoint_item,
    end_item,
    entry_item,
    header_item,
    network_item,
)

OPERATION: Final = "benchmark"
BUREAUS: Final = tuple(Address(f"X{chr(65 + number)}") for number in range(16))
OWNER: Final = Address("IPSG")
BEGUN: Final = 1_800_000_000
BATCH: Final = 32
"""Acceptances under one signature."""
CONTENT: Final = b'{"asked":["status"],"text":"%s"}' % (b"x" * 600)
_ALWAYS: Final = Validity(BEGUN - 86_400, BEGUN + 10 * 365 * 86_400)
_QUERY, _RESPONSE = "whereabouts.query/1", "whereabouts.response/1"


@dataclass
class _Writer:
    """A ledger as it grows, its entries spooled."""

    spool: IO[bytes]
    leaves: list[bytes] = field(default_factory=list)
    number: int = 0
    previous: bytes | None = None
    time: int = BEGUN * 1000
    sealed: int = 0

    def add(self, entry: Entry, attachments: Attachments = ()) -> None:
        raw = entry.encode()
        self.leaves.append(merkle.leaf_hash(raw))
        self.spool.write(entry_item(len(self.leaves) - 1, raw, (), attachments))
        self.sealed += len(attachments) == 3 and attachments[2] is not None

    def within(self, event: Event, attachments: Attachments = (), **rest: object) -> None:
        self.time += 1
        self.number += 1
        entry = Entry(event, self.time, operation=OPERATION, number=self.number, previous=self.previous, **rest)  # type: ignore[arg-type]  # each caller names fields of Entry
        self.previous = entry.leaf
        self.add(entry, attachments)


class BigRecord:
    """The keys of a synthetic network, and the operation that its bureaus hold."""

    def __init__(self) -> None:
        self.authority, self.acceptance = SigningKey.generate(), SigningKey.generate()
        self.log = NoteKey.generate("log.benchmark.invalid")
        self.signing = {address: SigningKey.generate() for address in (*BUREAUS, OWNER)}
        self.sealing = {address: SealingKey.generate() for address in (*BUREAUS, OWNER)}
        policy = Policy(self.log.name, self.log.public)
        genesis = Genesis("Benchmark", True, BEGUN - 86_400, (self.authority.public,), 1, policy)  # noqa: FBT003  # positional as on the wire
        first = sign_checkpoint(Checkpoint.empty(self.log.name), self.log, BEGUN - 86_400)
        self.network: Network = read_network(make_network(genesis, [self.authority], first))

    def write(self, messages: int, path: Path) -> End:
        """Write a record of so many messages: its end."""
        with tempfile.TemporaryFile() as spool:
            writer = _Writer(spool)
            self._open(writer)
            for start in range(0, messages, 2 * BATCH):
                self._exchanges(writer, min(BATCH, (messages - start + 1) // 2), start)
            with path.open("wb") as out:
                return self._finish(writer, out)

    def _finish(self, writer: _Writer, out: IO[bytes]) -> End:
        size, subtrees = len(writer.leaves), merkle.of_leaves(writer.leaves)
        head = Checkpoint(self.log.name, size, merkle.range_hash(subtrees, 0, size))
        out.write(header_item(OPERATION))
        out.write(network_item(self.network.raw))
        out.write(checkpoint_item(sign_checkpoint(head, self.log, writer.time // 1000 + 1)))
        end = End(size, writer.number, writer.sealed)
        writer.spool.write(end_item(end))
        writer.spool.seek(0)
        for step in ItemReader(writer.spool.read).steps():
            if not isinstance(step, End):
                path = merkle.inclusion_proof(subtrees, step.index, size)
                out.write(entry_item(step.index, step.raw, path, step.attachments))
        out.write(end_item(end))
        return end

    def _open(self, writer: _Writer) -> None:
        kinds = dict.fromkeys(BUREAUS, ParticipantKind.NATIONAL_BUREAU) | {OWNER: ParticipantKind.SECRETARIAT}
        rows = tuple(
            Participant(
                address,
                kind,
                f"Bureau {address}",
                Link.HTTP,
                State.ACTIVE,
                (SigningEntry(self.signing[address].public, _ALWAYS),),
                (SealingEntry(self.sealing[address].public, _ALWAYS),),
            )
            for address, kind in kinds.items()
        )
        services = (Service(Use.ACCEPTANCE, self.acceptance.public, _ALWAYS),)
        raw = sign_directory(Directory(1, None, BEGUN, services, rows), [self.authority], self.network)
        writer.add(Entry(Event.DIRECTORY_UPDATED, writer.time, digest=hashlib.sha256(raw).digest()), [raw])
        members = tuple(
            Member(address, Role.OWNER if address == OWNER else Role.PARTICIPANT, BEGUN) for address in kinds
        )
        purposes, handling = (Purpose.ARREST,), (Handling.H0,)
        operation = Operation(
            OPERATION,
            1,
            None,
            BEGUN,
            "Benchmark",
            OWNER,
            Phase.ACTIVE,
            members,
            (_QUERY, _RESPONSE),
            purposes,
            handling,
        )
        raw = sign_operation(operation, self.network.id, self.signing[OWNER])
        digest = hashlib.sha256(raw).digest()
        writer.within(Event.OPERATION_UPDATED, [raw], digest=digest, party=OWNER, key_id=self.signing[OWNER].key_id)

    def _exchanges(self, writer: _Writer, count: int, start: int) -> None:
        queries = [self._query(writer, start + number) for number in range(count)]
        self._decide(writer, queries)
        answers = [self._answer(writer, header, envelope) for header, envelope in queries]
        self._decide(writer, answers)

    def _query(self, writer: _Writer, number: int) -> tuple[Header, Envelope]:
        sender = BUREAUS[number % len(BUREAUS)]
        to = BUREAUS[(number // len(BUREAUS) + number + 1) % len(BUREAUS)]
        recipient = to if to != sender else OWNER
        return self._sealed(writer, sender, recipient, kind=_QUERY, reply_by=BEGUN + 86_400)

    def _answer(self, writer: _Writer, asked: Header, query: Envelope) -> tuple[Header, Envelope]:
        digest = query.digest
        return self._sealed(
            writer, asked.aud[0], asked.iss, kind=_RESPONSE, thread=digest, re=digest, answer=Answer.FINAL
        )

    def _sealed(self, writer: _Writer, sender: Address, to: Address, **claims: object) -> tuple[Header, Envelope]:
        seconds = writer.time // 1000
        header = Header(
            iss=sender,
            sub=OPERATION,
            aud=(to,),
            iat=seconds,
            exp=seconds + 7 * 86_400,
            cti=MessageId.new(writer.time),
            net=self.network.id,
            head=Head(0, merkle.EMPTY),
            purpose=Purpose.ARREST,
            exercise=True,
            **claims,  # type: ignore[arg-type]  # each caller names fields of Header
        )
        return header, seal(header, CONTENT, [self.sealing[to].public], self.signing[sender])

    def _decide(self, writer: _Writer, batch: list[tuple[Header, Envelope]]) -> None:
        """One batch of acceptances, then each message's consignment and handover."""
        accepted = Event.SUBMISSION_ACCEPTANCE
        said = [
            Acceptance(envelope.digest, accepted, len(writer.leaves) + place, writer.time + place + 1)
            for place, (_, envelope) in enumerate(batch)
        ]
        receipts = sign_acceptances(said, self.network.id, self.acceptance)
        for receipt, (header, envelope) in zip(receipts, batch, strict=True):
            writer.within(
                accepted,
                [receipt, envelope.statement, envelope.sealed],
                digest=envelope.digest,
                party=header.iss,
                kind=header.kind,
                key_id=self.signing[header.iss].key_id,
                answer=header.answer,
            )
        for event, attachments, rest in self._delivered(batch, writer.time // 1000):
            writer.within(event, attachments, **rest)

    def _delivered(
        self, batch: list[tuple[Header, Envelope]], seconds: int
    ) -> Iterator[tuple[Event, list[bytes], dict[str, object]]]:
        for header, envelope in batch:
            to, digest = header.aud[0], envelope.digest
            yield Event.CONTENT_CONSIGNMENT, [], {"digest": digest, "party": to, "kind": header.kind}
            head = Head(0, merkle.EMPTY)
            acknowledgement = Acknowledgement(to, digest, Outcome.PROCESSED, seconds, self.network.id, head)
            raw = sign_acknowledgement(acknowledgement, self.signing[to])
            rest: dict[str, object] = {
                "digest": digest,
                "party": to,
                "kind": header.kind,
                "key_id": self.signing[to].key_id,
                "evidence": hashlib.sha256(raw).digest(),
            }
            yield Event.CONTENT_HANDOVER, [raw], rest


def main(arguments: list[str]) -> int:
    """Write FOLDER/big.record of COUNT messages and FOLDER/network.bn."""
    count, folder = int(arguments[0]), Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    record = BigRecord()
    (folder / "network.bn").write_bytes(record.network.raw)
    end = record.write(count, folder / "big.record")
    print(f"{end.entries} entries, {(folder / 'big.record').stat().st_size >> 20} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
