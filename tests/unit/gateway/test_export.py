"""What the pipeline recorded comes out as a record that verifies; nothing comes out before a checkpoint covers it."""

import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from gateway.adapters.memory import ListWatcher, MemoryStore, MemoryTree, SetClock
from gateway.exchange import Exchange
from gateway.export import export_operation
from gateway.ledger import Ledger
from gateway.ports import Submission
from schemas import wire
from schemas.claims import Head, Header
from schemas.codes import Answer
from schemas.envelope import Envelope
from schemas.errors import Misuse, Reason, Unavailable
from schemas.evidence import Acknowledgement, Outcome, sign_acknowledgement
from schemas.exchanges import Report
from schemas.identity import Address
from schemas.keys import NoteKey
from schemas.merkle import EMPTY
from schemas.network import Network, make_network, read_network
from schemas.notes import Checkpoint, Policy, read_body, sign_checkpoint, signature_line
from schemas.operation import sign_operation
from schemas.record import verify_record
from tests.world import (
    ACCEPTANCE,
    AR,
    AUTHORITY,
    BR,
    FR,
    IPSG,
    LOG,
    NOW,
    OPERATION,
    RESPONSE,
    Log,
    first_directory,
    first_operation,
    header,
    make_genesis,
    new_network,
    sealed_by,
    seed,
    signing,
)


@dataclass
class Gateway:
    """The pipeline over stores in memory, with the test network's keys."""

    store: MemoryStore
    tree: MemoryTree
    exchange: Exchange
    ledger: Ledger
    clock: SetClock
    log: Log

    async def submit(self, **changes: object) -> Envelope:
        claims: Header = header(self.log.network.id, **{"cti": self.log.next_id(), **changes})
        envelope = sealed_by(claims)
        self.clock.move(5)
        submission = Submission(claims.iss, wire.encode_submission(envelope), self.clock.now())
        await self.exchange.submit(submission)
        return envelope

    async def acknowledge(self, envelope: Envelope, by: Address, reason: Reason | None = None) -> None:
        outcome = Outcome.REFUSED if reason else Outcome.PROCESSED
        said = Acknowledgement(by, envelope.digest, outcome, NOW, self.log.network.id, Head(0, EMPTY), reason)
        await self.exchange.evidence(by, sign_acknowledgement(said, signing(by)))

    async def publish(self) -> str:
        """The note of a checkpoint over everything so far."""
        while await self.ledger.integrate(1000):
            pass
        await self.ledger.checkpoint()
        return await self.tree.checkpoint() or ""

    async def export(self, witnessed: str | None = None) -> Report:
        await self.publish()
        out, network = io.BytesIO(), self.log.network.raw
        end = await export_operation(self.store, self.tree, network, OPERATION, out.write, witnessed=witnessed)
        out.seek(0)
        report = verify_record(out.read, self.log.network)
        assert report.entries == end.entries
        return report


@contextlib.asynccontextmanager
async def serving(network: Network) -> AsyncIterator[Gateway]:
    store, clock, watcher = MemoryStore(), SetClock(NOW * 1000), ListWatcher()
    tree = MemoryTree(store)
    exchange = Exchange(store=store, network=network, signer=ACCEPTANCE, clock=clock, watcher=watcher)
    await exchange.start()
    log = Log(network)
    log.publish_directory(first_directory())
    await exchange.publish_directory(log.steps[0][1][0] or b"")
    await exchange.publish_operation(IPSG, sign_operation(first_operation(), network.id, signing(IPSG)))
    yield Gateway(store, tree, exchange, Ledger(tree, LOG, clock, watcher), clock, log)
    await exchange.stop()


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with serving(new_network()) as made:
        yield made


def cosigned(note: str, *witnesses: NoteKey) -> str:
    return note + "".join(signature_line(read_body(note)[0], witness, NOW) for witness in witnesses)


async def test_the_note_that_the_quorum_signed_goes_before_a_newer_one_while_it_covers_the_operation() -> None:
    witnesses = tuple(NoteKey(f"{name}.example", seed(name)) for name in ("one", "two"))
    policy = Policy(LOG.name, LOG.public, {key.name: key.public for key in witnesses}, 2)
    first = sign_checkpoint(Checkpoint.empty(LOG.name), LOG, NOW)
    genesis = replace(make_genesis(), policy=policy)
    async with serving(read_network(make_network(genesis, [AUTHORITY], first))) as gateway:
        await gateway.submit()
        assert (await gateway.export()).provisional
        witnessed = cosigned(await gateway.publish(), *witnesses)
        report = await gateway.export(witnessed)
        assert (report.provisional, report.witnesses, report.quorum) == (False, ("one.example", "two.example"), 2)
        later = await gateway.submit()
        report = await gateway.export(witnessed)
        assert report.provisional, "what the quorum has not signed yet is shown as such, and not left out"
        assert later.digest in report.indices


async def test_what_was_exchanged_is_exported_and_verifies(gateway: Gateway) -> None:
    query = await gateway.submit()
    await gateway.acknowledge(query, BR)
    answer = await gateway.submit(
        iss=BR, aud=(FR,), kind=RESPONSE, thread=query.digest, re=query.digest, answer=Answer.FINAL, reply_by=None
    )
    await gateway.acknowledge(answer, FR)
    await gateway.acknowledge(query, AR, Reason.COMMITMENT)
    await gateway.submit(iat=NOW - 7200, exp=NOW - 3600)
    await gateway.submit(kind="other.kind/1")
    for _ in range(300):
        await gateway.submit(aud=(BR,), reply_by=None)
    report = await gateway.export()
    assert report.messages == 302
    assert sorted(refusal.reason for refusal in report.refusals) == [Reason.EXPIRED, Reason.KIND_NOT_ALLOWED]
    assert report.exchanges[0].unanswered == (AR,)
    assert report.missing == {"answer": 1, "handover": 300}


async def test_a_refusal_under_a_used_id_is_in_the_record(gateway: Gateway) -> None:
    first = await gateway.submit(cti=header(bytes(32)).cti)
    second = await gateway.submit(cti=header(bytes(32)).cti, iat=NOW + 1)
    report = await gateway.export()
    assert [refusal.reason for refusal in report.refusals] == [Reason.ID_REUSED]
    assert set(report.indices) == {first.digest, second.digest}


async def test_nothing_is_written_before_a_checkpoint_covers_it(gateway: Gateway) -> None:
    await gateway.submit()
    written: list[bytes] = []
    with pytest.raises(Unavailable) as caught:
        await export_operation(gateway.store, gateway.tree, gateway.log.network.raw, OPERATION, written.append)
    assert caught.value.retry_after == 1
    assert written == []


async def test_an_unknown_operation_is_a_usage_error(gateway: Gateway) -> None:
    with pytest.raises(Misuse):
        await export_operation(gateway.store, gateway.tree, gateway.log.network.raw, "infra-am-2012", print)


async def test_progress_is_told_for_each_entry(gateway: Gateway) -> None:
    await gateway.submit()
    await gateway.export()
    seen: list[int] = []
    out = io.BytesIO()
    await export_operation(gateway.store, gateway.tree, gateway.log.network.raw, OPERATION, out.write, seen.append)
    assert seen == list(range(1, len(seen) + 1))


async def test_the_same_entries_give_the_same_bytes(gateway: Gateway) -> None:
    await gateway.submit()
    await gateway.export()
    written: list[bytes] = []
    for _ in range(2):
        out = io.BytesIO()
        await export_operation(gateway.store, gateway.tree, gateway.log.network.raw, OPERATION, out.write)
        written.append(out.getvalue())
    assert written[0] == written[1]
