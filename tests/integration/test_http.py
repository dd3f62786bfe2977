"""A real gateway process, by its command line, over real mutual TLS: what it serves and what it withstands."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import closing
from http import HTTPStatus

import aiohttp
import pytest
import pytest_asyncio

from schemas import cbor, merkle, wire
from schemas.directory import read_current, read_directory
from schemas.envelope import MAX_STATEMENT
from schemas.envelope import read as read_statement
from schemas.errors import Reason
from schemas.evidence import Event, read_entry
from schemas.notes import read_checkpoint
from schemas.operation import read_operation
from schemas.receipts import read_proof
from tests.integration.gateway_network import OPERATION, OUTSIDER, GatewayNetwork

pytestmark = pytest.mark.asyncio(loop_scope="module")
CONNECTIONS = 12
"""Of one link."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayNetwork]:
    made = GatewayNetwork(tmp_path_factory.mktemp("network"))
    await made.load()
    (made.home / "gateway.toml").write_text(f"[bureaus]\nconnections_per_link = {CONNECTIONS}\n")
    await made.start()
    await made.open_operation()
    yield made
    await made.stop()


async def test_a_submission_is_accepted_delivered_and_acknowledged(network: GatewayNetwork) -> None:
    envelope = network.query("BR", "AR")
    waiting = asyncio.create_task(network.inbox("AR", wait=20))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    status, receipt = await network.submit("BR", wire.encode_submission(envelope))
    assert (status, receipt.accepted, receipt.digest) == (HTTPStatus.OK, True, envelope.digest)
    (item,) = await waiting
    assert (item.statement, item.sealed) == (envelope.statement, envelope.sealed)
    assert network.receipt(item.acceptance) == receipt
    assert await network.inbox("AR", after=item.index) == []
    body = network.acknowledgement("AR", envelope.digest)
    async with network.client("AR") as client:
        for _ in range(2):
            async with client.post(wire.EVIDENCE, data=body) as response:
                assert response.status == HTTPStatus.NO_CONTENT, await response.text()
    assert await network.inbox("AR") == []


async def test_the_same_submission_again_gets_its_first_receipt_and_takes_no_effect(network: GatewayNetwork) -> None:
    body = wire.encode_submission(network.query("BR", "IPSG"))
    first = await network.submit("BR", body)
    waiting = await network.inbox("IPSG")
    assert await network.submit("BR", body) == first
    assert await network.inbox("IPSG") == waiting


async def test_refusals_are_signed_receipts_that_name_their_reason(network: GatewayNetwork) -> None:
    forged = network.query("BR", "AR", by=network.bureaus["AR"].signing)
    used = network.query("BR", "AR")
    other = network.query("BR", "AR", cti=read_statement(used.statement).header.cti)
    await network.submit("BR", wire.encode_submission(used))
    cases = {
        ("AR", wire.encode_submission(network.query("BR", "AR"))): Reason.LINK_IDENTITY,
        ("BR", wire.encode_submission(forged)): Reason.KEY_UNKNOWN,
        ("BR", wire.encode_submission(other)): Reason.ID_REUSED,
        (OUTSIDER, wire.encode_submission(network.query(OUTSIDER, "AR"))): Reason.SENDER_NOT_MEMBER,
        ("BR", wire.encode_submission(network.query("BR", OUTSIDER))): Reason.RECIPIENT_NOT_MEMBER,
        ("BR", b"garbage"): Reason.CBOR_TRUNCATED,
        ("BR", b""): Reason.CBOR_TRUNCATED,
    }
    for (link, body), reason in cases.items():
        status, receipt = await network.submit(link, body)
        assert (status, receipt.reason) == (HTTPStatus.UNPROCESSABLE_ENTITY, reason)


async def test_a_statement_that_is_too_large_gets_a_signed_refusal(network: GatewayNetwork) -> None:
    status, receipt = await network.submit("BR", cbor.encode([bytes(MAX_STATEMENT + 1), b""]))
    assert (status, receipt.reason) == (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Reason.STATEMENT_TOO_LARGE)


async def test_a_body_past_its_bound_is_cut_off(network: GatewayNetwork) -> None:
    large = bytes(wire.MAX_SUBMISSION + 1)
    assert await network.problem("BR", "POST", wire.MESSAGES, large) == (413, Reason.SEALED_TOO_LARGE)
    assert await network.problem("BR", "POST", wire.EVIDENCE, bytes(20_000)) == (413, Reason.SEALED_TOO_LARGE)


async def test_a_body_without_end_is_cut_off(network: GatewayNetwork) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield bytes(1024 * 1024)

    async with network.client("BR") as client:
        try:
            async with client.post(wire.MESSAGES, data=endless()) as response:
                assert response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        except aiohttp.ClientConnectionError:
            pass  # it was cut off in the middle of writing: the client may not see the answer
    assert await network.read("BR", wire.DIRECTORY)


