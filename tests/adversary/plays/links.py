"""Connections, certificates, HTTP framing, and asking for what is another's."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from contextlib import closing
from typing import Final
from urllib.parse import quote

import aiohttp

from schemas import wire
from schemas.errors import Reason
from schemas.identity import Address
from schemas.receipts import Acceptance
from schemas.wire import encode_submission
from tests.adversary.forging import honest
from tests.adversary.plays.encoding import TEXTS
from tests.adversary.plays.replays import counted
from tests.adversary.plays.signatures import sent
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import METRICS, NOBODY, Seen, play

COUNT: Final = "bureaunet_request_seconds_count"
UNKNOWN: Final = "/v1/nothing"
OWN: Final = (f'{COUNT}{{route="none"', f'{COUNT}{{route="POST {wire.MESSAGES}"')
"""Requests for what is unknown, and submissions: no honest program of the scene makes any by itself."""
TIMED_OUT: Final = f'{COUNT}{{route="POST {wire.MESSAGES}",status="408"}}'


@play
async def borrowed_link(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR"), "AR")


@play
async def borrowed_unit(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", iss=Address("AR/desk")), "FR")


async def _own(scene: Scene) -> float:
    """How many requests were answered of those that only attacks make."""
    return sum([await scene.metric(name) for name in OWN])


async def _no_entry(scene: Scene, tls: ssl.SSLContext) -> Seen:
    before = await _own(scene)
    try:
        async with scene.client("", tls) as client, client.get(UNKNOWN) as response:
            got = str(response.status)
    except aiohttp.ClientError:
        got = "tls"
    return Seen(got, NOBODY if await _own(scene) == before else METRICS)


@play
async def no_certificate(scene: Scene) -> Seen:
    return await _no_entry(scene, scene.trusting())


@play
async def foreign_certificate(scene: Scene) -> Seen:
    return await _no_entry(scene, foreign(scene))


def foreign(scene: Scene) -> ssl.SSLContext:
    """A certificate in FR's name, of another authority."""
    other, context = scene.elsewhere(), scene.trusting()
    context.load_cert_chain(other.certificates[Address("FR")], other.parties["FR"].key)
    return context


@play
async def older_tls(scene: Scene) -> Seen:
    context = scene.tls("FR")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return await _no_entry(scene, context)


@play
async def nameless_certificate(scene: Scene) -> Seen:
    return await counted(scene, "gateway", "GET", wire.DIRECTORY)


@play
async def withdrawn_bureau(scene: Scene) -> Seen:
    return await counted(scene, "VE", "GET", wire.INBOX)


@play
async def anothers_inbox(scene: Scene) -> Seen:
    """No request names an inbox: whatever is added to it, the link's own is given, which is empty here."""
    assert (await sent(scene, honest(scene, "FR", "BR"))).accepted
    ways = ("?inbox=BR", "?recipient=BR", "/BR", "?after=-1&link=BR", ";BR", "%2FBR")
    before = await scene.metric(COUNT)
    given = b""
    async with scene.client("UY") as client:
        for way in ways:
            async with client.get(f"{wire.INBOX}{way}", headers={"X-Link": "BR"}) as response:
                given += await response.read() if response.status == 200 else b""
    counts = await scene.metric(COUNT) - before
    return Seen("something" if given else "nothing", METRICS if counts >= len(ways) else "nowhere")


@play
async def anothers_messages(scene: Scene) -> Seen:
    envelope = honest(scene, "FR", "BR")
    receipt = await sent(scene, envelope)
    assert receipt.accepted
    assert envelope.sealed is not None
    paths = (
        f"{wire.ACCEPTANCES}/{envelope.digest.hex()}",
        f"{wire.ENTRIES}/{receipt.index}",
        f"{wire.SEALED}/{hashlib.sha256(envelope.sealed).hexdigest()}",
    )
    seen = [await counted(scene, link, "GET", path) for path in paths for link in ("AR", "UY", "CL")]
    return next((one for one in seen if one.got != Reason.NOT_FOUND), seen[0])


# ---- slow and crooked HTTP


async def _answer(scene: Scene, said: bytes, *, slowly: bool = False) -> bytes:
    """What comes back for these bytes until the gateway hangs up."""
    reader, writer = await scene.raw("AR")
    with closing(writer):
        writer.write(said)
        dripping = asyncio.create_task(_drip(writer)) if slowly else None
        try:
            return await asyncio.wait_for(reader.read(), 60)
        finally:
            if dripping is not None:
                dripping.cancel()
                await asyncio.gather(dripping, return_exceptions=True)


