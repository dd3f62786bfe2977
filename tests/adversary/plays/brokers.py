"""The broker: what a bureau may not do there, and what its administrator cannot do either."""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Final

import aio_pika
import aiormq
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import AMQPConnectionError, ChannelAccessRefused, ChannelPreconditionFailed

from schemas import cbor
from schemas.envelope import Envelope
from schemas.evidence import Event
from schemas.keys import SigningKey
from schemas.receipts import Acceptance, sign_acceptances
from schemas.wire import InboxItem, ItemType, decode_item, decode_message, decode_submission, encode_submission
from tests.adversary.forging import forged, honest
from tests.adversary.plays.links import foreign
from tests.adversary.plays.signatures import sent
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import ASIDE, BROKER, LEDGER, NOBODY, QUARANTINE, Seen, play

OWN: Final = "submit.MX"


async def _refused(scene: Scene, attempt: Callable[[AbstractChannel], Awaitable[object]]) -> Seen:
    """What the broker says to MX, and whether its log has it."""
    before = _complaints(scene)
    async with scene.amqp("MX") as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        try:
            await attempt(channel)
        except ChannelAccessRefused:
            got = "access-refused"
        except ChannelPreconditionFailed:
            got = "precondition-failed"
        else:
            got = "allowed"

    async def told() -> bool:
        return _complaints(scene) > before

    try:
        await eventually(told, 30)
    except TimeoutError:
        return Seen(got, "nowhere")
    return Seen(got, BROKER)


def _complaints(scene: Scene) -> int:
    log = scene.broker.process.tail(100_000)
    return log.count("operation ") + log.count("access to ")


def _to(exchange: str, key: str, **properties: object) -> Callable[[AbstractChannel], Awaitable[object]]:
    async def publish(channel: AbstractChannel) -> object:
        target = await channel.get_exchange(exchange, ensure=False)
        return await target.publish(aio_pika.Message(b"x", **properties), key, timeout=10)  # type: ignore[arg-type]  # an attack names the properties

    return publish


@play
async def broker_anothers_inbox(scene: Scene) -> Seen:
    async def read(channel: AbstractChannel) -> object:
        queue = await channel.get_queue("inbox.PE", ensure=False)
        return await queue.get(fail=False)

    return await _refused(scene, read)


@play
async def broker_anothers_exchange(scene: Scene) -> Seen:
    return await _refused(scene, _to("submit.PE", "routine"))


@play
async def broker_past_admission(scene: Scene) -> Seen:
    return await _refused(scene, _to("deliver", "inbox.PE"))


@play
async def broker_declare(scene: Scene) -> Seen:
    return await _refused(scene, lambda channel: channel.declare_queue("inbox.MX.more", durable=True))


@play
async def broker_bind(scene: Scene) -> Seen:
    async def bind(channel: AbstractChannel) -> object:
        queue = await channel.get_queue("inbox.MX", ensure=False)
        return await queue.bind("deliver", "inbox.PE")

    return await _refused(scene, bind)


@play
async def broker_purge(scene: Scene) -> Seen:
    async def purge(channel: AbstractChannel) -> object:
        return await (await channel.get_queue("inbox.PE", ensure=False)).purge()

    return await _refused(scene, purge)


@play
async def broker_delete(scene: Scene) -> Seen:
    return await _refused(scene, lambda channel: channel.queue_delete("inbox.PE"))


@play
async def broker_user_id(scene: Scene) -> Seen:
    return await _refused(scene, _to(OWN, "routine", user_id="PE"))


async def _quarantined(scene: Scene, body: bytes, **properties: object) -> Seen:
    """What the gateway set aside of MX, and why."""

    def found() -> list[str]:
        said = [line for line in scene.lines() if line.get("event") == "arrival-quarantined"]
        return [str(line["cause"]) for line in said if line.get("link") == "MX"]

    before = len(found())
    await scene.publish("MX", OWN, "routine", body, **properties)

    async def more() -> list[str]:
        return found()[before:]

    return Seen((await eventually(more))[0], QUARANTINE)


@play
async def broker_without_name(scene: Scene) -> Seen:
    return await _quarantined(scene, encode_submission(honest(scene, "MX", "BR")), type="envelope")


@play
async def broker_garbage(scene: Scene) -> Seen:
    return await _quarantined(scene, b"garbage", type="envelope", user_id="MX")