async def test_an_acknowledgement_of_what_was_never_sent_is_refused(network: GatewayNetwork) -> None:
    body = network.acknowledgement("AR", bytes(32))
    assert await network.problem("AR", "POST", wire.EVIDENCE, body) == (403, Reason.NOT_ADDRESSED)
    status, _ = await network.problem("AR", "POST", wire.EVIDENCE, b"garbage")
    assert status == HTTPStatus.BAD_REQUEST


async def test_an_operation_is_published_by_its_owner_alone(network: GatewayNetwork) -> None:
    raw = await network.read("BR", f"{wire.OPERATIONS}/{OPERATION}")
    status, _ = await network.problem("BR", "POST", wire.OPERATIONS, raw[:-1])
    assert status == HTTPStatus.BAD_REQUEST
    async with network.client("IPSG") as client, client.post(wire.OPERATIONS, data=raw) as again:
        assert again.status == HTTPStatus.NO_CONTENT


# ---- reading


async def test_statements_in_force_verify(network: GatewayNetwork) -> None:
    directory = read_directory(await network.read("BR", wire.DIRECTORY), network.network)
    assert directory == network.directory
    assert await network.read("BR", f"{wire.DIRECTORY}/1") == await network.read("BR", wire.DIRECTORY)
    current = read_current(await network.read("BR", wire.CURRENT), network.network, directory, int(time.time()))
    assert current.version == 1
    owner = network.bureaus["IPSG"].signing.public
    raw = await network.read("BR", f"{wire.OPERATIONS}/{OPERATION}?version=1")
    assert read_operation(raw, network.network.id, {owner.key_id: owner}).operation.id == OPERATION
    (row,) = json.loads(await network.read("BR", wire.OPERATIONS))
    assert (row["id"], row["version"]) == (OPERATION, 1)


async def test_an_entry_is_proven_under_a_signed_checkpoint_and_checkpoints_agree(network: GatewayNetwork) -> None:
    policy = network.network.policy
    _, receipt = await network.submit("BR", wire.encode_submission(network.query("BR", "AR")))
    entry = await network.read("BR", f"{wire.ENTRIES}/{receipt.index}")
    assert read_entry(entry).event is Event.SUBMISSION_ACCEPTANCE
    proof = read_proof((await network.read("BR", f"{wire.PROOFS}/{receipt.index}")).decode())
    old = proof.verify(entry, policy).checkpoint
    await network.submit("BR", wire.encode_submission(network.query("BR", "AR")))
    new = old
    while new.size <= old.size:
        new = read_checkpoint((await network.read("BR", wire.CHECKPOINT)).decode(), policy).checkpoint
        await asyncio.sleep(0.05)
    path = cbor.decode(await network.read("BR", f"{wire.CONSISTENCY}/{old.size}/{new.size}"))
    assert isinstance(path, list)
    hashes = [node for node in path if isinstance(node, bytes)]
    merkle.verify_consistency(old.size, old.root, new.size, new.root, hashes)


async def test_acceptances_entries_and_sealed_parts_are_for_parties_alone(network: GatewayNetwork) -> None:
    envelope = network.query("BR", "AR")
    _, receipt = await network.submit("BR", wire.encode_submission(envelope))
    assert envelope.sealed is not None
    paths = [
        f"{wire.ACCEPTANCES}/{envelope.digest.hex()}",
        f"{wire.ENTRIES}/{receipt.index}",
        f"{wire.SEALED}/{hashlib.sha256(envelope.sealed).hexdigest()}",
    ]
    for path in paths:
        for party in ("BR", "AR"):
            assert await network.read(party, path)
        for stranger in ("IPSG", OUTSIDER):
            if (stranger, path) != ("IPSG", paths[1]):
                assert await network.problem(stranger, "GET", path) == (404, Reason.NOT_FOUND)
    assert await network.read("IPSG", paths[1]), "the operation's owner reads its entries, and nothing else of others"
    assert network.receipt(await network.read("AR", paths[0])) == receipt


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", (404, Reason.NOT_FOUND)),
        ("GET", wire.MESSAGES, (405, Reason.METHOD)),
        ("DELETE", wire.DIRECTORY, (405, Reason.METHOD)),
        ("GET", f"{wire.DIRECTORY}/0", (404, Reason.NOT_FOUND)),
        ("GET", f"{wire.DIRECTORY}/x", (400, Reason.STRUCTURE)),
        ("GET", f"{wire.PROOFS}/999999", (404, Reason.NOT_FOUND)),
        ("GET", f"{wire.PROOFS}/-1", (400, Reason.STRUCTURE)),
        ("GET", f"{wire.PROOFS}/99999999999999999999", (400, Reason.STRUCTURE)),
        ("GET", f"{wire.ACCEPTANCES}/zz", (400, Reason.STRUCTURE)),
        ("GET", f"{wire.TILE}/0/0", (400, Reason.STRUCTURE)),
        ("GET", f"{wire.TILE}/7/x999/999", (404, Reason.NOT_FOUND)),
        ("GET", f"{wire.CONSISTENCY}/2/1", (400, Reason.CONSISTENCY)),
        ("GET", f"{wire.CONSISTENCY}/0/1", (400, Reason.CONSISTENCY)),
        ("GET", f"{wire.CONSISTENCY}/1/999999", (404, Reason.NOT_FOUND)),
        ("GET", f"{wire.INBOX}?after=x", (400, Reason.STRUCTURE)),
        ("GET", f"{wire.INBOX}?wait=-5", (400, Reason.STRUCTURE)),
        ("GET", f"{wire.OPERATIONS}/none", (404, Reason.NOT_FOUND)),
    ],
)
async def test_what_is_not_there_is_a_problem_with_a_reason(
    network: GatewayNetwork, method: str, path: str, expected: tuple[int, Reason]
) -> None:
    await network.read("BR", wire.CHECKPOINT)
    assert await network.problem("BR", method, path) == expected


