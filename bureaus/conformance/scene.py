"""What every live test works with: the program as one seat, its front, and the kit's bureau on the other side.

A test says what it found by raising `Wrong(expected, got)`. A program that fails in the middle of a test is started
again over the same folder at the next one, as a bureau would be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pydantic import JsonValue

from bureaus.client import Exchange
from bureaus.conformance.contract import OK, UNSUPPORTED, Answer, Level
from bureaus.conformance.findings import Finding, Trial, Verdict
from bureaus.conformance.forging import Forger
from bureaus.conformance.front import Front
from bureaus.conformance.ground import OPERATION, REPLY_CASE, Ground, Keys
from bureaus.conformance.peer import Peer, Trouble
from schemas.codes import Purpose
from schemas.directory import Link
from schemas.errors import BureaunetError
from schemas.evidence import SignedAcknowledgement
from schemas.messages import WhereaboutsQuery
from schemas.messages.codes import Asked
from schemas.wire import InboxItem

ASK_SECONDS: Final = 15
"""That the program may take to send and have its receipt."""
TAKE_SECONDS: Final = 15.0
"""That a message may take to reach the program's user."""
ANSWER_SECONDS: Final = 10.0
SHORT_SECONDS: Final = 2
"""That the program is given to ask where it must not."""
_MORE: Final = 10.0
"""Seconds that an answer may come later than the program was told to answer by."""
_QUIET: Final = 1
_POLL: Final = 0.05
_STARTING: Final = 30.0


class Wrong(Exception):
    """A live test found something else than it should."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}; got {got}")
        self.expected, self.got = expected, got


class Way(Protocol):
    """How the kit reaches into a link."""

    async def put(self, items: Sequence[InboxItem]) -> None:
        """Lay copies before the program, ahead of the next honest one."""

    def given(self) -> list[InboxItem]:
        """The copies that the program was given so far."""

    def acknowledged(self, digest: bytes) -> SignedAcknowledgement | None:
        """What the program's last acknowledgement of a digest says."""


@dataclass(frozen=True, slots=True)
class Message:
    """What the program's user saw."""

    digest: bytes
    sender: str
    re: bytes | None
    content: JsonValue


