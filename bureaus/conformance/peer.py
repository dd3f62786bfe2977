"""The program under test: a command that is asked on its pipes, or a URL. It may hang, die, flood or lie.

Rules: one request at a time; each has a time; an answer has a bound in bytes, and what a command writes on standard
error too. A command that gave no proper answer is ended with its whole process group and started anew for the next
request; after `MOST_TROUBLES` of that the kit asks nothing more and says so. Nothing that a program answers is
believed here: it is judged by whoever asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, Self

import aiohttp
from pydantic import JsonValue, ValidationError

from bureaus.conformance.contract import MAX_LINE, Answer, Request
from schemas.errors import Misuse

SECONDS: Final = 20.0
"""For an answer to a request that names no time of its own."""
MOST_TROUBLES: Final = 8
"""Failures of the program itself, not of its answers, after which it is asked nothing more."""
_STARTING: Final = 20.0
_ENDING: Final = 2.0
_TAIL: Final = 4096
"""Bytes of standard error that are kept."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """There is no answer: the program said nothing in time, ended, or said what is no answer."""

    said: str
    given_up: bool = False


class Peer(Protocol):
    """Who is asked."""

    async def ask(self, do: str, given: Mapping[str, JsonValue], *, seconds: float = SECONDS) -> Answer | Trouble:
        """One request and its answer, or why there is none."""

    @property
    def given_up(self) -> bool:
        """Whether it failed so often that it is not asked any more."""


def read_answer(line: bytes, number: int) -> Answer | Trouble:
    """The answer to request `number`, or what is wrong with it."""
    try:
        answer = Answer.model_validate(json.loads(line))
    except (ValueError, RecursionError, ValidationError) as error:
        shown = line[:80].decode("utf-8", "replace")
        why = "no JSON" if not isinstance(error, ValidationError) else "not an answer of the contract"
        return Trouble(f"{why}: {shown!r}")
    if answer.id != number:
        return Trouble(f"an answer to request {answer.id} instead of {number}")
    return answer


class _Asking:
    """What both ways have in common: numbers, and an end to patience."""

    def __init__(self) -> None:
        self._number = 0
        self._troubles = 0

    @property
    def given_up(self) -> bool:
        """As `Peer.given_up`."""
        return self._troubles >= MOST_TROUBLES

    async def ask(self, do: str, given: Mapping[str, JsonValue], *, seconds: float = SECONDS) -> Answer | Trouble:
        """As `Peer.ask`."""
        if self.given_up:
            return Trouble("not asked: the program failed too often", given_up=True)
        self._number += 1
        request = Request(id=self._number, do=do, given=dict(given))
        answer = await self._exchange(request, seconds)
        if isinstance(answer, Trouble):
            self._troubles += 1
        return answer

    async def _exchange(self, request: Request, seconds: float) -> Answer | Trouble:
        raise NotImplementedError


class CommandPeer(_Asking):
    """A command: requests on its standard input, answers on its standard output. `async with CommandPeer(...)`."""

    def __init__(self, command: str) -> None:
        """Raises Misuse if the command is empty or cannot be split into words."""
        super().__init__()
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise Misuse(f"--command: {error}") from None
        if not self._words:
            raise Misuse("--command is empty")
        self._child: asyncio.subprocess.Process | None = None
        self._errors: deque[int] = deque(maxlen=_TAIL)
        self._draining: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start it. Raises Misuse if there is no such program."""
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it, and all that it started."""
        await self._end()

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            async with asyncio.timeout(_STARTING):
                child = await asyncio.create_subprocess_exec(
                    *self._words,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    limit=MAX_LINE,
                    start_new_session=True,
                )
        except OSError as error:
            raise Misuse(f"cannot run {self._words[0]}: {error.strerror}") from None
        self._child = child
        self._errors.clear()
        self._draining = asyncio.create_task(self._drain(child))
        return child

    async def _drain(self, child: asyncio.subprocess.Process) -> None:
        if child.stderr is not None:
            while part := await child.stderr.read(65536):
                self._errors.extend(part[-_TAIL:])

    async def _exchange(self, request: Request, seconds: float) -> Answer | Trouble:
        child = self._child or await self._start()
        try:
            async with asyncio.timeout(seconds):
                line = await self._converse(child, request)
        except TimeoutError:
            trouble = Trouble(f"no answer in {seconds:g} s")
        except (ValueError, asyncio.LimitOverrunError):  # StreamReader.readline's word for a line beyond its limit
            trouble = Trouble(f"a line longer than {MAX_LINE} bytes")
        except OSError as error:
            trouble = Trouble(f"the program does not listen: {type(error).__name__}{self._complaint()}")
        else:
            answer = read_answer(line, request.id) if line.endswith(b"\n") else await self._ended(child)
            if isinstance(answer, Answer):
                return answer
            trouble = answer
        await self._end()
        return trouble

    async def _converse(self, child: asyncio.subprocess.Process, request: Request) -> bytes:
        if child.stdin is None or child.stdout is None:
            raise Misuse("the program has no pipes")
        child.stdin.write(request.model_dump_json().encode() + b"\n")
        await child.stdin.drain()
        return await child.stdout.readline()

    async def _ended(self, child: asyncio.subprocess.Process) -> Trouble:
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING):
                await child.wait()
        how = "closed its output" if child.returncode is None else f"ended with code {child.returncode}"
        return Trouble(f"the program {how}{self._complaint()}")

    def _complaint(self) -> str:
        lines = bytes(self._errors).decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1][:200]}" if lines else ""

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):  # nothing of its group is left
            os.killpg(child.pid, signal.SIGKILL)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING):
                await child.wait()
        if self._draining is not None:
            self._draining.cancel()
            await asyncio.gather(self._draining, return_exceptions=True)


class UrlPeer(_Asking):
    """A URL that takes each request as the body of a POST. `async with UrlPeer(...)`."""

    def __init__(self, url: str) -> None:
        """Raises Misuse if it is no URL."""
        super().__init__()
        if not url.startswith(("http://", "https://")):
            raise Misuse("--client-url begins with http:// or https://")
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Be ready to ask."""
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    async def _exchange(self, request: Request, seconds: float) -> Answer | Trouble:
        if self._session is None:
            raise Misuse("enter the peer first")
        body = request.model_dump_json().encode()
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.post(
                    self._url, data=body, headers={"Content-Type": "application/json"}, allow_redirects=False
                ) as response,
            ):
                said = bytearray()
                async for part in response.content.iter_any():
                    said += part
                    if len(said) > MAX_LINE:
                        return Trouble(f"an answer longer than {MAX_LINE} bytes")
        except TimeoutError:
            return Trouble(f"no answer in {seconds:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Trouble(f"the program does not answer: {type(error).__name__}")
        if response.status != 200:
            return Trouble(f"HTTP status {response.status}")
        return read_answer(bytes(said), request.id)
