"""Child processes that are ready when we say so, end when we say so, and never outlive us.

Order: `start`, `ready` (until a probe says yes, the child exits, or time is up), then `stop` or `kill`. A
process may be started again after it ended; its log is appended to.

Rules: a child is its own session, so a Ctrl-C meant for us does not reach it; it is ended by its id and its
group, never by a name; it gets the environment it is given and nothing of ours; it runs through `launch`, so
on Linux the kernel ends it when we die without a word (elsewhere it would stay). The kernel watches the
thread that started the child: start processes from a thread that lives as long as they should, never from a
worker thread.

`Process` is not bound to an event loop (`subprocess` and a poll every 20 ms, not asyncio's child watcher), so
a fixture made in one test's loop can be killed and restarted in another's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from schemas.errors import Misuse, Reason, Unavailable

LOOPBACK = "127.0.0.1"
POLL = 0.02
"""Seconds between two looks at a child."""
TAIL_LINES = 20
"""Lines of a child's log shown when it fails."""
LOWEST_PORT, FALLBACK_HIGHEST_PORT = 15_000, 32_767

_LAUNCHER = Path(__file__).with_name("launch.py")
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ports_given: set[int] = set()


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group ids that a child runs under."""

    uid: int
    gid: int


class Process:
    """One child process: its command, its log file, and its life."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        account: Account | None = None,
        when_orphaned: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log = log
        self._command = _launched(arguments, account, when_orphaned)
        self._environment = dict(environment)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the child was started and has not exited."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The child's process id, which is also its group's. Raises Misuse before the first start."""
        if self._child is None:
            msg = f"{self.name} was not started"
            raise Misuse(msg)
        return self._child.pid

    def start(self) -> None:
        """Start the child; it is not ready yet. Raises Misuse if it runs already."""
        if self.running:
            msg = f"{self.name} runs already"
            raise Misuse(msg)
        with self.log.open("ab") as log:
            self._child = _spawn(self._command, self._environment, log)

    async def ready(self, probe: Callable[[], Awaitable[bool]], *, within: float) -> None:
        """Wait until `probe` says yes, at most `within` seconds.

        Raises Unavailable with the last lines of the log if the child exits first or the time is up; the
        child is then left as it is, for the caller to end.
        """
        try:
            async with asyncio.timeout(within):
                while not await probe():
                    self._must_run()
                    await asyncio.sleep(POLL)
        except TimeoutError:
            msg = f"{self.name} was not ready after {within:g} s{self._shown_tail()}"
            raise Unavailable(Reason.UNREACHABLE, msg) from None
        self._must_run()

    async def stop(self, *, by: signal.Signals = signal.SIGTERM, grace: float = 15.0) -> int:
        """Ask the child to end with `by`; after `grace` seconds SIGKILL. Give its exit code."""
        self.send(by)
        try:
            async with asyncio.timeout(grace):
                return await self.wait()
        except TimeoutError:
            return await self.kill()
        finally:
            self._end_group()

    async def kill(self) -> int:
        """End the child and its group at once with SIGKILL, as a crash would. Give its exit code."""
        self._end_group()
        return await self.wait()

    async def wait(self) -> int:
        """Wait for the child's exit and give its code. Raises Misuse before the first start."""
        while self.running:  # noqa: ASYNC110  # no event: see the module's docstring
            await asyncio.sleep(POLL)
        if self._child is None or self._child.returncode is None:
            msg = f"{self.name} was not started"
            raise Misuse(msg)
        return self._child.returncode

    def send(self, what: signal.Signals) -> None:
        """Send a signal to the child alone (SIGSTOP and SIGCONT freeze and thaw it); none if it has exited."""
        if self._child is not None:
            self._child.send_signal(what)

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Give the last lines of the child's log."""
        try:
            text = self.log.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _must_run(self) -> None:
        if not self.running:
            code = self._child.returncode if self._child is not None else None
            msg = f"{self.name} exited with code {code}{self._shown_tail()}"
            raise Unavailable(Reason.UNREACHABLE, msg)

    def _shown_tail(self) -> str:
        tail = self.tail()
        return f"; the end of its log:\n{tail}" if tail else "; its log is empty"

    def _end_group(self) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):  # nothing of the group is left
                os.killpg(self._child.pid, signal.SIGKILL)


async def run(
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    account: Account | None = None,
    within: float = 60.0,
) -> str:
    """Run a short command to its end and give what it wrote on standard output, as text.

    Raises Unavailable with the end of its output if it fails, or if it takes longer than `within` seconds.
    """
    child = await asyncio.create_subprocess_exec(
        *_launched(arguments, account, signal.SIGKILL),
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    name = Path(arguments[0]).name
    try:
        async with asyncio.timeout(within):
            out, err = await child.communicate()
    except TimeoutError:
        msg = f"{name} took longer than {within:g} s"
        raise Unavailable(Reason.UNREACHABLE, msg) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        said = "\n".join((out + err).decode("utf-8", "replace").splitlines()[-TAIL_LINES:])
        msg = f"{name} exited with code {child.returncode}:\n{said}"
        raise Unavailable(Reason.UNREACHABLE, msg)
    return out.decode("utf-8")


def free_port() -> int:
    """Give a TCP port on 127.0.0.1 that nobody listens on and this process has not given out before.

    It lies below the range that the kernel takes client ports from. Inside that range a client which dials a
    server that is down, again and again, can be given the server's own port, connect to itself, and keep the
    port taken. Another program may still take the port before it is used: whoever starts a server tries again
    with another.
    """
    for _ in range(1_000):
        port = random.randint(LOWEST_PORT, _highest_port())  # noqa: S311  # a port is no secret
        if port not in _ports_given and is_free(port):
            _ports_given.add(port)
            return port
    raise Unavailable(Reason.OVERLOADED, "no free port on loopback")


def is_free(port: int) -> bool:
    """Say whether nobody listens on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of a server that ended do not count
        try:
            trial.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


async def accepts(port: int) -> bool:
    """Say whether something accepts TCP connections on this loopback port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):  # it accepted; that it hung up first does not matter
        await writer.wait_closed()
    return True


def _highest_port() -> int:
    try:
        first_client_port = int(_PORT_RANGE.read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return FALLBACK_HIGHEST_PORT
    return first_client_port - 1 if first_client_port > LOWEST_PORT + 1_000 else FALLBACK_HIGHEST_PORT


def _launched(arguments: Sequence[str | Path], account: Account | None, when_orphaned: int) -> list[str]:
    ids = ("-", "-") if account is None else (str(account.uid), str(account.gid))
    launcher = (sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(when_orphaned)))
    return [*launcher, *ids, *map(str, arguments)]


def _spawn(command: list[str], environment: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