# ---- links


async def test_without_a_certificate_nothing_is_served(network: GatewayNetwork) -> None:
    connector = aiohttp.TCPConnector(ssl=network.tls_without_certificate())
    async with aiohttp.ClientSession(network.url, connector=connector) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.get(wire.DIRECTORY)


async def test_another_authoritys_certificate_opens_nothing(
    network: GatewayNetwork, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = GatewayNetwork(tmp_path_factory.mktemp("other"))
    context = network.tls_without_certificate()
    context.load_cert_chain(other.certificates[other.bureaus["BR"].address], other.bureaus["BR"].key)
    async with aiohttp.ClientSession(network.url, connector=aiohttp.TCPConnector(ssl=context)) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.get(wire.DIRECTORY)


async def test_a_certificate_that_names_no_address_gets_nothing(network: GatewayNetwork) -> None:
    context = network.tls_without_certificate()
    context.load_cert_chain(network.home / "gateway.pem", network.home / "keys" / "tls.pem")
    async with (
        aiohttp.ClientSession(network.url, connector=aiohttp.TCPConnector(ssl=context)) as client,
        client.get(wire.DIRECTORY) as response,
    ):
        assert (response.status, (await response.json())["reason"]) == (403, Reason.LINK_IDENTITY)


async def test_older_tls_is_refused(network: GatewayNetwork) -> None:
    context = network.tls("BR")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with aiohttp.ClientSession(network.url, connector=aiohttp.TCPConnector(ssl=context)) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.get(wire.DIRECTORY)


# ---- clients that hang up, and too many of them: test_http_limits.py has those that hang


@pytest.mark.parametrize(
    "said",
    [
        b"GET /v1/inbox HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\nhalf",
    ],
)
async def test_a_client_that_hangs_up_in_the_middle_is_counted_and_no_error(
    network: GatewayNetwork, said: bytes
) -> None:
    await network.submit("BR", wire.encode_submission(network.query("BR", "IPSG", content=os.urandom(9_000_000))))
    begin, before = network.log.stat().st_size, await network.counted("client-gone")
    async with asyncio.timeout(60):
        while await network.counted("client-gone") == before:
            await _hang_up(network, said)
    lines = network.log.read_text()[begin:].splitlines()
    assert [line for line in lines if '"level": "error"' in line or "Traceback" in line] == []


async def _hang_up(network: GatewayNetwork, said: bytes) -> None:
    """In the middle. One that comes while the gateway writes can pass unseen: TLS takes the rest and tells nobody."""
    reader, writer = await network.raw("IPSG", window=4096)
    writer.write(said)
    assert (await reader.readline()).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 100 ")), "it has begun"
    await asyncio.sleep(0.3)  # by then the gateway waits for us, unless it is held up: then the next one is seen
    writer.transport.abort()
    await asyncio.sleep(0.1)


async def test_a_link_that_leaves_its_polls_behind_gets_no_more_of_them(network: GatewayNetwork) -> None:
    async def leave() -> None:
        reader, writer = await network.raw(OUTSIDER)
        writer.write(b"GET /v1/inbox?wait=8 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 100 "), "it waits"
        writer.close()

    await asyncio.gather(*(leave() for _ in range(CONNECTIONS)))
    async with network.client(OUTSIDER) as client, client.get(wire.INBOX) as refused:
        assert (refused.status, (await refused.json())["reason"]) == (429, Reason.LINK_QUOTA)
    assert wire.decode_items(await network.read(OUTSIDER, wire.INBOX)) == [], "in the end they are over"


async def test_garbage_instead_of_http_is_answered_without_a_trace(network: GatewayNetwork) -> None:
    reader, writer = await network.raw("AR")
    with closing(writer):
        writer.write(b"\x16\x03\x01 what is this\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 60)
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert b"Traceback" not in answer


async def test_one_link_cannot_take_all_connections(network: GatewayNetwork) -> None:
    held = [await network.raw("AR") for _ in range(CONNECTIONS)]
    try:
        assert await network.problem("AR", "GET", wire.DIRECTORY) == (429, Reason.LINK_QUOTA)
        assert await network.read("BR", wire.DIRECTORY)
    finally:
        for _, writer in held:
            writer.close()
    assert await network.read("AR", wire.DIRECTORY), "once it has seen that they are closed"
