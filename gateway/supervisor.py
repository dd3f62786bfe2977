"""Several gateway processes on one port, kept alive: `serve --workers N`.

Order: the port is bound here once; workers are started with the listening socket and take connections from its one
queue, so that none is lost when a worker ends. The first worker brings the database to its version, then the others
start. One that dies is started again after a pause that grows while it keeps dying. `roll` replaces one worker after
another: the new one is ready before the old one drains. `stop` lets all drain at once.

Rules: a worker is this program's own `serve`, with a pipe as its standard input: when the pipe closes, because this
process ended however it did, the worker drains and ends. What a worker says of itself comes on its standard output:
one line of JSON when it is ready.
"""

from __future__ import annotations

import asyncio
import json
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.ports import Watcher
from gateway.settings import Listener, Supervision
from schemas.errors import Reason, Unavailable

BACKLOG: Final = 512


def listen(bound: Listener) -> socket.socket:
    """The socket that all workers listen on.

    Raises:
        Unavailable: `unreachable`, the address cannot be listened on.
    """
    try:
        found = socket.getaddrinfo(bound.host, bound.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        made = socket.create_server((str(address[0]), bound.port), family=family, backlog=BACKLOG)
    except OSError as error:
        detail = f"cannot listen on {bound.host}:{bound.port}: {error.strerror}"
        raise Unavailable(Reason.UNREACHABLE, detail) from None
    made.setblocking(False)  # noqa: FBT003  # the flag is the method's one argument
    return made


class Ended(Exception):
    """A worker ended before it was ready."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a worker ended with code {code} before it was ready")
        self.code = code


@dataclass(eq=False)
class Worker:
    """One gateway process that is ready."""

    process: Process
    operators: str
    """URL of its own operators' listener."""
    began: float
    _output: asyncio.Task[None]

    async def ended(self) -> int:
        """Wait for its end: its exit code."""
        code = await self.process.wait()
        await self._output
        return code

    async def stop(self, within: float) -> int:
        """Let it drain, at most `within` seconds: its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        return await _ended(self.process, within)


@dataclass(eq=False)
class Slot:
    """The place of one worker."""

    number: int
    worker: Worker | None = None
    failures: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Supervisor:
    """Keeps `limits.workers` workers alive: serving inside `start` and `stop`."""

    def __init__(self, command: Sequence[str], listening: socket.socket, watcher: Watcher, limits: Supervision) -> None:
        """`command` starts a worker; the number of the listening socket's descriptor is added to it."""
        self._command = [*command, str(listening.fileno())]
        self._listening, self._watcher, self._limits = listening, watcher, limits
        self._slots = [Slot(number) for number in range(limits.workers)]
        self._keepers: list[asyncio.Task[None]] = []
        self._rolling = asyncio.Lock()

    @property
    def workers(self) -> list[Worker | None]:
        """Who serves now, by place; None while one is being started."""
        return [slot.worker for slot in self._slots]

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [worker.process.pid for worker in self.workers if worker is not None]

    async def start(self) -> None:
        """Start all: the first alone, since it may have to migrate the database.

        Raises:
            Ended: a worker ended before it was ready, having said why. Unavailable: one was not ready in time.
        """
        try:
            await self._fill(self._slots[0])
            found = await asyncio.gather(*map(self._fill, self._slots[1:]), return_exceptions=True)
            _raise_first(found)
        except BaseException:
            await self.stop()
            raise
        self._keepers = [asyncio.create_task(self._keep(slot)) for slot in self._slots]

    async def stop(self) -> None:
        """Let every worker drain; one that takes too long is ended."""
        self._listening.close()
        for task in self._keepers:
            task.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        running = [slot.worker for slot in self._slots if slot.worker is not None]
        await asyncio.gather(*(worker.stop(self._limits.stop_seconds) for worker in running))

    async def roll(self) -> None:
        """Replace one worker after another; where a new one does not become ready, the old one stays and it ends."""
        async with self._rolling:
            for slot in self._slots:
                if not await self._replace(slot):
                    return
            self._watcher.saw("workers-replaced", count=len(self._slots))

    async def _replace(self, slot: Slot) -> bool:
        async with slot.lock:
            old = slot.worker
            try:
                slot.worker = await self._begin()
            except (Ended, Unavailable):
                self._watcher.saw("worker-replacement-failed", worker=slot.number)
                return False
            slot.failures = 0
        if old is not None:
            code = await old.stop(self._limits.stop_seconds)
            self._watcher.saw("worker-replaced", worker=slot.number, code=code)
        return True

    async def _keep(self, slot: Slot) -> None:
        """Start the slot's worker again whenever it ends by itself."""
        while True:
            worker = slot.worker
            if worker is not None:
                code = await worker.ended()
                async with slot.lock:  # a replacement that is under way ends first
                    if slot.worker is worker:
                        slot.worker = None
                        steady = asyncio.get_running_loop().time() - worker.began > self._limits.steady_seconds
                        slot.failures = 0 if steady else slot.failures
                        self._watcher.saw("worker-failed", worker=slot.number, code=code)
            else:
                await asyncio.sleep(self._pause(slot))
                async with slot.lock:
                    await self._again(slot)

    def _pause(self, slot: Slot) -> float:
        doublings = float(2 ** min(slot.failures, 16))
        return min(self._limits.longest_pause_seconds, self._limits.first_pause_seconds * doublings)

    async def _again(self, slot: Slot) -> None:
        if slot.worker is not None:
            return
        slot.failures += 1
        try:
            slot.worker = await self._begin()
        except (Ended, Unavailable) as error:
            self._watcher.saw("worker-start-failed", worker=slot.number, cause=type(error).__name__)
        else:
            self._watcher.saw("worker-started", worker=slot.number, attempts=slot.failures)

    async def _fill(self, slot: Slot) -> None:
        slot.worker = await self._begin()

    async def _begin(self) -> Worker:
        """Start a worker and wait until it is ready."""
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, pass_fds=[self._listening.fileno()]
        )
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                operators = await _ready(process)
        except BaseException as error:
            if process.returncode is None and not isinstance(error, Ended):
                process.kill()
                await process.wait()
            if isinstance(error, TimeoutError):
                raise Unavailable(Reason.TIMEOUT, "a worker was not ready in time") from None
            raise
        began = asyncio.get_running_loop().time()
        return Worker(process, operators, began, asyncio.create_task(_drain(process)))


def _raise_first(found: Sequence[BaseException | None]) -> None:
    for error in found:
        if error is not None:
            raise error


async def _ready(process: Process) -> str:
    """Wait for the line that says ready: the URL of the worker's operators' listener."""
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    while line := await process.stdout.readline():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("event") == "ready":
            return str(said["operators"])
    raise Ended(await process.wait())


async def _drain(process: Process) -> None:
    """Read on, so that a worker never waits to write."""
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    while await process.stdout.read(4096):
        pass


async def _ended(process: Process, within: float) -> int:
    try:
        async with asyncio.timeout(within):
            return await process.wait()
    except TimeoutError:
        process.kill()
        return await process.wait()