class Seat:
    """The program as one of its seats."""

    def __init__(self, peer: Peer, ground: Ground, keys: Keys, front: Front, folder: Path) -> None:
        self.peer, self.ground, self.keys, self.front, self._folder = peer, ground, keys, front, folder
        self.forger = Forger(ground, keys)
        self.gateway = front.url
        self.running = False
        self.seen: list[Message] = []
        self.attested: list[tuple[str, str, str]] = []
        """What the program's user was told of the answer clock: event, query in hexadecimal, and who was asked."""

    async def ask(self, do: str, given: dict[str, JsonValue], seconds: float = _STARTING) -> Answer:
        """One request. Raises Wrong where there is no answer, or the program does not do this."""
        answer = await self.peer.ask(do, given, seconds=seconds)
        if isinstance(answer, Trouble):
            self.running = False
            raise Wrong(f"an answer to {do}", answer.said)
        if answer.outcome == UNSUPPORTED:
            raise Wrong(f"{do} is done", UNSUPPORTED)
        return answer

    async def begin(self) -> Answer:
        """Start the program as this bureau."""
        reply: JsonValue = {
            "kind": "whereabouts.response/1",
            "answer": "final",
            "content": {"finding": "NO_TRACE", "case": REPLY_CASE},
        }
        ground, keys, sealing = self.ground, self.keys, self.keys.sealing
        given: dict[str, JsonValue] = {
            "address": keys.address,
            "link": str(ground.link),
            "network": (await asyncio.to_thread(ground.network_file.read_bytes)).hex(),
            "gateway": self.gateway,
            "broker": ground.broker_for(keys.address),
            "certificate": await asyncio.to_thread(ground.certificate(keys.address).read_text),
            "key": keys.pem,
            "authority": await asyncio.to_thread(ground.authority_certificate.read_text),
            "signing_seed": keys.signing.seed.hex(),
            "seed": sealing.seed.hex(),
            "x_wing": keys.x_wing.hex(),
            "folder": str(self._folder),
            "reply": reply,
        }
        answer = await self.ask("live.start", given)
        self.running = answer.outcome == OK
        return answer

    async def running_now(self) -> None:
        """See to it that the program runs as this bureau. Raises Wrong."""
        if not self.running:
            answer = await self.begin()
            if answer.outcome != OK:
                raise Wrong("live.start ends with ok", _told(answer))

    async def end(self) -> None:
        """End the program as this bureau."""
        if self.running:
            self.running = False
            await self.ask("live.stop", {})

    async def send(self, to: str, case: str, seconds: int = ASK_SECONDS, operation: str = OPERATION) -> Answer:
        """Let the program ask somebody where a case stands."""
        given: dict[str, JsonValue] = {
            "to": [to],
            "operation": operation,
            "purpose": "arrest",
            "kind": "whereabouts.query/1",
            "content": {"asked": ["status"], "case": case},
            "seconds": seconds,
        }
        return await self.ask("live.ask", given, seconds + _MORE)

    async def take(self, seconds: int = _QUIET) -> list[Message]:
        """What the program's user saw since."""
        answer = await self.ask("live.take", {"seconds": seconds}, seconds + _MORE)
        rows = answer.shows.get("messages")
        if answer.outcome != OK or not isinstance(rows, list):
            raise Wrong("live.take ends with ok and shows messages", _told(answer))
        fresh = [_message(row) for row in rows]
        self.seen += fresh
        said = answer.shows.get("attested")
        self.attested += [_attested(row) for row in said] if isinstance(said, list) else []
        return fresh

    async def take_until(self, done: Callable[[Message], bool], what: str) -> Message:
        """Let the program take what comes until the user saw this. Raises Wrong where it never does."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TAKE_SECONDS
        while True:
            for message in await self.take():
                if done(message):
                    return message
            if loop.time() > end:
                raise Wrong(what, f"nothing of the kind in {TAKE_SECONDS:g} s")

    async def told_of(self, wanted: tuple[str, str, str], what: str) -> None:
        """Let the program take what comes until its user was told this. Raises Wrong where it never is."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TAKE_SECONDS
        while wanted not in self.attested:
            await self.take()
            if loop.time() > end:
                raise Wrong(what, f"told of {self.attested}" if self.attested else "nothing")

    async def asked_by_kit(self, case: str) -> Exchange:
        """Let the kit's bureau ask the program, which takes the question and answers. Raises Wrong."""
        query = WhereaboutsQuery(asked=(Asked.STATUS,), case=case)
        to = [str(self.keys.address)]
        exchange = await self.ground.kit.ask(query, to=to, operation=OPERATION, purpose=Purpose.ARREST)
        await exchange.accepted(ANSWER_SECONDS)
        digest = exchange.digest
        await self.take_until(lambda one: one.digest == digest, "the kit's question reaches the program's user")
        return exchange


def _attested(row: JsonValue) -> tuple[str, str, str]:
    match row:
        case {"event": str(event), "query": str(query), "asked": str(asked)}:
            return event, query, asked
    raise Wrong("what is attested is {event, query, asked}", str(row)[:200])


def told(answer: Answer) -> str:
    """An answer in words."""
    return _told(answer)


def _told(answer: Answer) -> str:
    shown = ", ".join(f"{key} {value}" for key, value in answer.shows.items() if key != "messages")
    return ", ".join(part for part in (answer.outcome, shown, answer.detail) if part)[:300]


def _message(row: JsonValue) -> Message:
    match row:
        case {"digest": str(digest), "from": str(sender), "content": content, **more}:
            re = more.get("re")
            try:
                return Message(
                    bytes.fromhex(digest), sender, bytes.fromhex(re) if isinstance(re, str) else None, content
                )
            except ValueError:
                pass  # not hexadecimal: said below
    raise Wrong("a message is {digest, from, kind, re, content}", str(row)[:200])


async def until(holds: Callable[[], bool], seconds: float) -> bool:
    """Wait until it holds, at most so long: whether it does."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not holds():  # what the program does has no event here
        if loop.time() > end:
            return False
        await asyncio.sleep(_POLL)
    return True


async def judged(test: Trial, work: Callable[[], Awaitable[None]], given_up: bool) -> Finding:  # noqa: FBT001  # the peer's word
    """What a live test comes to."""
    if given_up:
        return Finding(test, Verdict.NOT_RUN, test.says, "not asked: the program failed too often")
    try:
        await work()
    except Wrong as wrong:
        return Finding(test, Verdict.WRONG, wrong.expected, wrong.got)
    except BureaunetError as error:  # of the kit's own bureau: what the program did never reached it, or was refused
        return Finding(test, Verdict.WRONG, test.says, f"{error.reason}: {error.detail}")
    return Finding(test, Verdict.RIGHT)


def live_test(link: Link, name: str, section: str, says: str) -> Trial:
    """A test of the dialogue over one link."""
    return Trial(f"live-{link}/{name}", section, Level.LIVE, says)