async def _drip(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.2)


@play
async def slow_header(scene: Scene) -> Seen:
    """A byte every 200 ms, for ever: others are served meanwhile, and the connection is cut off."""
    before, begun = await _own(scene), time.monotonic()
    waiting = asyncio.create_task(_answer(scene, f"GET {UNKNOWN} HTTP/1.1\r\nX-Slow: ".encode(), slowly=True))
    while not waiting.done():
        assert await scene.request("BR", "GET", wire.DIRECTORY) == (200, "")
        await asyncio.sleep(0.2)
    alone = await _own(scene) == before
    cut = not await waiting and time.monotonic() - begun < 30
    return Seen("cut-off" if cut else "served", NOBODY if alone else METRICS)


@play
async def slow_body(scene: Scene) -> Seen:
    before = await scene.metric(TIMED_OUT)
    head = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    answer = await _answer(scene, head, slowly=True)
    after = await scene.metric(TIMED_OUT)
    timed_out = answer.startswith(b"HTTP/1.1 408 ") and b'"timeout"' in answer
    return Seen(Reason.TIMEOUT if timed_out else str(answer[:40]), METRICS if after > before else "nowhere")


async def _smuggled(scene: Scene, headers: bytes, body: bytes) -> Seen:
    """A request whose end two readers would see at different places: nothing of it, and nothing after it, is served."""
    before = await _own(scene)
    hidden = f"GET {UNKNOWN} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    answer = await _answer(scene, b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n" + body + hidden)
    served = await _own(scene) - before
    first = answer.split(b"\r\n")[0].split(b" ")
    assert b"Traceback" not in answer
    assert answer.count(b"HTTP/1.") == 1, "one answer, and the connection is closed"
    return Seen(first[1].decode() if len(first) > 1 else "nothing", NOBODY if not served else METRICS)


@play
async def header_smuggling_both(scene: Scene) -> Seen:
    return await _smuggled(scene, b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n")


@play
async def header_smuggling_twice(scene: Scene) -> Seen:
    return await _smuggled(scene, b"Content-Length: 0\r\nContent-Length: 44", b"")


@play
async def header_smuggling_folded(scene: Scene) -> Seen:
    return await _smuggled(scene, b"Content-Length: 0\r\nTransfer-Encoding:\r\n chunked", b"0\r\n\r\n")


@play
async def identity_header(scene: Scene) -> Acceptance:
    claims = {"X-Forwarded-For": "FR", "X-SSL-Client-CN": "FR", "Forwarded": "for=FR", "X-Link": "FR", "Host": "FR"}
    body = encode_submission(honest(scene, "FR", "BR"))
    async with scene.client("AR") as client, client.post(wire.MESSAGES, data=body, headers=claims) as response:
        return scene.receipt(await response.read())


@play
async def connection_flood(scene: Scene) -> Seen:
    held = [await scene.raw("AR") for _ in range(12)]
    try:
        seen = await counted(scene, "AR", "GET", wire.DIRECTORY)
        assert await scene.request("BR", "GET", wire.DIRECTORY) == (200, ""), "others are served"
    finally:
        for _, writer in held:
            writer.close()

    async def closed() -> bool:
        return await scene.request("AR", "GET", wire.DIRECTORY) == (200, "")

    await eventually(closed)
    return seen


# ---- text in requests


async def _all(scene: Scene, paths: list[str]) -> Seen:
    """The last answer, or the first that is another than these two reasons."""
    seen = [await counted(scene, "UY", "GET", path) for path in paths]
    odd = [one for one in seen if one.got not in {Reason.NOT_FOUND, Reason.STRUCTURE} or one.recorded != METRICS]
    return (odd or seen)[-1]


@play
async def injection_in_path(scene: Scene) -> Seen:
    places = (wire.ACCEPTANCES, wire.PROOFS, wire.ENTRIES, wire.SEALED, wire.DIRECTORY, wire.OPERATIONS)
    return await _all(scene, [f"{place}/{quote(text, safe='')}" for place in places for text in TEXTS])


@play
async def injection_in_query(scene: Scene) -> Seen:
    places = (f"{wire.OPERATIONS}/infra-test?version=", f"{wire.INBOX}?after=", f"{wire.INBOX}?wait=")
    return await _all(scene, [f"{place}{quote(text, safe='')}" for place in places for text in TEXTS])