@play
async def broker_borrowed_sender(scene: Scene) -> Acceptance:
    """The receipt of the refusal comes to MX's own inbox."""
    body = encode_submission(honest(scene, "FR", "BR"))
    await scene.publish("MX", OWN, "routine", body, type="envelope", user_id="MX")
    digest = decode_submission(body).digest
    async with scene.amqp("MX") as connection:
        queue = await (await connection.channel()).get_queue("inbox.MX.urgent", ensure=False)

        async def mine() -> Acceptance | None:
            message = await queue.get(fail=False, no_ack=True)
            if message is None:
                return None
            found = [scene.receipt(item.acceptance) for item in decode_message(message.body)]
            return next((receipt for receipt in found if receipt.digest == digest), None)

        receipt = await eventually(mine)
    assert receipt is not None
    return receipt


async def _no_entry(url: str, tls: ssl.SSLContext, refused: str) -> Seen:
    try:
        connection = await aio_pika.connect(url, ssl_context=tls, timeout=10)
    except (AMQPConnectionError, ConnectionError, ssl.SSLError, aiormq.exceptions.AMQPError, TimeoutError):
        return Seen(refused, NOBODY)
    await connection.close()
    return Seen("connected", "nowhere")


@play
async def broker_foreign_certificate(scene: Scene) -> Seen:
    return await _no_entry(scene.broker.url, foreign(scene), "tls")


@play
async def broker_password(scene: Scene) -> Seen:
    """PLAIN, with the password that RabbitMQ ships with and with the empty one: the broker offers EXTERNAL alone."""
    plain = f"amqps://guest:guest@127.0.0.1:{scene.broker.port}/"
    first = await _no_entry(plain, scene.tls("MX"), "refused")
    second = await _no_entry(plain.replace("guest:guest", "PE:"), scene.tls("MX"), "refused")
    return first if first.got != "refused" else second


# ---- the administrator: whoever owns the broker can put any bytes into any queue, here in the gateway's own name


async def _put(scene: Scene, envelope: Envelope, receipt: bytes) -> None:
    item = InboxItem(10**6, ItemType.ENVELOPE, receipt, envelope.statement, envelope.sealed)
    await scene.publish("gateway", "deliver", "inbox.PE", item.encode(), type="envelope")


async def _aside(scene: Scene, envelope: Envelope) -> Seen:
    """What PE's program kept aside of it, at which check, and that nobody was handed it."""

    async def kept() -> list[tuple[int, str]]:
        rows = await scene.book("PE", "SELECT number, reason, item FROM quarantine")
        return [(int(n), str(r)) for n, r, item in rows if decode_item(item).statement == envelope.statement]

    ((number, reason),) = await eventually(kept)
    taken = await scene.book("PE", "SELECT digest FROM incoming")
    return Seen(reason, ASIDE if number == 1 and (envelope.digest,) not in taken else "taken")


@play
async def administrator_unadmitted(scene: Scene) -> Seen:
    """A well-signed message that was never submitted, with a receipt under the administrator's own key."""
    envelope = honest(scene, "FR", "PE")
    said = Acceptance(envelope.digest, Event.SUBMISSION_ACCEPTANCE, 10**6, int(time.time() * 1000))
    await _put(scene, envelope, sign_acceptances([said], scene.network.id, SigningKey.generate())[0])
    return await _aside(scene, envelope)


@play
async def administrator_refitted_receipt(scene: Scene) -> Seen:
    """A true receipt with another item in it."""
    envelope = honest(scene, "FR", "PE")
    true = cbor.decode(await scene.raw_receipt("FR", encode_submission(honest(scene, "FR", "BR"))))
    assert isinstance(true, list)
    item = cbor.encode([envelope.digest, "SubmissionAcceptance", 10**6, int(time.time() * 1000), None])
    await _put(scene, envelope, cbor.encode([*true[:3], item]))
    return await _aside(scene, envelope)


@play
async def administrator_other_receipt(scene: Scene) -> Seen:
    envelope = honest(scene, "FR", "PE")
    await _put(scene, envelope, await scene.raw_receipt("FR", encode_submission(honest(scene, "FR", "BR"))))
    return await _aside(scene, envelope)


@play
async def administrator_refused(scene: Scene) -> Seen:
    envelope = honest(scene, "FR", "PE", exercise=True)
    await _put(scene, envelope, await scene.raw_receipt("FR", encode_submission(envelope)))
    return await _aside(scene, envelope)


@play
async def administrator_first(scene: Scene) -> Seen:
    """A false copy under the true one's name, ahead of it: the true one is taken all the same."""
    envelope = forged(scene, "FR", "PE")
    await _put(scene, envelope, b"\x80")
    assert (await _aside(scene, envelope)).recorded == ASIDE
    assert (await sent(scene, envelope)).accepted

    async def handed_over() -> list[str]:
        found = [entry for entry in await scene.entries() if entry.get("digest") == envelope.digest.hex()]
        return [str(entry["event"]) for entry in found if entry["event"] == "ContentHandover"]

    return Seen("processed" if len(await eventually(handed_over)) == 1 else "processed twice", LEDGER)
